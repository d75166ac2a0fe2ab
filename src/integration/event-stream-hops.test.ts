/** A client of server-sent events that moves between two gateways on one Redis while both publish: no event is lost or repeated (SSE-5). */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { resolveOptions } from '../options.ts';
import { EventStreamReader } from '../testing/event-stream-reader.ts';
import type { Frame } from '../testing/raw-client.ts';
import { PATIENCE, onCleanup } from '../testing/rig.ts';
import { Random } from '../testing/slow-readers/random.ts';

const QUERY = 'streams=main&streams=workspace:*&streams=session:*&events=tick&replay=none';
/** Number of sessions. An `id` can name more streams than this, so no event has to be repeated. */
const SESSIONS = 40;
const MOVES = 20;
/** The text of each event. It is long, so that a replay arrives in several parts and can be interrupted. */
const TEXT = 'x'.repeat(4_096);
/** Maximum number of events that are published while the client is away. */
const AWAY = 60;

let redis: RedisProcess;

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

interface Node {
  readonly gateway: Gateway;
  readonly httpUrl: string;
}

async function start(nodeId: string): Promise<Node> {
  const { limits, events } = resolveOptions({});
  const gateway = createGateway({ nodeId, broker: new RedisBroker({ url: redis.url, limits, events, nodeId }) });
  onCleanup(() => gateway.close({ drainMs: 0 }));
  return { gateway, httpUrl: (await gateway.listen({ port: 0 })).httpUrl };
}

const placeOf = ({ stream, epoch, sequenceId }: Frame['data']): string =>
  [stream, epoch, sequenceId].map(String).join(' ');

/** Publishes on streams of each kind until it is stopped. The result has the positions of the events. */
function publishing(nodes: readonly Node[], random: Random) {
  const published: string[] = [];
  const ending = new AbortController();
  let sessions = 0;
  const stream = (): string => {
    const kind = random.below(4);
    if (kind === 0) return 'main';
    if (kind === 1) return `workspace:w${random.below(3)}`;
    if (sessions < SESSIONS) return `session:s${sessions++}`;
    return `session:s${random.below(SESSIONS)}`;
  };
  const run = (async () => {
    while (!ending.signal.aborted) {
      const { gateway } = random.pick(nodes);
      const name = stream();
      const { epoch, sequenceId } = await gateway.publish('tick', { text: TEXT }, { stream: name });
      published.push(placeOf({ stream: name, epoch, sequenceId }));
      await delay(random.below(3));
    }
  })();
  return {
    published,
    stop: async () => {
      ending.abort();
      await run;
    },
  };
}

test('a client that moves between two gateways receives every event once, and no gap', async () => {
  const random = new Random(1);
  const nodes = [await start('a'), await start('b')];
  /** Each received event, with the connection that received it as `live` or in a replay. */
  const received = new Map<string, { readonly connection: number; readonly isReplay: boolean }>();
  const repeated: string[] = [];
  const gaps: Frame['data'][] = [];
  let lastId: string | undefined;

  const take = (reader: EventStreamReader, connection: number): void => {
    for (const { message } of reader.received) {
      if (message.type === 'gap') gaps.push(message.data);
      if (message.type !== 'event') continue;
      const place = placeOf(message.data);
      // Only an interrupted replay is repeated, because its events have no `id`.
      if (received.get(place)?.isReplay === false || received.get(place)?.connection === connection)
        repeated.push(place);
      received.set(place, { connection, isReplay: message.data['isReplay'] === true });
    }
    lastId = reader.lastId ?? lastId;
  };
  const connect = ({ httpUrl }: Node): Promise<EventStreamReader> => {
    const headers: Readonly<Record<string, string>> = lastId === undefined ? {} : { 'last-event-id': lastId };
    return EventStreamReader.open(`${httpUrl}/ws/events?${QUERY}`, { headers });
  };

  let reader = await connect(random.pick(nodes));
  await reader.find('subscribed');
  const { published, stop } = publishing(nodes, random);
  for (let move = 0; move < MOVES; move += 1) {
    const [events, target] = [random.below(30), random.pick(nodes)];
    await reader.until(() => reader.events.length >= events);
    reader.cut();
    take(reader, move);
    const later = published.length + random.below(AWAY);
    await vi.waitUntil(() => published.length >= later, PATIENCE);
    reader = await connect(target);
  }
  await stop();
  const missing = (): readonly string[] => {
    const last = new Set(reader.events.map(placeOf));
    return published.filter((place) => !received.has(place) && !last.has(place));
  };
  await reader.until(() => missing().length === 0);
  take(reader, MOVES);
  expect(repeated).toEqual([]);
  expect(gaps).toEqual([]);
  expect(new Set(published)).toEqual(new Set(received.keys()));
});
