import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyStreamsHistory, checkStreamsHistory } from './testing/stream-history.ts';

test('after 1,000 random histories of several streams, a reader has missed and repeated nothing in any of them', async () => {
  const property = fc.asyncProperty(anyStreamsHistory, (history) => checkStreamsHistory(history));
  await expect(fc.assert(property, { numRuns: 1000, seed: 20_261_129 })).resolves.toBeUndefined();
}, 1_800_000);
