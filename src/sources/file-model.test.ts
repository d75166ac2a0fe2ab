import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { apply, differences, walk } from './testing/model.ts';
import type { Picture } from './testing/model.ts';
import { Operations } from './testing/operations.ts';
import { cleanUp, cleanups, wait, watch } from './testing/watched.ts';

afterEach(cleanUp);

/** Random work, and after each round the picture of a subscriber against a walk of the tree. Returns what is wrong. */
async function explore(seed: number, rounds: number, perRound: number): Promise<unknown> {
  const outside = mkdtempSync(join(tmpdir(), 'tidemark-elsewhere-'));
  cleanups.push(() => rm(outside, { recursive: true, force: true }));
  const { directory, changes, losses, warnings } = await watch({ 'a/b/c': '1', 'b/a': '2' });
  const picture: Picture = walk(directory);
  const operations = new Operations(directory, outside, seed);
  let taken = 0;
  for (let round = 0; round < rounds; round += 1) {
    const done = Array.from({ length: perRound }, () => operations.run());
    let wrong: string[] = [];
    const agrees = (): boolean => {
      for (const change of changes.slice(taken)) apply(picture, change);
      taken = changes.length;
      wrong = differences(picture, walk(directory, operations.linked));
      return wrong.length === 0;
    };
    await vi.waitUntil(agrees, wait).catch(() => undefined);
    if (wrong.length > 0) return { seed, round, done, wrong, last: changes.slice(-20) };
  }
  return { losses, warnings };
}

describe('after random work, what was reported is what is there', () => {
  const seeds = (process.env['TIDEMARK_MODEL_SEEDS'] ?? '1,2').split(',').map(Number);
  const rounds = Number(process.env['TIDEMARK_MODEL_ROUNDS'] ?? 15);
  const nothing = { losses: [], warnings: [] };
  test.each(seeds)('with seed %i, a few operations at a time', async (seed) => {
    expect(await explore(seed, rounds, 4)).toEqual(nothing);
  });
  test.each(seeds)('with seed %i, many operations at a time', async (seed) => {
    expect(await explore(seed + 1000, rounds, 25)).toEqual(nothing);
  });
});
