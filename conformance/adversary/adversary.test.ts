/** The adversary finds costly inputs without help, and its messages stay within the limits of a real gateway. */
import { describe, expect, test } from 'vitest';
import { serveOpen, suite } from '../testing/processes.ts';
import { ATTACKED } from './attacked-operations.ts';
import { climbHill } from './hill-climbing.ts';
import { mutate, randomInput } from './input.ts';
import type { Gene } from './input.ts';
import { readKept } from './kept-inputs.ts';
import { Random } from './random.ts';

const GENES: readonly Gene[] = [
  { name: 'commands', min: 1, max: 100 },
  { name: 'patterns', min: 0, max: 64 },
  { name: 'style', min: 0, max: 5 },
  { name: 'length', min: 1, max: 60_000 },
];

describe('the search', () => {
  test.each([1, 2, 3, 4, 5])('finds an input that only a combination makes costly (seed %i)', async (seed) => {
    // Only style 3 with a short message is costly. Its cost grows with the number of patterns and of commands.
    const costOf = ({ style = 0, patterns = 0, commands = 0, length = 0 }): number =>
      style === 3 && length < 1000 ? patterns * Math.min(commands, 20) : commands / 100;
    const ranked = await climbHill({
      genes: GENES,
      start: [],
      evaluations: 500,
      random: new Random(seed),
      evaluate: (input) => Promise.resolve(costOf(input)),
      rank: (cost) => cost,
    });
    expect(ranked).toHaveLength(500);
    expect(ranked[0]?.cost).toBeGreaterThan(64 * 20 * 0.8);
    expect(ranked.map(({ cost }) => cost)).toEqual(ranked.map(({ cost }) => cost).toSorted((a, b) => b - a));
  });

  test('makes only inputs within the bounds of each gene', () => {
    const random = new Random(7);
    for (const { genes } of ATTACKED) {
      let input = randomInput(genes, random);
      for (let step = 0; step < 200; step += 1) {
        for (const { name, min, max } of genes) {
          expect(input[name]).toBeGreaterThanOrEqual(min);
          expect(input[name]).toBeLessThanOrEqual(max);
        }
        input = mutate(genes, input, random);
      }
    }
  });
});

describe('conformance hostile --search', () => {
  test('measures each operation of a real gateway, and finds no fault in its replies', async () => {
    const gateway = await serveOpen();
    try {
      const { code, stdout } = await suite(
        ...['hostile', '--url', gateway.url, '--search', '2', '--json', '--max-latency', '20000'],
        ...['--pid', String(gateway.pid)],
      );
      const results = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { operation: string; worst: { cost: { cpuMs: number } }[] });
      expect(results.map(({ operation }) => operation)).toEqual(ATTACKED.map(({ name }) => name));
      for (const each of results) expect(each).toMatchObject({ evaluations: 2, faults: [] });
      expect(results.every(({ worst }) => worst.every(({ cost }) => cost.cpuMs > 0))).toBe(true);
      expect(code).toBe(0);
    } finally {
      await gateway.stop();
    }
  });

  test('reports an operation that does not exist', async () => {
    const { code, stderr } = await suite('hostile', '--url', 'ws://127.0.0.1:1/ws', '--operation', 'publish');
    expect(stderr).toContain('--operation publish: there is no such operation; use one of subscribe');
    expect(code).toBe(2);
  });

  test('has stored inputs for every operation', () => {
    const kept = new Set(readKept().map(({ operation }) => operation));
    expect(ATTACKED.map(({ name }) => name).filter((name) => !kept.has(name))).toEqual([]);
  });
});
