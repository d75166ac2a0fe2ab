/** Makes clients and servers for a test, and closes all of them after the test. */
import { afterEach } from 'vitest';
import type { ClientOptions } from '../settings.ts';
import type { Subscription } from '../subscription.ts';
import { startFakeServer } from './fake-server.ts';
import type { FakeServer, FakeServerOptions } from './fake-server.ts';
import { ModelGateway } from './model-gateway.ts';
import { Mirror } from '../mirror.ts';
import type { MirrorOptions } from '../mirror.ts';
import { pictureRules } from '../picture.ts';
import { DECLARED, SampleClient } from './sample-client.ts';
import type { EntityCreatedEvent, SampleContract } from './sample-client.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

export async function fakeServer(options?: FakeServerOptions): Promise<FakeServer> {
  const server = await startFakeServer(options);
  cleanups.push(() => server.close());
  return server;
}

export async function modelServer(options?: FakeServerOptions): Promise<{ server: FakeServer; model: ModelGateway }> {
  const model = new ModelGateway();
  return {
    server: await fakeServer({ script: (connection, command) => model.script(connection, command), ...options }),
    model,
  };
}

/** A client that reconnects within milliseconds, with fixed jitter. */
export function clientOf(server: { readonly url: string }, options: Partial<ClientOptions> = {}): SampleClient {
  const backoff = { minMs: 4, maxMs: 20 };
  const client = new SampleClient({ url: server.url, backoff, random: seededRandom(7), ...options });
  cleanups.push(() => client.close());
  return client;
}

/** A mirror of the entities. It is closed when its client is closed. */
export function entitiesOf(
  client: SampleClient,
  options: MirrorOptions = {},
): Mirror<SampleContract, EntityCreatedEvent> {
  return new Mirror<SampleContract, EntityCreatedEvent>(client, pictureRules(DECLARED, 'entity_*'), options);
}

/** Reads items until there are `count`. */
export async function take<Item>(subscription: Subscription<SampleContract, Item>, count: number): Promise<Item[]> {
  const iterator = subscription[Symbol.asyncIterator]();
  const items: Item[] = [];
  while (items.length < count) {
    const result = await iterator.next();
    if (result.done === true) break;
    items.push(result.value);
  }
  return items;
}

/** Collects the items of a subscription in the background; `ended` resolves with the error that ended it, if any. */
export function collect<Item>(subscription: AsyncIterable<Item>): {
  readonly items: Item[];
  readonly ended: Promise<unknown>;
} {
  const items: Item[] = [];
  const run = async (): Promise<unknown> => {
    try {
      for await (const item of subscription) items.push(item);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  return { items, ended: run() };
}

/** The reason of a rejected promise; fails when the promise resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  throw new Error(`resolved with ${JSON.stringify(outcome.value)}`);
}

/** mulberry32: the same numbers on every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
