import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { createClient } from '../../generated/client.ts';
import { createGateway } from '../gateway.ts';
import { PATIENCE } from '../testing/rig.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Starts a gateway, uses it, and closes it. */
async function useGateway(): Promise<WeakRef<object>> {
  const gateway = createGateway();
  const { url, httpUrl } = await gateway.listen({ port: 0 });
  const client = createClient({ url });
  await client.connect();
  await gateway.publish('tick', {});
  expect(await gateway.metrics()).toContain('nodejs_gc_duration_seconds');
  expect((await fetch(`${httpUrl}/metrics`)).status).toBe(200);
  await client.close();
  await gateway.close({ drainMs: 0 });
  return new WeakRef(gateway);
}

test('a program that starts and closes gateways again and again does not keep the closed ones in memory', async () => {
  const closed: WeakRef<object>[] = [];
  for (let round = 0; round < 3; round += 1) closed.push(await useGateway());
  await vi.waitFor(() => {
    collectGarbage();
    expect(closed.filter((reference) => reference.deref() !== undefined)).toHaveLength(0);
  }, PATIENCE);
});
