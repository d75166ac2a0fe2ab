/** Clients that resume the same history share frames (delivery/replay-blocks.ts). Each client must still receive exactly its own events. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { Outbox } from '../delivery/outbox.ts';
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
