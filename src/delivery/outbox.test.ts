import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { eventPrefix } from '../wire/codec.ts';
import { WEBSOCKET_FRAMING as framing } from '../wire/websocket-framing.ts';
import { SendQueueBudget } from './send-queue-budget.ts';
import { FlushScheduler } from './flush-scheduler.ts';
import { Outbox } from './outbox.ts';
import type { Bound } from './queue-account.ts';
import { LIMITS, Peer, event, frame, ownerOf, place, record, replayOf, rig, stall } from './testing/outbox-rig.ts';

describe('an outbox', () => {
  test('writes everything of a tick at once, control messages before events (BCK-1)', async () => {
    const { outbox, peer, turn } = rig();
    outbox.pushEvent(event(Buffer.from('event1 '), 1));
    outbox.pushInOrder(Buffer.from('gap '), { after: place(1) });
    outbox.pushEvent(event(Buffer.from('event2 '), 5));
    outbox.push(Buffer.from('pong '));
    expect(peer.writes).toEqual([]);
    await turn();
    expect(peer.writes).toEqual(['pong event1 gap event2 ']);
    expect([...outbox.unwritten()]).toEqual([]);
    expect(outbox.delivered).toBe(2);
  });

  test('lets a control message pass the events that wait for a slow peer (BCK-1)', async () => {
    const slow = rig();
    await stall(slow);
    for (let n = 1; n <= 5; n += 1) slow.outbox.pushEvent(event(Buffer.from(`event${n} `), n));
    slow.outbox.push(Buffer.from('pong '));
    await slow.turn();
    expect(slow.peer.writes).toEqual([]);
    slow.peer.resume();
    await slow.turn();
    expect(slow.peer.writes).toEqual(['pong event1 event2 event3 event4 event5 ']);
  });

  test('listens for the drain of its socket only after the socket was full, and until it ends', async () => {
    const slow = rig();
    const listeners = (): number => slow.peer.listenerCount('drain');
    slow.outbox.pushEvent(event(frame(100), 1));
    await slow.turn();
    expect(listeners()).toBe(0);
    await stall(slow);
    expect(listeners()).toBe(1);
    slow.peer.resume();
    await slow.turn();
    await stall(slow);
    expect(listeners()).toBe(1);
    slow.outbox.end();
    expect(listeners()).toBe(0);
  });

  test('passes a shared frame on without copying it', async () => {
    const shared = frame(100);
    const written: Buffer[] = [];
    const socket = new Writable({ write: (chunk: Buffer, _encoding, done) => (written.push(chunk), done()) });
    const scheduler = new FlushScheduler({ ...LIMITS, turnBudgetMs: 10 });
    for (const _ of [1, 2, 3])
      new Outbox({
        framing,
        socket,
        limits: LIMITS,
        scheduler,
        queues: new SendQueueBudget(Infinity, () => undefined),
        now: () => 0,
        owner: ownerOf(),
      }).pushEvent(event(shared, 1));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(written.map((each) => each === shared)).toEqual([true, true, true]);
  });

  test('builds a report when it is written, and replaces a waiting report by a later one', async () => {
    const slow = rig();
    await stall(slow);
    slow.outbox.pushEvent(event(Buffer.from('event '), 1));
    for (const _ of [1, 2, 3]) slow.outbox.pushReport(() => Buffer.from(`delivered ${slow.outbox.delivered} `));
    slow.peer.resume();
    await slow.turn();
    slow.outbox.pushReport(() => Buffer.from(`delivered ${slow.outbox.delivered} `));
    await slow.turn();
    expect(slow.peer.writes).toEqual(['delivered 0 event ', 'delivered 1 ']);
  });
});

describe('a batch', () => {
  test('becomes entries if a peer stops reading in the middle of it; the order stays, and nothing is lost', async () => {
    const [fast, slow] = [new Peer(), new Peer()];
    const limits = { ...LIMITS, sendQueueBytes: 1024 * 1024 };
    const scheduler = new FlushScheduler({ ...limits, turnBudgetMs: 10 });
    const budget = new SendQueueBudget(Infinity, () => undefined);
    const [first, second] = [fast, slow].map(
      (socket) =>
        new Outbox({
          framing,
          socket,
          limits,
          scheduler,
          queues: budget,
          now: () => 0,
          owner: ownerOf(),
        }),
    );
    slow.reading = false;
    const events = Array.from({ length: 40 }, (_, n) => event(Buffer.from(`${n};`.padEnd(10_000, 'x')), n + 1));
    for (const each of events) for (const outbox of [first, second]) outbox?.pushEvent(each);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect([first?.queuedMessages, first?.delivered]).toEqual([0, 40]);
    const written = second?.delivered ?? 0;
    expect(written).toBeGreaterThan(0);
    expect(second?.queuedMessages).toBe(40 - written);
    expect([...(second?.unwritten() ?? [])]).toEqual([['main', { epoch: 'e', sequenceId: written }]]);
    expect(budget.used).toBe(400_000 - (written - 6) * 10_000);
    slow.resume();
    await vi.waitFor(() => expect(second?.queuedMessages).toBe(0));
    expect(slow.writes.join('')).toBe(fast.writes.join(''));
    expect(second?.delivered).toBe(40);
    expect(budget.used).toBe(0);
  });

  test('counts in the queue with its size, number of messages, age and unwritten positions', () => {
    const { outbox, clock } = rig();
    for (const n of [3, 4]) outbox.pushEvent(event(frame(100), n));
    clock.ms = 70;
    expect([outbox.queuedBytes, outbox.queuedMessages, outbox.oldestQueuedMs]).toEqual([200, 2, 70]);
    expect([...outbox.unwritten()]).toEqual([['main', { epoch: 'e', sequenceId: 2 }]]);
    outbox.pushInOrder(Buffer.from('gap'));
    expect([outbox.queuedBytes, outbox.queuedMessages, outbox.oldestQueuedMs]).toEqual([203, 3, 70]);
    expect([...outbox.unwritten()]).toEqual([['main', { epoch: 'e', sequenceId: 2 }]]);
    outbox.end();
    expect([outbox.queuedBytes, outbox.queuedMessages, outbox.oldestQueuedMs]).toEqual([0, 0, 0]);
  });

  test('is written behind control messages and a report, in one write', async () => {
    const { outbox, peer, turn } = rig();
    for (const n of [1, 2]) outbox.pushEvent(event(Buffer.from(`event${n} `), n));
    outbox.pushReport(() => Buffer.from(`delivered ${outbox.delivered} `));
    outbox.push(Buffer.from('pong '));
    await turn();
    expect(peer.writes).toEqual(['pong delivered 0 event1 event2 ']);
  });
});

describe('a message that is built when it is written', () => {
  test('takes no bytes while it waits, is built once, and keeps its place among the replies', async () => {
    const slow = rig({ sendQueueBytes: 20_000 });
    await stall(slow);
    const before = slow.outbox.queuedBytes;
    const made: number[] = [];
    for (let n = 0; n < 40; n += 1)
      slow.outbox.pushMade(() => {
        made.push(n);
        return Buffer.from(`[${n}]${'x'.repeat(5000)}`);
      });
    slow.outbox.push(Buffer.from('pong'));
    expect([made, slow.outbox.queuedBytes - before, slow.overflows]).toEqual([[], 4, []]);
    slow.peer.resume();
    await slow.turn();
    expect(made).toEqual(Array.from({ length: 40 }, (_, n) => n));
    const text = slow.peer.writes.join('');
    expect([...text.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n))).toEqual(made);
    expect(text.endsWith('pong')).toBe(true);
    expect(slow.outbox.queuedBytes).toBe(0);
  });

  test('counts for the limits on messages and on age', async () => {
    const slow = rig({ sendQueueMessages: 16 });
    await stall(slow);
    for (let n = 0; n < 17; n += 1) slow.outbox.pushMade(() => Buffer.from('x'));
    expect(slow.overflows).toEqual(['messages']);
    const old = rig({ sendQueueAgeMs: 1000 });
    await stall(old);
    old.outbox.pushMade(() => Buffer.from('x'));
    old.clock.ms += 1001;
    old.outbox.checkLimits();
    expect(old.overflows).toEqual(['age']);
  });
});

describe('a replay', () => {
  test('is written in pieces as the peer reads them, and takes no bytes while it waits (BCK-1)', async () => {
    const slow = rig({ sendQueueBytes: 1024 * 1024 });
    await stall(slow);
    const prefix = eventPrefix(['s'], 'resume');
    const records = Array.from({ length: 90 }, (_, n) => record(n + 1, 'y'.repeat(5000)));
    const inSocket = slow.outbox.queuedBytes;
    slow.outbox.pushReplay(replayOf(records, prefix));
    expect(slow.outbox.queuedBytes).toBe(inSocket);
    slow.outbox.pushInOrder(Buffer.from('replay_complete'));
    slow.outbox.pushEvent(event(Buffer.from('live'), 91));
    slow.peer.resume();
    // On a busy machine, a time slice ends after fewer events, so a replay needs more turns.
    while (slow.outbox.queuedMessages > 0) await slow.turn();
    expect(slow.peer.writes.length).toBeGreaterThan(5);
    const bytes = records.reduce((sum, each) => sum + framing.eventBytes(prefix, each), 0);
    expect(Math.max(...slow.peer.writes.map((each) => each.length))).toBeLessThan(64 * 1024 + bytes / 80);
    expect(slow.peer.writes.join('')).toHaveLength(bytes + 'replay_completelive'.length);
    expect(slow.peer.writes.join('').endsWith('replay_completelive')).toBe(true);
    expect(slow.outbox.delivered).toBe(91);
    expect(slow.outbox.unwritten().size).toBe(0);
  });

  test('does not exceed the limit on age while it makes progress', async () => {
    const slow = rig({ sendQueueBytes: 1024 * 1024 });
    await stall(slow);
    const records = Array.from({ length: 300 }, (_, n) => record(n + 1, 'y'.repeat(5000)));
    slow.outbox.pushReplay(replayOf(records, eventPrefix(['s'])));
    for (let step = 0; step < 5; step += 1) {
      slow.clock.ms += 900;
      slow.outbox.checkLimits();
      slow.peer.takeOne();
      // On a busy machine, a time slice ends after fewer events, so a step may need more turns.
      while (slow.peer.writes.length <= step) await slow.turn();
    }
    expect(slow.overflows).toEqual([]);
    slow.clock.ms += 1001;
    slow.outbox.checkLimits();
    expect(slow.overflows).toEqual(['age']);
  });
});

describe('on a real socket', () => {
  const open: (Socket | Server)[] = [];
  afterEach(() => {
    for (const each of open.splice(0))
      if ('destroy' in each) each.destroy();
      else each.close();
  });

  test('a burst larger than the queue reaches a peer that reads, in order and complete', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [far] = (await once(server, 'connection')) as [Socket];
    open.push(server, near, far);
    const overflows: Bound[] = [];
    const outbox = new Outbox({
      framing,
      socket: far,
      limits: LIMITS,
      scheduler: new FlushScheduler({ ...LIMITS, turnBudgetMs: 10 }),
      queues: new SendQueueBudget(Infinity, () => undefined),
      now: Date.now,
      owner: ownerOf({ queueOverflowed: (bound) => overflows.push(bound) }),
    });
    const sent = Array.from({ length: 2000 }, (_, n) => `${n};`).join('');
    for (const [n, text] of sent.split(/(?<=;)/).entries()) outbox.pushEvent(event(Buffer.from(text), n + 1));
    let got = '';
    near.on('data', (chunk: Buffer) => (got += chunk.toString()));
    while (got.length < sent.length) await once(near, 'data');
    expect(got).toBe(sent);
    expect(overflows).toEqual([]);
  });
});
