/** Clients that resume the same history share frames (delivery/replay-blocks.ts). Each client must still receive exactly its own events. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { Outbox } from '../delivery/outbox.ts';
import { ReplayBlocks } from '../delivery/replay-blocks.ts';
import { EventStreamReader } from '../testing/event-stream-reader.ts';
import { connect, serve } from '../testing/rig.ts';

const EVENTS = 600;

interface Asked {
  readonly after: number;
  readonly extension: string;
  readonly subscriptionId: string;
}

test('clients that resume one history with different positions, filters and ids receive exactly their events', async () => {
  const { url, gateway } = await serve();
  let epoch = '';
  for (let n = 1; n <= EVENTS; n += 1) {
    const path = `src/${n}.${n % 3 === 0 ? 'ts' : 'md'}`;
    ({ epoch } = await gateway.publish('file_change', { path, root: 'r', changeType: 'modify', fileType: 'file' }));
  }
  const asked: readonly Asked[] = ['.ts', '.md'].flatMap((extension) =>
    [0, 0, 1, 127, 128, 300, EVENTS].flatMap((after) =>
      ['a', 'b'].map((subscriptionId) => ({ after, extension, subscriptionId })),
    ),
  );
  for (const { after, extension, subscriptionId } of asked) {
    const client = await connect(url);
    await client.call('subscribe', {
      subscriptionId,
      events: ['file_change'],
      filter: { extensions: [extension] },
      replay: { mode: 'resume', after: { epoch, sequenceId: after } },
    });
    await client.until(() => client.frames.at(-1)?.type === 'replay_complete');
    const data = client.frames.at(-1)?.data ?? {};
    const events = client.frames.filter(({ type }) => type === 'event').map((frame) => frame.data);
    const expected = Array.from({ length: EVENTS - after }, (_, at) => after + 1 + at).filter(
      (n) => (n % 3 === 0) === (extension === '.ts'),
    );
    expect(events.map(({ sequenceId }) => sequenceId)).toEqual(expected);
    expect(events.every((each) => String(each['subscriptionIds']) === subscriptionId)).toBe(true);
    expect(data['count']).toBe(expected.length);
    client.ws.terminate();
  }
});

test('event streams that follow many streams share frames; those of one stream have ids, so they share others', async () => {
  const choose = vi.spyOn(ReplayBlocks.prototype, 'choose');
  onTestFinished(() => choose.mockRestore());
  const { httpUrl, gateway } = await serve();
  let epoch = '';
  for (let n = 1; n <= EVENTS; n += 1) ({ epoch } = await gateway.publish('tick', {}));
  const all = Array.from({ length: EVENTS }, (_, at) => at + 1);
  const resume = async (query: string, after: string): Promise<readonly (string | undefined)[]> => {
    const headers = { 'last-event-id': after };
    const reader = await EventStreamReader.open(`${httpUrl}/ws/events?events=tick&${query}`, { headers });
    await reader.find('replay_complete');
    expect(reader.events.map(({ sequenceId }) => sequenceId)).toEqual(all);
    return reader.received.flatMap(({ event, id }) => (event === '' ? [id] : []));
  };
  const built = (): number => choose.mock.contexts.map((each) => (each as ReplayBlocks).built)[0] ?? 0;
  const counts: number[] = [];
  for (let client = 0; client < 3; client += 1) {
    expect(await resume('streams=main&streams=session:*', '*')).toEqual(all.map(() => undefined));
    counts.push(built());
  }
  for (let client = 0; client < 2; client += 1) {
    expect(await resume('stream=main', `main@${epoch}.0`)).toEqual(all.map((n) => `main@${epoch}.${n}`));
    counts.push(built());
  }
  const [many = 0, , , one = 0] = counts;
  expect(many).toBeGreaterThan(0);
  expect(one).toBeGreaterThan(many);
  expect(counts).toEqual([many, many, many, one, one]);
});

test.each([
  ['one stream', {}],
  ['several streams', { streams: ['main', 'session:*'] }],
])('replays of %s create no hidden class each, which would keep their events in memory', async (_what, streams) => {
  const pushed = vi.spyOn(Outbox.prototype, 'pushReplay');
  onTestFinished(() => pushed.mockRestore());
  const { url, gateway } = await serve();
  await gateway.publish('sync_status', { status: 'running', operationId: 'a' });
  for (let n = 0; n < 2; n += 1) {
    const client = await connect(url);
    await client.call('subscribe', { subscriptionId: 'a', events: ['*'], ...streams });
    await client.until(() => client.frames.at(-1)?.type === 'replay_complete');
    client.ws.terminate();
  }
  const [first, second] = pushed.mock.calls.map(([{ items }]) => items);
  // All generators that a function creates inherit from the `prototype` of this function. A function that is defined within another one
  // would be a new function at each call, with a new `prototype`.
  expect(Object.getPrototypeOf(first)).toBe(Object.getPrototypeOf(second));
});
