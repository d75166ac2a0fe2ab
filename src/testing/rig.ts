/** Gateways in this process and their clients, for one test file. After a test, everything that it opened is closed, the newest first. */
import { afterEach } from 'vitest';
import { createClient } from '../../generated/client.ts';
import type { ClientOptions, TidemarkClient } from '../../generated/client.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions, Listening } from '../gateway.ts';
import { RawClient } from './raw-client.ts';

/**
 * Options of `vi.waitFor`, in milliseconds. The timeout only prevents a test from hanging, and is long enough for a busy machine. The short
 * interval keeps waits short on an idle machine.
 */
export const PATIENCE = { timeout: 30_000, interval: 5 } as const;

const cleanups: (() => unknown)[] = [];

afterEach(cleanUp);

/** Closes everything that the current test has opened so far. A test of many rounds calls it after each round. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}

/** Registers a function that runs after the current test. Functions run in reverse order of their registration. */
export function onCleanup(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export interface Served extends Listening {
  readonly gateway: Gateway;
}

/** Starts a gateway that listens on the given port; by default on a free port. */
export async function serve({
  port = 0,
  ...options
}: GatewayOptions & { readonly port?: number } = {}): Promise<Served> {
  const gateway = gatewayOf(options);
  return { gateway, ...(await gateway.listen({ port })) };
}

/** Creates a gateway that does not listen yet. */
export function gatewayOf(options: GatewayOptions = {}): Gateway {
  const gateway = createGateway(options);
  onCleanup(() => gateway.close({ drainMs: 0 }));
  return gateway;
}

/** Connects a client that makes all frames available. */
export async function connect(url: string, options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
  const client = await RawClient.open(url, options);
  onCleanup(() => client.close());
  return client;
}

/** Creates a client of the SDK with very short delays between its attempts to reconnect. */
export function clientOf(url: string, options: Partial<ClientOptions> = {}): TidemarkClient {
  const client = createClient({ url, backoff: { minMs: 4, maxMs: 20 }, ...options });
  onCleanup(() => client.close());
  return client;
}

/** Collects all items of a subscription in an array, which grows as they arrive. */
export function collect<Item>(items: AsyncIterable<Item>): Item[] {
  const all: Item[] = [];
  void (async () => {
    for await (const item of items) all.push(item);
  })().catch(() => undefined);
  return all;
}
