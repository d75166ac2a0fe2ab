/** Server-sent events of many streams: each `id` contains positions in several of them (SSE-5). */
import { describe, expect, test } from 'vitest';
import { EventStreamReader } from '../testing/event-stream-reader.ts';
import type { Frame } from '../testing/raw-client.ts';
import { serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const SESSIONS = 'streams=session:*&events=tick';
/**
 * Number of events in each of twelve sessions. Each event contains `TEXT`. If the client does not read, the buffers of the sockets are too
 * small for all these events.
 */
const BEFORE = 50;
const TEXT = 'x'.repeat(32_768);

function open({ httpUrl }: Served, query: string, lastId = ''): Promise<EventStreamReader> {
  const headers: Readonly<Record<string, string>> = lastId === '' ? {} : { 'last-event-id': lastId };
  return EventStreamReader.open(`${httpUrl}/ws/events?${query}`, { headers });
}

/** Each received event as its stream and number. */
function placesOf({ events }: EventStreamReader): readonly string[] {
  return events.map(placeOf);
}

function placeOf({ stream, sequenceId }: Frame['data']): string {
  return `${String(stream)} ${String(sequenceId)}`;
}

async function tick({ gateway }: Served, ...streams: readonly string[]): Promise<void> {
  for (const stream of streams) await gateway.publish('tick', {}, { stream });
}

describe('a request for events of many streams', () => {
  test('resumes each stream after the last event received of it, wherever the connection ends', async () => {
    const served = await serve();
    await tick(served, 'session:a', 'main');
    const order = ['session:a', 'session:b', 'session:a', 'session:c', 'session:b'];
    const all = ['session:a 2', 'session:b 1', 'session:a 3', 'session:c 1', 'session:b 2'];
    const first = await open(served, `${SESSIONS}&replay=none`);
    await first.find('positions');
    await tick(served, ...order);
    await first.until(() => first.events.length === all.length);
    expect(placesOf(first)).toEqual(all);
    const ids = first.received.flatMap(({ id }) => id ?? []).slice(-all.length);
    for (const [at, id] of ids.entries()) {
      const resumed = await open(served, SESSIONS, id);
      await resumed.find('replay_complete');
      expect(placesOf(resumed).toSorted()).toEqual(all.slice(at + 1).toSorted());
      expect(resumed.types).not.toContain('gap');
      resumed.cut();
    }
  });

  test('resumes from the first events if the connection ends before the warm picture', async () => {
    const served = await serve();
    await tick(served, 'session:a', 'session:b');
    const first = await open(served, SESSIONS);
    const { id = '' } = await first.find('subscribed');
    first.cut();
    await tick(served, 'session:b');
    const second = await open(served, SESSIONS, id);
    const complete = await second.find('replay_complete');
    expect(placesOf(second).toSorted()).toEqual(['session:a 1', 'session:b 1', 'session:b 2']);
    const third = await open(served, SESSIONS, complete.id);
    expect((await third.find('replay_complete')).message.data['count']).toBe(0);
  });

  test('has an id in each live event, even if the event was published before the replay was sent', async () => {
    const served = await serve({ limits: { sendQueueBytes: 64 * 1_048_576 } });
    const sessions = Array.from({ length: 12 }, (_, n) => `session:${n}`);
    for (const stream of sessions)
      for (let n = 0; n < BEFORE; n += 1) await served.gateway.publish('tick', { text: TEXT }, { stream });
    const first = await open(served, SESSIONS, '*');
    first.response.pause();
    await tick(served, 'session:0', 'session:1', 'session:new', 'session:1');
    first.response.resume();
    await first.until(() => first.events.at(-1)?.['sequenceId'] === BEFORE + 2);
    const live = first.received.filter(({ event, message }) => event === '' && message.data['isReplay'] === false);
    const places = [`session:0 ${BEFORE + 1}`, `session:1 ${BEFORE + 1}`, 'session:new 1', `session:1 ${BEFORE + 2}`];
    expect(live.map(({ message: { data } }) => placeOf(data))).toEqual(places);
    first.cut();
    for (const [at, { id }] of live.entries()) {
      expect(id).toBeDefined();
      const resumed = await open(served, SESSIONS, id);
      await resumed.find('replay_complete');
      expect(placesOf(resumed).toSorted()).toEqual(places.slice(at + 1).toSorted());
      resumed.cut();
    }
  });

  test('has an id of bounded length for any number of streams; streams that the id omits are repeated, not lost', async () => {
    const served = await serve();
    const reader = await open(served, `${SESSIONS}&replay=none`);
    await reader.find('subscribed');
    const names = Array.from({ length: 150 }, (_, n) => `session:${n}-${'x'.repeat(90)}`);
    await tick(served, ...names);
    await reader.until(() => reader.events.length === names.length);
    const { lastId = '' } = reader;
    expect(lastId.length).toBeLessThanOrEqual(4_096);
    await tick(served, 'session:new');
    const resumed = await open(served, SESSIONS, lastId);
    await resumed.find('replay_complete');
    const received = new Set([...placesOf(reader), ...placesOf(resumed)]);
    expect(received).toEqual(new Set([...names.map((name) => `${name} 1`), 'session:new 1']));
  });

  test('advances with heartbeats if a filter excludes the events', async () => {
    const served = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const reader = await open(served, 'streams=session:*&events=rare&replay=none');
    await reader.find('subscribed');
    await tick(served, 'session:a');
    await reader.until(() => reader.lastId?.startsWith('session:a@') === true);
    expect(reader.lastId).toMatch(/\.1$/);
  });

  test('is refused with 400 if it also has `stream`, or a position that cannot be read', async () => {
    const served = await serve();
    await expect(open(served, `${SESSIONS}&stream=main`)).rejects.toThrow('400');
    for (const id of ['nonsense', 'main@e.1~']) await expect(open(served, SESSIONS, id)).rejects.toThrow('400');
  });
});
