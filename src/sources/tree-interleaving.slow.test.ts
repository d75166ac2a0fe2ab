/**
 * A long version of tree-interleaving.test.ts. `TIDEMARK_INTERLEAVING_SEEDS` sets the number of seeds; a seed takes about three seconds.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { interleave } from './testing/interleave.ts';
import { cleanUp } from './testing/watched.ts';

afterEach(cleanUp);

const count = Number(process.env['TIDEMARK_INTERLEAVING_SEEDS'] ?? 25);
const first = Number(process.env['TIDEMARK_MODEL_SEED'] ?? 1);
const seeds = Array.from({ length: count }, (_, index) => first + index);

const nothing = { losses: [], warnings: [] };
const anything = { losses: expect.any(Array), warnings: expect.any(Array) };

describe.each([
  ['plain', nothing],
  ['paths', nothing],
  ['rules', anything],
  ['root', anything],
] as const)('if the tree changes between the steps of the source (variant “%s”)', (variant, expected) => {
  test.each(seeds)('the reported state equals the real state with seed %i', async (seed) => {
    expect(await interleave({ seed, rounds: 40, perRound: 3, between: 10, variant })).toEqual(expected);
  });
});
