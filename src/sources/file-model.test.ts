import { afterEach, describe, expect, test } from 'vitest';
import { explore } from './testing/explore.ts';
import { cleanUp } from './testing/watched.ts';

afterEach(cleanUp);

describe('after random work, the reported state equals the real state', () => {
  const seeds = (process.env['TIDEMARK_MODEL_SEEDS'] ?? '1,2').split(',').map(Number);
  const rounds = Number(process.env['TIDEMARK_MODEL_ROUNDS'] ?? 15);
  const nothing = { losses: [], warnings: [] };
  test.each(seeds)('with seed %i, a few operations at a time', async (seed) => {
    expect(await explore({ seed, rounds, perRound: 4 })).toEqual(nothing);
  });
  test.each(seeds)('with seed %i, many operations at a time', async (seed) => {
    expect(await explore({ seed: seed + 1000, rounds, perRound: 25 })).toEqual(nothing);
  });
  test('with branches that Git checks out and stashes', { timeout: 60_000 }, async () => {
    const tools = ['checkout', 'stash'];
    expect(await explore({ seed: 5, rounds: 6, perRound: 8, tools })).toEqual(nothing);
  });
});
