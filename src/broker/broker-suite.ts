/**
 * The tests that every implementation of a broker must pass. They use the real clock and short limits: Redis has its own clock, which a
 * test cannot set.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Broker, BrokerLimits } from './broker.ts';
import { historySuite } from './history-suite.ts';
import type { OpenBroker } from './history-suite.ts';
import { draftOf, publishEach, upTo } from './testing/event-drafts.ts';
import { publishSuite } from './publish-suite.ts';
import { RecordingListener } from './testing/recording-listener.ts';
import { SUITE_LIMITS } from './testing/suite-limits.ts';

/** Publishes one event on each stream. Each publish waits for the previous one. */
async function publishOn(broker: Broker, streams: readonly string[]): Promise<void> {
  for (const stream of streams) await broker.publish(draftOf({ stream }));
}

const PATIENCE = { timeout: 20_000, interval: 20 } as const;

export interface BrokerSuite {
  readonly name: string;
  /** Creates an empty broker that is not started yet. */
  create(limits: BrokerLimits): Promise<Broker>;
}

export function brokerSuite(suite: BrokerSuite): void {
  const opened: Broker[] = [];

  async function open(limits: Partial<BrokerLimits> = {}): Promise<{ broker: Broker; listener: RecordingListener }> {
    const listener = new RecordingListener();
    const broker = await suite.create({ ...SUITE_LIMITS, ...limits });
    opened.push(broker);
    await broker.start(listener);
    return { broker, listener };
  }

  describe(`${suite.name} broker`, () => {
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((broker) => broker.close()));
    });

    followTests(open);
    publishSuite(open);
    attachTests(open);
    historySuite(open);
    sourceLossTests(open);
    healthTests(open);
  });
}

function followTests(open: OpenBroker): void {
  describe('following', () => {
    test('delivers every event of a covered stream that is created later, and no event of another stream (MUL-3)', async () => {
      const { broker, listener } = await open();
      await broker.follow('session:a*');
      await publishOn(broker, ['session:a1', 'session:b', 'session:a2', 'session:a1', 'main', 'session:a2']);
      await vi.waitFor(() => expect(listener.sequenceIds('session:a2')).toEqual([1, 2]), PATIENCE);
      await vi.waitFor(() => expect(listener.sequenceIds('session:a1')).toEqual([1, 2]), PATIENCE);
      expect([...broker.followed(['session:a*'])].map(({ stream }) => stream).toSorted()).toEqual([
        'session:a1',
        'session:a2',
      ]);
    });

    test('has the history of the streams that existed before, and delivers only later events', async () => {
      const { broker, listener } = await open();
      await publishOn(broker, ['session:a', 'session:a', 'workspace:w']);
      await broker.follow('session:*');
      const before = [...broker.followed(['session:*', 'workspace:*'])].map(({ stream, snapshot }) => [
        stream,
        snapshot.head.sequenceId,
      ]);
      expect(before.filter(([stream]) => stream === 'session:a')).toEqual([['session:a', 2]]);
      await publishOn(broker, ['session:a']);
      await vi.waitFor(() => expect(listener.sequenceIds('session:a')).toEqual([3]), PATIENCE);
      expect(broker.headOf('session:a')?.sequenceId).toBe(3);
    });

    test('reports the end of a stream that expires; its next event has sequenceId 1 in a new epoch (MUL-6)', async () => {
      const { broker, listener } = await open({ sessionTtlMs: 1_000 });
      await broker.follow('session:*');
      await publishOn(broker, ['session:a', 'session:a']);
      await vi.waitFor(() => expect(listener.ended).toEqual(['session:a']), PATIENCE);
      await publishOn(broker, ['session:a']);
      await vi.waitFor(() => expect(listener.sequenceIds('session:a')).toEqual([1, 2, 1]), PATIENCE);
      expect(listener.losses).toEqual([]);
    });

    test('continues until each follower has unfollowed', async () => {
      const { broker, listener } = await open();
      await broker.follow('session:*');
      await broker.follow('session:*');
      broker.unfollow('session:*');
      await publishOn(broker, ['session:a']);
      await vi.waitFor(() => expect(listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    });
  });
}

function attachTests(open: OpenBroker): void {
  describe('an attached stream', () => {
    test('is delivered until it was detached as often as attached; other streams are not delivered', async () => {
      const { broker, listener } = await open();
      await broker.publish(draftOf());
      await Promise.all([broker.attach('main'), broker.attach('main')]);
      await broker.publish(draftOf({ stream: 'workspace:a' }));
      await broker.publish(draftOf());
      broker.detach('main');
      await broker.publish(draftOf());
      await broker.sync('main');
      broker.detach('main');
      expect(listener.sequenceIds('main')).toEqual([2, 3]);
      expect(listener.sequenceIds('workspace:a')).toEqual([]);
      await broker.publish(draftOf());
      await broker.publish(draftOf({ stream: 'workspace:a' }));
      expect(listener.events).toHaveLength(2);
      await broker.attach('main');
      await broker.sync('main');
      expect(broker.snapshot('main').head.sequenceId).toBe(4);
    });

    test('has a position even before its first event, and keeps the epoch of that position', async () => {
      const { broker } = await open();
      await broker.attach('workspace:new');
      const { head, floor, retained } = broker.snapshot('workspace:new');
      expect(head.sequenceId).toBe(0);
      expect(head.epoch).not.toBe('');
      expect(floor).toBe(1);
      expect(retained).toEqual([]);
      broker.detach('workspace:new');
      expect((await broker.publish(draftOf({ stream: 'workspace:new' }))).epoch).toBe(head.epoch);
    });

    test('has a snapshot of the events published before, equal to those that are delivered live', async () => {
      const { broker, listener } = await open();
      await broker.attach('main');
      await publishEach(
        broker,
        upTo(20).map((n) => draftOf({ payload: { n } })),
      );
      await broker.sync('main');
      const snapshot = broker.snapshot('main');
      expect(snapshot.head).toEqual({ epoch: listener.events[0]?.epoch, sequenceId: 20 });
      expect(snapshot.floor).toBe(1);
      expect(snapshot.since(0).flat()).toEqual(listener.events);
      expect(
        snapshot
          .since(17)
          .flat()
          .map((record) => record.sequenceId),
      ).toEqual([18, 19, 20]);
      expect(snapshot.since(20)).toEqual([]);
    });

    test('continues with live events without loss or duplicate while others publish (RPL-2)', async () => {
      const { broker, listener } = await open();
      const publishing = publishEach(
        broker,
        upTo(400).map(() => draftOf()),
      );
      await broker.publish(draftOf());
      await broker.attach('main');
      const { head } = broker.snapshot('main');
      const seen = listener.events.length;
      await publishing;
      await publishEach(
        broker,
        upTo(100).map(() => draftOf()),
      );
      await broker.sync('main');
      const live = listener.events.slice(seen).map((record) => record.sequenceId);
      expect(live).toEqual(upTo(501 - head.sequenceId, head.sequenceId + 1));
    });

    test('must be attached to have a snapshot', async () => {
      const { broker } = await open();
      expect(() => broker.snapshot('main')).toThrow(/not attached/);
    });
  });
}

function sourceLossTests(open: OpenBroker): void {
  describe('a source loss', () => {
    test('is announced to the subscribers of its stream (GAP-2)', async () => {
      const { broker, listener } = await open();
      await broker.attach('workspace:a');
      const loss = { stream: 'workspace:a', paths: ['src', 'docs/ü'] };
      await broker.announce(loss);
      await vi.waitFor(() => expect(listener.sourceLosses).toEqual([loss]), 2_000);
    });

    test('is kept at its position for later resumes, even if it was already reported (GAP-2)', async () => {
      const { broker, listener } = await open();
      const { epoch } = await broker.publish(draftOf());
      await broker.announce({ stream: 'main', paths: ['a'] });
      await broker.attach('main');
      await broker.publish(draftOf());
      await broker.announce({ stream: 'main', paths: ['b'] });
      const kept = [
        { epoch, sequenceId: 1, paths: ['a'] },
        { epoch, sequenceId: 2, paths: ['b'] },
      ];
      await vi.waitFor(() => expect(broker.snapshot('main').losses).toEqual(kept), 2_000);
      expect(listener.sourceLosses).toEqual([{ stream: 'main', paths: ['b'] }]);
    });

    test('without events ends the epoch of its session stream when the stream expires', async () => {
      const { broker } = await open({ sessionTtlMs: 1_000 });
      await broker.announce({ stream: 'session:s', paths: ['a'] });
      await broker.attach('session:s');
      const { head, losses } = broker.snapshot('session:s');
      expect(losses).toEqual([{ ...head, sequenceId: 0, paths: ['a'] }]);
      broker.detach('session:s');
      await vi.waitFor(() => expect(broker.headOf('session:s')).toBeUndefined(), 20_000);
      await broker.attach('session:s');
      expect(broker.snapshot('session:s').head.epoch).not.toBe(head.epoch);
    });

    test('is forgotten when its position leaves the history', async () => {
      const { broker } = await open({ historyEvents: 1 });
      await broker.attach('main');
      await broker.announce({ stream: 'main', paths: ['a'] });
      const drafts = Array.from({ length: 400 }, () => draftOf());
      for (const draft of drafts) await broker.publish(draft);
      await broker.sync('main');
      expect(broker.snapshot('main').losses).toEqual([]);
    });
  });
}

function healthTests(open: OpenBroker): void {
  test('without other nodes, askNodes returns no answers', async () => {
    const { broker } = await open();
    expect(await broker.askNodes('who is there')).toEqual({ answers: [], missing: [] });
  });

  test('reports its health and its streams', async () => {
    const { broker, listener } = await open();
    await broker.attach('main');
    const { epoch } = await broker.publish(draftOf());
    await broker.sync('main');
    expect(broker.health()).toMatchObject({ kind: broker.kind, connected: true });
    expect(listener.health.at(-1)).toMatchObject({ connected: true });
    const bytes = listener.events[0]?.bytes;
    expect(broker.streams()).toEqual([
      { stream: 'main', head: { epoch, sequenceId: 1 }, historyEvents: 1, historyBytes: bytes },
    ]);
  });
}
