import { describe, expect, test, vi } from 'vitest';
import { eventTable } from '../catalogue/event-table.ts';
import { StreamHistory } from '../replay/history.ts';
import { PendingEvents } from '../replay/pending-events.ts';
import { EPOCH, recordAt } from '../replay/testing/records.ts';
import { chooseMatching } from '../replay/warm.ts';
import { eventPrefix } from '../wire/codec.ts';
import { WEBSOCKET_FRAMING as framing } from '../wire/websocket-framing.ts';
import { SendQueueBudget } from './send-queue-budget.ts';
import { FlushScheduler } from './flush-scheduler.ts';
import { Outbox } from './outbox.ts';
import type { Bound } from './queue-account.ts';
import { LIMITS, Peer, event, frame, ownerOf, record, replayOf, rig, stall } from './testing/outbox-rig.ts';
import type { Rig } from './testing/outbox-rig.ts';

/** A peer that does not read, and a queued replay of a history that has ten events of 10,000 bytes each. */
async function slowReplay(): Promise<{
  readonly slow: Rig;
  readonly pending: PendingEvents;
  /** Publishes further events, each of which replaces the oldest in history. */
  readonly publish: (count: number) => void;
}> {
  const slow = rig();
  await stall(slow);
  const history = new StreamHistory({
    bounds: { events: 10, bytes: 1e9, ageMs: 1e9, silenceMs: Infinity, keys: 1, keyBytes: 1 },
    events: eventTable(),
    after: { epoch: EPOCH, sequenceId: 0 },
  });
  const publish = (count: number): void => {
    for (let n = 0; n < count; n += 1)
      history.append(recordAt(history.head.sequenceId + 1, { event: 'file_change', bytes: 10_000 }));
  };
  publish(10);
  const { memory } = history;
  const pending = new PendingEvents(
    history
      .snapshot()
      .since(0)
      .flatMap((part) => part.map((each) => [each])),
    memory,
  );
  slow.outbox.pushReplay({
    ...replayOf([], eventPrefix(['s']), [pending]),
    items: chooseMatching(pending, () => true),
  });
  return { slow, pending, publish };
}

describe('the bounds of an outbox', () => {
  test.each<[Bound, string, (each: Outbox) => void]>([
    ['bytes', 'events', (outbox) => outbox.pushEvent(event(frame(1000), 1))],
    ['messages', 'events', (outbox) => outbox.pushEvent(event(frame(10), 1))],
    ['bytes', 'replies', (outbox) => outbox.push(frame(1000))],
    ['messages', 'replies', (outbox) => outbox.push(frame(10))],
    ['messages', 'replays', (outbox) => outbox.pushReplay(replayOf([record(1)], eventPrefix(['s'])))],
  ])('close the connection if exceeded (%s of %s)', async (bound, _what, push) => {
    const slow = rig();
    await stall(slow);
    let largest = 0;
    for (let n = 0; n < 200 && slow.overflows.length === 0; n += 1) {
      push(slow.outbox);
      largest = Math.max(largest, slow.outbox.queuedBytes);
    }
    expect(slow.overflows).toEqual([bound]);
    expect(largest).toBeLessThanOrEqual(LIMITS.sendQueueBytes + 20_000);
    expect(slow.outbox.queuedMessages).toBe(0);
  });

  test('mark the connection slow once more than half of a bound is used', async () => {
    const [bytes, messages, age] = [rig(), rig(), rig()];
    for (const each of [bytes, messages, age]) await stall(each);
    for (let n = 0; n < 32; n += 1) bytes.outbox.pushEvent(event(frame(1024), n));
    expect(bytes.outbox.slow).toBe(false);
    bytes.outbox.pushEvent(event(frame(1), 33));
    expect(bytes.outbox.slow).toBe(true);
    for (let n = 0; n < 50; n += 1) messages.outbox.pushEvent(event(frame(1), n));
    expect(messages.outbox.slow).toBe(false);
    messages.outbox.pushEvent(event(frame(1), 51));
    expect(messages.outbox.slow).toBe(true);
    age.clock.ms = 500;
    expect(age.outbox.slow).toBe(false);
    age.clock.ms = 501;
    expect(age.outbox.slow).toBe(true);
    expect([bytes, messages, age].flatMap((each) => each.overflows)).toEqual([]);
  });

  test('include the age, which grows while nothing is sent, for messages in the queue and in the socket', async () => {
    for (const wait of [(): void => undefined, (each: Rig) => each.outbox.pushEvent(event(frame(1), 1))]) {
      const slow = rig();
      await stall(slow);
      wait(slow);
      slow.clock.ms = 1000;
      slow.outbox.checkLimits();
      expect(slow.overflows).toEqual([]);
      slow.clock.ms = 1001;
      slow.outbox.checkLimits();
      expect(slow.overflows).toEqual(['age']);
    }
  });

  test('no longer mark a peer as slow once it reads again', async () => {
    const slow = rig();
    await stall(slow);
    slow.clock.ms = 900;
    slow.peer.resume();
    await slow.turn();
    expect(slow.outbox.slow).toBe(false);
    slow.clock.ms = 5000;
    slow.outbox.checkLimits();
    expect(slow.overflows).toEqual([]);
    expect(slow.outbox.oldestQueuedMs).toBe(0);
  });

  test('include what only a replay keeps, once history has dropped much of it', async () => {
    const { slow, publish } = await slowReplay();
    publish(2);
    slow.outbox.checkLimits();
    expect([slow.overflows, slow.outbox.queuedBytes, slow.outbox.slow]).toEqual([[], 20_000, false]);
    publish(4);
    slow.outbox.checkLimits();
    expect([slow.overflows, slow.outbox.queuedBytes, slow.outbox.slow]).toEqual([[], 80_000, true]);
    publish(1);
    slow.outbox.checkLimits();
    expect(slow.overflows).toEqual(['bytes']);
  });

  test('do not include events that a replay has sent since the last check', async () => {
    const { slow, publish, pending } = await slowReplay();
    publish(6);
    slow.outbox.checkLimits();
    expect(slow.outbox.queuedBytes).toBe(80_000);
    for (let n = 0; n < 3; n += 1) pending.take();
    slow.outbox.pushInOrder(frame(30_000));
    expect([slow.overflows, slow.outbox.queuedBytes]).toEqual([[], 80_000]);
  });

  test('include nothing of a replay that was sent', async () => {
    const { slow, publish } = await slowReplay();
    publish(6);
    slow.outbox.checkLimits();
    slow.peer.resume();
    await vi.waitFor(() => expect(slow.outbox.queuedMessages).toBe(0), { timeout: 30_000 });
    expect([slow.outbox.queuedBytes, slow.outbox.slow]).toEqual([0, false]);
  });

  test('do not close the connection of a peer that reads everything, no matter how much is queued within one tick', async () => {
    const { outbox, peer, overflows, turn } = rig();
    const sent = Array.from({ length: 5000 }, (_, n) => `${n} `);
    for (const [n, text] of sent.entries()) outbox.pushEvent(event(Buffer.from(text), n + 1));
    await turn();
    expect(overflows).toEqual([]);
    expect(peer.writes.join('')).toBe(sent.join(''));
  });

  test('allow a single message that exceeds the bounds', async () => {
    const { outbox, peer, overflows, turn } = rig();
    outbox.pushEvent(event(frame(LIMITS.sendQueueBytes * 2), 1));
    await turn();
    expect(overflows).toEqual([]);
    expect(peer.writes.join('')).toHaveLength(LIMITS.sendQueueBytes * 2);
  });

  test('close the connection without a report that counts the dropped queue as delivered (CON-3)', async () => {
    const peer = new Peer();
    const reported: string[] = [];
    const outbox: Outbox = new Outbox({
      framing,
      socket: peer,
      limits: LIMITS,
      scheduler: new FlushScheduler({ ...LIMITS, turnBudgetMs: 10 }),
      queues: new SendQueueBudget(Infinity, () => undefined),
      now: () => 0,
      owner: ownerOf({
        queueOverflowed: () => outbox.finish(Buffer.from('closing')),
        queueFailed: (error) => reported.push(String(error)),
      }),
    });
    peer.reading = false;
    outbox.push(frame(20_000));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    outbox.pushReport(() => {
      reported.push(outbox.unwritten().size === 0 ? 'the head' : 'what was written');
      return Buffer.from('heartbeat ');
    });
    for (let n = 0; n <= LIMITS.sendQueueMessages; n += 1) outbox.pushEvent(event(frame(1), n));
    peer.resume();
    expect(reported).toEqual(['what was written']);
    expect(peer.writes.at(-1)).toBe('heartbeat closing');
  });
});
