import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { anyStreamsHistory, checkStreamsHistory } from '../../codegen/runtime/testing/stream-history.ts';
import { PythonFollowers } from '../testing/python-follower.ts';

const python = new PythonFollowers();
afterAll(() => python.end());

test('after 1,000 random histories of several streams, a reader in Python has missed and repeated nothing', async () => {
  const property = fc.asyncProperty(anyStreamsHistory, (history) => checkStreamsHistory(history, python.followStreams));
  await expect(fc.assert(property, { numRuns: 1000, seed: 20_261_129, endOnFailure: true })).resolves.toBeUndefined();
}, 3_600_000);
