import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyGatewayHistory, checkGatewayHistory, followByTypeScript } from '../testing/mirror-history.ts';

test('after 1,000 random histories behind a proxy that cuts connections, a mirror equals the warm picture, and a reader has missed and repeated nothing', async () => {
  const property = fc.asyncProperty(anyGatewayHistory, (turns) => checkGatewayHistory(turns, followByTypeScript));
  await expect(fc.assert(property, { numRuns: 1_000, seed: 20_261_129 })).resolves.toBeUndefined();
}, 3_600_000);
