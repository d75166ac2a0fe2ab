import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { anyGatewayHistory, checkGatewayHistory } from '../testing/mirror-history.ts';
import { PythonFollowers } from '../testing/python-follower.ts';

const python = new PythonFollowers();
afterAll(() => python.end());

test('after 1,000 random histories behind a proxy that cuts connections, a mirror in Python equals the warm picture, and a reader has missed and repeated nothing', async () => {
  const property = fc.asyncProperty(anyGatewayHistory, (turns) => checkGatewayHistory(turns, python.follow));
  await expect(fc.assert(property, { numRuns: 1000, seed: 20_261_129 })).resolves.toBeUndefined();
}, 3_600_000);
