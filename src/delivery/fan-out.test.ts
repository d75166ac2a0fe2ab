import { describe, expect, test } from 'vitest';
import { eventPrefix, livePrefix } from '../wire/codec.ts';
import { Rig, messagesIn } from './testing/fan-out-rig.ts';

describe('a burst of events for many connections', () => {
  test('is encoded once per event, joined once, and written once to each socket', async () => {
    const rig = new Rig();
    for (let n = 0; n < 50; n += 1) rig.subscribe(rig.connect(), 'ts', ['build.*']);
    for (let n = 0; n < 8; n += 1) rig.publish('build.done');
    await rig.flush();
    expect(rig.counters.encodings).toBe(8);
    expect(rig.counters.deliveries).toBe(400);
    expect(rig.peers.map(({ writes }) => writes.length)).toEqual(Array(50).fill(1));
    // All peers received the same buffer, not only equal ones.
    expect(new Set(rig.peers.map(({ writes }) => writes[0])).size).toBe(1);
    expect(messagesIn(rig.peers[0]?.writes ?? []).map(({ sequenceId }) => sequenceId)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  test('is joined once for all connections that receive the same part of it', async () => {
    const rig = new Rig();
    for (let n = 0; n < 30; n += 1) {
      const peer = rig.connect();
      rig.subscribe(peer, 'all', ['build.*']);
      if (n % 2 === 0) rig.subscribe(peer, 'tests', ['test.*']);
    }
    for (const event of ['build.a', 'test.a', 'build.b', 'test.b', 'build.c']) rig.publish(event);
    await rig.flush();
    expect(rig.counters.encodings).toBe(5);
    const written = rig.peers.map(({ writes }) => messagesIn(writes).map(({ sequenceId }) => sequenceId));
    expect(written).toEqual(rig.peers.map((_, n) => (n % 2 === 0 ? [1, 2, 3, 4, 5] : [1, 3, 5])));
    expect(rig.peers.map(({ writes }) => writes.length)).toEqual(Array(30).fill(1));
    expect(new Set(rig.peers.map(({ writes }) => writes[0])).size).toBe(2);
  });

  test('is written in chunks that all connections share, if it is larger than one chunk', async () => {
    const rig = new Rig();
    for (let n = 0; n < 10; n += 1) rig.subscribe(rig.connect(), 'ts', ['build.*']);
    for (let n = 0; n < 20; n += 1) rig.publish('build.log', { text: 'x'.repeat(10_000) });
    await rig.flush();
    const [first] = rig.peers;
    expect(first?.writes.length).toBeGreaterThan(2);
    expect(Math.max(...(first?.writes ?? []).map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
    for (const { writes } of rig.peers) expect(writes.every((each, at) => each === first?.writes[at])).toBe(true);
    expect(messagesIn(first?.writes ?? []).map(({ sequenceId }) => sequenceId)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
  });

  test('looks up the receivers only after subscriptions were added or removed, and visits no other connections', async () => {
    const rig = new Rig();
    const [due, other] = [rig.connect(), rig.connect()];
    const subscription = rig.subscribe(due, 'a', ['file_change'], { paths: ['src'] });
    rig.subscribe(other, 'a', ['file_change'], { paths: ['docs'] });
    const change = { path: 'src/a.ts', root: 'r', changeType: 'modify', fileType: 'file' };
    for (let n = 0; n < 5; n += 1) rig.publish('file_change', change);
    expect([due.lookups, other.lookups]).toEqual([1, 0]);
    rig.fanout.remove(subscription);
    rig.publish('file_change', change);
    await rig.flush();
    expect(messagesIn(due.writes)).toHaveLength(5);
    expect(other.writes).toEqual([]);
  });
});

describe('a connection with several subscriptions for one event', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['with the same filter', ['build.*'], ['build.*']],
    ['with different ones', ['build.*'], ['*']],
  ])('%s receives one message that names all of these subscriptions (EVT-2)', async (_which, first, second) => {
    const rig = new Rig();
    const [both, one] = [rig.connect(), rig.connect()];
    rig.subscribe(both, 'z', first);
    rig.subscribe(both, 'a', second);
    rig.subscribe(one, 'a', second);
    for (let n = 0; n < 3; n += 1) rig.publish('build.done');
    await rig.flush();
    expect(messagesIn(both.writes).map(({ subscriptionIds }) => subscriptionIds)).toEqual([
      ['a', 'z'],
      ['a', 'z'],
      ['a', 'z'],
    ]);
    expect(messagesIn(one.writes).map(({ subscriptionIds }) => subscriptionIds)).toEqual([['a'], ['a'], ['a']]);
    expect(rig.counters.deliveries).toBe(6);
  });

  test('receives the events of the remaining subscription after the other has ended', async () => {
    const rig = new Rig();
    const [both, other] = [rig.connect(), rig.connect()];
    rig.subscribe(both, 'a', ['build.*']);
    const ending = rig.subscribe(both, 'z', ['*']);
    rig.subscribe(other, 'z', ['*']);
    rig.publish('build.done');
    rig.fanout.remove(ending);
    rig.publish('build.done');
    await rig.flush();
    expect(messagesIn(both.writes).map(({ subscriptionIds }) => subscriptionIds)).toEqual([['a', 'z'], ['a']]);
    expect(messagesIn(other.writes)).toHaveLength(2);
  });
});

describe('a connection that subscribes to events that others already receive', () => {
  test.each([[['build.*']], [['build.*', 'all']]])(
    'receives only the events that are published afterwards',
    async (others) => {
      const rig = new Rig();
      for (const each of others) rig.subscribe(rig.connect(), 'a', [each === 'all' ? '*' : each]);
      rig.publish('build.done');
      const late = rig.connect();
      rig.subscribe(late, 'a', ['build.*']);
      rig.publish('build.done');
      await rig.flush();
      expect(messagesIn(late.writes).map(({ sequenceId }) => sequenceId)).toEqual([2]);
    },
  );
});

describe('streams that expire together (MUL-6)', () => {
  const streams = Array.from({ length: 300 }, (_, at) => `session:${at}`);

  test('are reported in as few messages as the contract allows, to subscriptions that follow many streams', async () => {
    const rig = new Rig();
    const [all, gone, one] = [rig.connect(), rig.connect(), rig.connect()];
    rig.follow(all, 'all', ['session:*']);
    const ending = rig.follow(gone, 'gone', ['session:*']);
    rig.subscribe(one, 'one', ['*']);
    for (const each of [...streams, 'main']) rig.fanout.reportEnd(each);
    rig.fanout.remove(ending);
    await rig.flush();
    const ended = messagesIn(all.writes).map((each) => each.ended ?? []);
    expect(ended.map(({ length }) => length)).toEqual([256, 44]);
    expect(ended.flat()).toEqual(streams);
    expect([gone.writes, one.writes]).toEqual([[], []]);
  });

  test('are reported before the next event of one of them', async () => {
    const rig = new Rig();
    const peer = rig.connect();
    rig.follow(peer, 'all', ['session:*']);
    rig.fanout.reportEnd('session:1');
    rig.fanout.reportEnd('session:2');
    rig.publish('tick', {}, 'session:1');
    rig.fanout.reportEnd('session:3');
    await rig.flush();
    const reported = messagesIn(peer.writes).map(({ ended, stream }) => ended ?? stream);
    expect(reported).toEqual([['session:1', 'session:2'], 'session:1', ['session:3']]);
  });
});

describe('a subscription that is added or removed', () => {
  test('does not affect streams that it does not cover', () => {
    const rig = new Rig();
    const [both, other] = [rig.connect(), rig.connect()];
    rig.follow(both, 'all', ['session:*']);
    rig.follow(both, 'one', ['session:1']);
    const lookups = (): number => {
      both.lookups = 0;
      rig.publish('tick', {}, 'session:1');
      return both.lookups;
    };
    expect(lookups()).toBe(1);
    expect(lookups()).toBe(0);
    for (const selector of ['main', 'session:2', 'workspace:*']) {
      const subscription = rig.follow(other, selector, [selector]);
      expect(lookups()).toBe(0);
      rig.fanout.remove(subscription);
      expect(lookups()).toBe(0);
    }
  });

  test.each([['session:1'], ['session:*'], ['session:1*'], ['*']])(
    'receives the events that it covers from its start until its end, with %s',
    async (selector) => {
      const rig = new Rig();
      const [early, late] = [rig.connect(), rig.connect()];
      rig.follow(early, 'a', ['session:*']);
      rig.follow(early, 'b', ['session:1']);
      for (let round = 0; round < 2; round += 1) {
        rig.publish('tick', {}, 'session:1');
        const subscription = rig.follow(late, 'c', [selector]);
        rig.publish('tick', {}, 'session:1');
        rig.fanout.remove(subscription);
      }
      rig.publish('tick', {}, 'session:1');
      await rig.flush();
      expect(messagesIn(early.writes).map(({ sequenceId }) => sequenceId)).toEqual([1, 2, 3, 4, 5]);
      expect(messagesIn(late.writes).map(({ sequenceId }) => sequenceId)).toEqual([2, 4]);
    },
  );
});

describe('subscriptions of different connections with equal events and filters', () => {
  test('share one copy of these events and filters', () => {
    const rig = new Rig();
    const filter = () => ({ paths: ['src'], extensions: ['.ts'] });
    const [first, second] = [1, 2].map(() => rig.subscribe(rig.connect(), 'ts', ['file_change'], filter()));
    expect(second?.filter).toEqual(filter());
    expect([second?.filter === first?.filter, second?.events === first?.events]).toEqual([true, true]);
    expect(livePrefix('ts')).toBe(eventPrefix(['ts']));
  });
});

describe('the counts of a subscription (OPS-2)', () => {
  test('begin when the subscription begins, although subscriptions with the same filter share a counter', () => {
    const rig = new Rig();
    const early = rig.subscribe(rig.connect(), 'ts', ['build.*']);
    rig.publish('build.done');
    rig.now = 2000;
    rig.publish('build.done');
    rig.now = 3000;
    const late = rig.subscribe(rig.connect(), 'ts', ['build.*']);
    rig.publish('test.done');
    expect([early.delivered, early.lastDeliveredAt]).toEqual([2, 2000]);
    expect([late.delivered, late.lastDeliveredAt]).toEqual([0, undefined]);
    rig.publish('build.done');
    expect([early.delivered, early.lastDeliveredAt]).toEqual([3, 3000]);
    expect([late.delivered, late.lastDeliveredAt]).toEqual([1, 3000]);
  });

  test('include events that the connection also received for another subscription', () => {
    const rig = new Rig();
    const peer = rig.connect();
    const both = [rig.subscribe(peer, 'a', ['build.*']), rig.subscribe(peer, 'b', ['*'])];
    rig.publish('build.done');
    rig.publish('test.done');
    expect(both.map(({ delivered }) => delivered)).toEqual([1, 2]);
  });
});

test('a loss in streams that nothing names is reported to the subscriptions with this pattern, and to no other', async () => {
  const rig = new Rig();
  const [all, sessions, one] = [rig.connect(), rig.connect(), rig.connect()];
  rig.follow(all, 'all', ['*']);
  const following = rig.follow(sessions, 'sessions', ['main', 'session:*']);
  rig.subscribe(one, 'one', ['*']);
  rig.fanout.reportUnnamedLoss('session:*');
  await rig.flush();
  expect(messagesIn(sessions.writes)).toEqual([
    {
      stream: 'session:*',
      subscriptionIds: ['sessions'],
      from: { epoch: 'unknown', sequenceId: 0 },
      to: { epoch: 'unknown', sequenceId: 0 },
      reason: 'broker_lost',
    },
  ]);
  expect([...all.writes, ...one.writes]).toEqual([]);
  expect(following.gaps).toBe(1);
});
