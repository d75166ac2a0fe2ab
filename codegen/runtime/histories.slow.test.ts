import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyHistory, checkHistory } from './testing/history.ts';

test('after 1,000 random histories a mirror equals the picture, and a reader has missed and repeated nothing', async () => {
  const property = fc.asyncProperty(anyHistory, checkHistory);
  await expect(fc.assert(property, { numRuns: 1000, seed: 20_261_129 })).resolves.toBeUndefined();
}, 1_800_000);
