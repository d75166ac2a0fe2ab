/** The client SDK on a real gateway: subscriptions to several streams, and warm pictures, when connections are cut and gateways restart. */
import { describe, expect, test, vi } from 'vitest';
import { isGap } from '../../generated/client.ts';
import type { TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { followStreams } from '../../generated/streams.ts';
import { clientOf, collect, onCleanup, PATIENCE, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';
import { SeveringProxy } from '../testing/severing-proxy.ts';

type Item = TidemarkEvent | TidemarkGap;

const note = ({ gateway }: Served, stream: string): Promise<unknown> => gateway.publish('suite.note', {}, { stream });

/** The numbers of the events of each stream, in the order in which they were yielded. */
function numbersOf(items: readonly Item[]): ReadonlyMap<string, readonly number[]> {
  const numbers = new Map<string, number[]>();
  for (const item of items)
    if (!isGap(item)) numbers.set(item.stream, [...(numbers.get(item.stream) ?? []), item.sequenceId]);
  return numbers;
}

describe('followStreams', () => {
  test('loses and repeats nothing in any stream while its connection is cut, also in streams that appear', async () => {
    const served = await serve();
    const proxy = await SeveringProxy.before(served.url);
    onCleanup(() => proxy.close());
    const streams = ['main', 'session:*'];
    const reader = followStreams(clientOf(proxy.url), {
      streams,
      events: ['*'],
      replay: { mode: 'none' },
      gaps: 'inline',
    });
    const items = collect<Item>(reader);
    await reader.ready;
    let cuts = 0;
    for (let n = 0; n < 200; n += 1) {
      await note(served, n % 2 === 0 ? 'main' : `session:${n % 20}`);
      if (n % 40 !== 20) continue;
      cuts += 1;
      await vi.waitFor(() => expect([proxy.accepted, reader.state]).toEqual([cuts, 'live']), PATIENCE);
      proxy.sever();
    }
    await vi.waitFor(() => expect(items.length).toBeGreaterThanOrEqual(200), PATIENCE);
    const numbers = numbersOf(items);
    expect(numbers.get('main')).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    expect([...numbers].filter(([stream]) => stream !== 'main').map(([, each]) => each)).toEqual(
      Array.from({ length: 10 }, () => Array.from({ length: 10 }, (_, n) => n + 1)),
    );
    expect(items.filter(isGap)).toEqual([]);
    expect(proxy.accepted).toBe(6);
    expect(reader.positions).toHaveLength(11);
  });

  test('reports each stream that a restarted gateway has lost, and continues with its new events', async () => {
    const served = await serve();
    const streams = ['main', 'session:*'];
    const reader = followStreams(clientOf(served.url), {
      streams,
      events: ['*'],
      replay: { mode: 'none' },
      gaps: 'inline',
    });
    const items = collect<Item>(reader);
    await reader.ready;
    for (const stream of ['main', 'session:a']) await note(served, stream);
    await vi.waitFor(() => expect(items).toHaveLength(2), PATIENCE);
    await served.gateway.close({ drainMs: 0 });
    const next = await serve({ port: served.port });
    for (const stream of ['main', 'session:b']) await note(next, stream);
    await vi.waitFor(() => expect(items).toHaveLength(6), PATIENCE);
    const lost = items.filter(isGap).map(({ stream, reason }) => `${stream} ${reason}`);
    expect(lost.toSorted()).toEqual(['main epoch_changed', 'session:a epoch_changed']);
    const events = items.slice(2).flatMap((item) => (isGap(item) ? [] : [`${item.stream} ${item.sequenceId}`]));
    expect(events.toSorted()).toEqual(['main 1', 'session:b 1']);
  });
});

test('if a warm picture is cut off, events that no picture contains, and deletions, are still received', async () => {
  const { gateway, url } = await serve();
  const entity = (id: number) => ({
    id: `e${id}`,
    entityType: 'function',
    name: `e${id}`,
    metadata: { text: 'x'.repeat(2000) },
  });
  for (let n = 0; n < 1000; n += 1) await gateway.publish('entity_created', entity(n));
  const proxy = await SeveringProxy.before(url);
  onCleanup(() => proxy.close());
  const reader = clientOf(proxy.url).subscribe({ events: ['*'], gaps: 'inline' });
  const items: Item[] = [];
  for await (const item of reader) {
    items.push(item);
    if (items.length === 10) {
      proxy.sever();
      await gateway.publish('suite.note', {});
      await gateway.publish('entity_deleted', { id: 'e0' });
    }
    if (items.length === 1002) break;
  }
  expect(items.map((item) => (isGap(item) ? item.reason : item.sequenceId))).toEqual(
    Array.from({ length: 1002 }, (_, n) => n + 1),
  );
  expect(proxy.accepted).toBe(2);
});
