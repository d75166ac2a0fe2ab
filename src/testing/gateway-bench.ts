/** Gateways in this process and raw clients of theirs, for one test file: what a test opens is closed after it. */
import { afterEach } from 'vitest';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions } from '../gateway.ts';
import { RawClient } from './raw-client.ts';

const running: Gateway[] = [];
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const gateway of running.splice(0)) await gateway.close({ drainMs: 0 });
});

export async function serve(
  options: GatewayOptions = {},
): Promise<{ readonly gateway: Gateway; readonly url: string; readonly httpUrl: string }> {
  const gateway = createGateway(options);
  running.push(gateway);
  const { url, httpUrl } = await gateway.listen({ port: 0 });
  return { gateway, url, httpUrl };
}

export async function connect(url: string, options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
  const client = await RawClient.open(url, options);
  clients.push(client);
  return client;
}
