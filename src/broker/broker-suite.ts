/** The tests that every implementation of a broker must pass. They use the real clock and short limits, because Redis has its own clock. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Broker, BrokerLimits } from './broker.ts';
import { historySuite } from './history-suite.ts';
import { draftOf, publishEach, upTo } from './testing/event-drafts.ts';
import { RecordingListener } from './testing/recording-listener.ts';
import { SUITE_LIMITS } from './testing/suite-limits.ts';

/** Publishes one event on each stream, one after another. */
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

    describe('following', () => {
      test('delivers each covered stream that appears later from its first event, and no other stream (MUL-3)', async () => {
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

    describe('a publish', () => {
      test('numbers the events of each stream from 1 without holes (STR-2)', async () => {
        const { broker } = await open();
        const numbers: number[] = [];
        for (const stream of ['main', 'main', 'workspace:a', 'main', 'session:s', 'workspace:a']) {
          const { sequenceId } = await broker.publish(draftOf({ stream }));
          numbers.push(sequenceId);
        }
        expect(numbers).toEqual([1, 2, 1, 3, 1, 2]);
      });

      test('delivers in order and without holes under concurrent publishes', async () => {
        const { broker, listener } = await open();
        await broker.attach('main');
        const results = await Promise.all(upTo(500).map(() => broker.publish(draftOf())));
        await broker.sync('main');
        expect(listener.sequenceIds('main')).toEqual(upTo(500));
        expect(new Set(results.map((result) => result.sequenceId)).size).toBe(500);
        expect(new Set(results.map((result) => result.eventId)).size).toBe(500);
      });

      test('returns the position that the subscribers see', async () => {
        const { broker, listener } = await open();
        await broker.attach('main');
        const result = await broker.publish(draftOf());
        await broker.sync('main');
        const record = listener.events[0];
        expect(result).toEqual({
          stream: 'main',
          epoch: record?.epoch,
          sequenceId: 1,
          eventId: record?.eventId,
          duplicate: false,
        });
        expect(record?.eventId).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
      });

      test('encodes the shared tail of the event message once, with its members in the order of EVT-1', async () => {
        const { broker, listener } = await open();
        await broker.attach('main');
        const payload = { text: 'naïve "日本" \u2028\n', deep: { list: [1, null, true, { a: [] }] }, 'odd key': 1e-7 };
        await broker.publish(draftOf({ payload, source: { name: 'ci "x"', principal: 'key:ci' } }));
        await broker.sync('main');
        const record = listener.events[0];
        if (record === undefined) throw new Error('nothing was delivered');
        const { body, bytes, weight, ...fields } = record;
        const parsed: Record<string, unknown> = JSON.parse(`{${body}}`);
        expect(Object.keys(parsed)).toEqual([
          'stream',
          'epoch',
          'sequenceId',
          'eventId',
          'event',
          'emittedAt',
          'source',
          'payload',
        ]);
        expect(parsed).toEqual(fields);
        expect(fields.payload).toEqual(payload);
        expect(bytes).toBe(Buffer.byteLength(body));
        expect(weight).toBeGreaterThan(2 * bytes);
      });

      test('stamps an emittedAt that never decreases (STR-4)', async () => {
        const { broker, listener } = await open();
        await broker.attach('main');
        await publishEach(
          broker,
          upTo(200).map(() => draftOf()),
        );
        await broker.sync('main');
        const stamps = listener.events.map((record) => record.emittedAt);
        expect(stamps).toEqual(stamps.toSorted());
        expect(stamps[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      });

      test('does not use up a sequenceId if the payload cannot be encoded', async () => {
        const { broker } = await open();
        await expect(broker.publish(draftOf({ payload: { big: 1n } }))).rejects.toThrow(TypeError);
        expect((await broker.publish(draftOf())).sequenceId).toBe(1);
      });
    });

    describe('an idempotency key', () => {
      test('returns the first result and publishes nothing, even for concurrent publishes (BRD-1)', async () => {
        const { broker, listener } = await open();
        await broker.attach('main');
        const draft = draftOf({ idempotencyKey: 'run 88/billing' });
        const [first, second] = await Promise.all([broker.publish(draft), broker.publish(draft)]);
        const third = await broker.publish({ ...draft, payload: { other: true } });
        expect(second).toEqual({ ...first, duplicate: true });
        expect(third).toEqual({ ...first, duplicate: true });
        await broker.sync('main');
        expect(listener.events).toHaveLength(1);
      });

      test('is independent of the same key of another principal or on another stream', async () => {
        const { broker } = await open();
        const draft = draftOf({ idempotencyKey: 'k' });
        const results = [
          await broker.publish(draft),
          await broker.publish({ ...draft, stream: 'workspace:a' }),
          await broker.publish({ ...draft, source: { name: 'test', principal: 'user:ben' } }),
        ];
        expect(results.map((result) => result.duplicate)).toEqual([false, false, false]);
      });

      test('is forgotten after idempotencyWindowMs', async () => {
        const { broker } = await open({ idempotencyWindowMs: 60 });
        const draft = draftOf({ idempotencyKey: 'k' });
        await broker.publish(draft);
        await vi.waitFor(async () => expect((await broker.publish(draft)).duplicate).toBe(false), 2_000);
      });
    });

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
        expect(snapshot.since(0)).toEqual(listener.events);
        expect(snapshot.since(17).map((record) => record.sequenceId)).toEqual([18, 19, 20]);
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

    historySuite(open);

    test('announces a source loss to the subscribers of its stream (GAP-2)', async () => {
      const { broker, listener } = await open();
      await broker.attach('workspace:a');
      const loss = { stream: 'workspace:a', paths: ['src', 'docs/ü'] };
      await broker.announce(loss);
      await vi.waitFor(() => expect(listener.sourceLosses).toEqual([loss]), 2_000);
    });

    test('keeps a source loss at its position for later resumes, even if it was already reported (GAP-2)', async () => {
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

    test('forgets the losses from before its history', async () => {
      const { broker } = await open({ historyEvents: 1 });
      await broker.attach('main');
      await broker.announce({ stream: 'main', paths: ['a'] });
      const drafts = Array.from({ length: 400 }, () => draftOf());
      for (const draft of drafts) await broker.publish(draft);
      await broker.sync('main');
      expect(broker.snapshot('main').losses).toEqual([]);
    });

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
  });
}
