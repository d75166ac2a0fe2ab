/** The adversary finds costly inputs without help, and its messages stay within the limits of a real gateway. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { serveWatching, suite } from '../testing/processes.ts';
import { ATTACKED } from './attacked-operations.ts';
import { climbHill } from './hill-climbing.ts';
import { mutate, randomInput } from './input.ts';
import type { Gene } from './input.ts';
import { readKept } from './kept-inputs.ts';
import { Random } from './random.ts';
import type { Replies } from './session.ts';

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

async function watchedDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'adversary-'));
  await writeFile(join(directory, 'a.ts'), '');
  return directory;
}

interface Result {
  readonly operation: string;
  readonly worst: readonly { readonly cost: { readonly cpuMs: number; readonly replies: Replies } }[];
}

/** Replies with which an operation refuses what its attack sends, after it has read it: a forged token, a forged cursor. */
const FORGERIES: Readonly<Record<string, string>> = { authenticate: 'error unauthenticated', post_files: 'status 400' };
/** Replies to what exceeds the rate of commands and requests. */
const OVER_RATE: readonly string[] = ['error rate_limited', 'status 429'];

/** Why an input says little about its operation; undefined if the server processed it. */
function refusalOf(operation: string, replies: Replies): string | undefined {
  // The server closes a connection that continues to send too many commands, and does not reply to the rest of them.
  const excused = 'error rate_limited' in replies ? [...OVER_RATE, 'no reply'] : OVER_RATE;
  const kinds = Object.keys(replies).filter((kind) => !excused.includes(kind));
  const isRefusal = (kind: string): boolean =>
    /^(error|status [345]|no |timeout)/.test(kind) && kind !== FORGERIES[operation];
  return kinds.length === 0 || kinds.some(isRefusal) ? `${operation} ${JSON.stringify(replies)}` : undefined;
}

describe('conformance hostile --search', () => {
  // The search lasts most of a minute on an idle machine, so the usual timeout is too short for a busy one.
  test(
    'measures each operation of a real gateway, which processes every input and whose replies have no fault',
    { timeout: 600_000 },
    async () => {
      // With this rate, the search does not wait long between the inputs of HTTP operations. All other limits have their defaults.
      const gateway = await serveWatching(await watchedDirectory(), { commandsPerSecond: 1000 });
      try {
        // Four inputs: the three that are kept, and the largest one.
        const { code, stdout } = await suite(
          ...['hostile', '--url', gateway.url, '--search', '4', '--json', '--max-latency', '20000'],
          ...['--pid', String(gateway.pid)],
        );
        const results = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Result);
        expect(results.map(({ operation }) => operation)).toEqual(ATTACKED.map(({ name }) => name));
        for (const each of results) expect(each).toMatchObject({ evaluations: 4, faults: [] });
        expect(results.every(({ worst }) => worst.every(({ cost }) => cost.cpuMs > 0))).toBe(true);
        const refused = results.flatMap(({ operation, worst }) =>
          worst.flatMap(({ cost }) => refusalOf(operation, cost.replies) ?? []),
        );
        expect(refused).toEqual([]);
        expect(code).toBe(0);
      } finally {
        await gateway.stop();
      }
    },
  );

  test('reports an operation that does not exist', async () => {
    const { code, stderr } = await suite('hostile', '--url', 'ws://127.0.0.1:1/ws', '--operation', 'publish');
    expect(stderr).toContain('--operation publish: there is no such operation; use one of subscribe');
    expect(code).toBe(2);
  });

  test('has stored inputs for every operation, which a gateway with default limits processed', () => {
    const kept = readKept();
    const stored = new Set(kept.map(({ operation }) => operation));
    expect(ATTACKED.map(({ name }) => name).filter((name) => !stored.has(name))).toEqual([]);
    expect(kept.flatMap(({ operation, cost }) => refusalOf(operation, cost.replies) ?? [])).toEqual([]);
  });
});
