import { afterEach, describe, expect, test } from 'vitest';
import { interleave } from './testing/interleave.ts';
import { cleanUp } from './testing/watched.ts';

afterEach(cleanUp);

/** `TIDEMARK_INTERLEAVING_ROUNDS` and `TIDEMARK_MODEL_SEED` select longer or different work; a failure prints all calls of the round. */
const rounds = Number(process.env['TIDEMARK_INTERLEAVING_ROUNDS'] ?? 12);
const seed = Number(process.env['TIDEMARK_MODEL_SEED'] ?? 7);
const work = { seed, rounds, perRound: 3, between: 10 };

describe('if the tree changes between the steps of the source, the reported state equals the real state', () => {
  test('with one watch for each directory', async () => {
    expect(await interleave(work)).toEqual({ losses: [], warnings: [] });
  });

  test('with one watch for the whole tree', async () => {
    expect(await interleave({ ...work, variant: 'paths' })).toEqual({ losses: [], warnings: [] });
  });

  test('with ignore files that change', async () => {
    expect(await interleave({ ...work, variant: 'rules' })).toHaveProperty('losses');
  });

  test('with a root that is moved', async () => {
    expect(await interleave({ ...work, variant: 'root' })).toHaveProperty('losses');
  });
});
