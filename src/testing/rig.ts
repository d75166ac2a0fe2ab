/** Gateways in this process and their clients, for one test file. What a test opens is closed after it, newest first. */
import { afterEach } from 'vitest';
import { createClient } from '../../generated/client.ts';
import type { ClientOptions, TidemarkClient } from '../../generated/client.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions, Listening } from '../gateway.ts';
import { RawClient } from './raw-client.ts';

/**
 * For `vi.waitFor`, in milliseconds. The timeout only prevents hanging and is generous for a busy machine; the short interval
 * keeps waits short on an idle one.
 */
export const PATIENCE = { timeout: 30_000, interval: 5 } as const;

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Registers a function to run after the current test; the last registered runs first. */
export function onCleanup(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export interface Served extends Listening {
  readonly gateway: Gateway;
}

/** A gateway that listens on a free port, or on the one given. */
export async function serve({
  port = 0,
  ...options
}: GatewayOptions & { readonly port?: number } = {}): Promise<Served> {
  const gateway = gatewayOf(options);
  return { gateway, ...(await gateway.listen({ port })) };
}

/** A gateway that does not listen yet. */
export function gatewayOf(options: GatewayOptions = {}): Gateway {
  const gateway = createGateway(options);
  onCleanup(() => gateway.close({ drainMs: 0 }));
  return gateway;
}

/** A client that shows every frame. */
export async function connect(url: string, options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
  const client = await RawClient.open(url, options);
  onCleanup(() => client.close());
  return client;
}

/** The client SDK, which reconnects at once. */
export function clientOf(url: string, options: Partial<ClientOptions> = {}): TidemarkClient {
  const client = createClient({ url, backoff: { minMs: 4, maxMs: 20 }, ...options });
  onCleanup(() => client.close());
  return client;
}

/** Everything that a subscription yields, as it arrives. */
export function collect<Item>(items: AsyncIterable<Item>): Item[] {
  const all: Item[] = [];
  void (async () => {
    for await (const item of items) all.push(item);
  })().catch(() => undefined);
  return all;
}
