/**
 * The tests that every broker implementation must pass. They use the real clock and short bounds, because Redis has its own clock.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type {
  Broker,
  BrokerHealth,
  BrokerLimits,
  BrokerListener,
  EventDraft,
  EventRecord,
  SourceLoss,
  StreamLoss,
} from './broker.ts';
import { SUITE_LIMITS } from './testing/suite-limits.ts';

export { SUITE_LIMITS };

export interface BrokerSuite {
  readonly name: string;
  /** An empty broker that has not been started. */
  create(limits: BrokerLimits): Promise<Broker>;
}

/** Records every call, in order. */
export class RecordingListener implements BrokerListener {
  readonly nodeId = 'recording';
  readonly events: EventRecord[] = [];
  readonly losses: StreamLoss[] = [];
  readonly sourceLosses: SourceLoss[] = [];
  readonly health: BrokerHealth[] = [];

  onEvent(record: EventRecord): void {
    this.events.push(record);
  }

  onLoss(loss: StreamLoss): void {
    this.losses.push(loss);
  }

  onSourceLoss(loss: SourceLoss): void {
    this.sourceLosses.push(loss);
  }

  onHealth(health: BrokerHealth): void {
    this.health.push(health);
  }

  onQuestion(): undefined {
    // Answers no questions.
  }

  sequenceIds(stream: string): number[] {
    return this.events.filter((record) => record.stream === stream).map((record) => record.sequenceId);
  }
}

export function draftOf(overrides: Partial<EventDraft> = {}): EventDraft {
  return {
    stream: 'main',
    event: 'modified_cluster',
    source: { name: 'test', principal: 'user:ana' },
    payload: { cluster: 'billing' },
    ...overrides,
  };
}

export function entity(id: string, event = 'entity_updated'): EventDraft {
  return draftOf({ event, payload: { id, entityType: 'function', name: id } });
}

const upTo = (count: number, from = 1): number[] => Array.from({ length: count }, (_, index) => from + index);

/** Publishes five events to a session stream, with a pause after each; tells how many are kept, and the longest time without traffic. */
async function keepActive(broker: Broker, pauseMs: number): Promise<{ longestPauseMs: number; kept: number }> {
  const session = draftOf({ stream: 'session:s', event: 'session_event' });
  let longestPauseMs = 0;
  let before = performance.now();
  for (let n = 0; n < 5; n += 1) {
    const started = performance.now();
    await broker.publish(session);
    longestPauseMs = Math.max(longestPauseMs, performance.now() - before);
    before = started;
    await delay(pauseMs);
  }
  await broker.attach('session:s');
  const kept = broker.snapshot('session:s').since(0).length;
  return { longestPauseMs: Math.max(longestPauseMs, performance.now() - before), kept };
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

  async function publishEach(broker: Broker, drafts: readonly EventDraft[]): Promise<void> {
    await Promise.all(drafts.map((draft) => broker.publish(draft)));
  }

  describe(`${suite.name} broker`, () => {
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((broker) => broker.close()));
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

      test('encodes the shared tail of the event message once, members in the order of EVT-1', async () => {
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

      test('that cannot be encoded uses up no sequenceId', async () => {
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

      test('belongs to one principal on one stream', async () => {
        const { broker } = await open();
        const draft = draftOf({ idempotencyKey: 'k' });
        const results = [
          await broker.publish(draft),
          await broker.publish({ ...draft, stream: 'workspace:a' }),
          await broker.publish({ ...draft, source: { name: 'test', principal: 'user:ben' } }),
        ];
        expect(results.map((result) => result.duplicate)).toEqual([false, false, false]);
      });

      test('is forgotten after its window', async () => {
        const { broker } = await open({ idempotencyWindowMs: 60 });
        const draft = draftOf({ idempotencyKey: 'k' });
        await broker.publish(draft);
        await vi.waitFor(async () => expect((await broker.publish(draft)).duplicate).toBe(false), 2_000);
      });
    });

    describe('an attached stream', () => {
      test('is delivered until it is detached as often as attached; other streams are not', async () => {
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

      test('has a position before its first event, and keeps that epoch', async () => {
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

      test('has a snapshot of what was published before, equal to what is delivered live', async () => {
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

    describe('history', () => {
      test('is bounded by count', async () => {
        const { broker } = await open({ historyEvents: 100 });
        await publishEach(
          broker,
          upTo(1_000).map(() => draftOf({ event: 'file_change' })),
        );
        await broker.attach('main');
        const snapshot = broker.snapshot('main');
        expect(snapshot.head.sequenceId).toBe(1_000);
        expect(snapshot.floor).toBe(901);
        expect(snapshot.since(snapshot.floor - 1).map((record) => record.sequenceId)).toEqual(upTo(100, 901));
      });

      test('is bounded by bytes', async () => {
        const { broker } = await open({ historyBytes: 50_000 });
        const payload = { filler: 'x'.repeat(1_000) };
        await publishEach(
          broker,
          upTo(300).map(() => draftOf({ event: 'file_change', payload })),
        );
        await broker.attach('main');
        const snapshot = broker.snapshot('main');
        const held = snapshot.since(snapshot.floor - 1);
        expect(held.reduce((sum, record) => sum + record.bytes, 0)).toBeLessThanOrEqual(50_000);
        expect(held.length).toBeGreaterThan(30);
        expect(held.at(-1)?.sequenceId).toBe(300);
      });

      test('is bounded by age, and the counter continues', async () => {
        const { broker } = await open({ historyAgeMs: 80 });
        const first = await broker.publish(draftOf({ event: 'file_change' }));
        await broker.attach('main');
        await vi.waitFor(() => expect(broker.snapshot('main').floor).toBe(2), 2_000);
        expect(broker.snapshot('main').head).toEqual({ epoch: first.epoch, sequenceId: 1 });
        expect(await broker.publish(draftOf())).toMatchObject({ epoch: first.epoch, sequenceId: 2 });
      });

      test('of session streams has its own bound', async () => {
        const { broker } = await open({ sessionHistoryEvents: 10 });
        await publishEach(
          broker,
          upTo(200).map(() => draftOf({ stream: 'session:s', event: 'session_event' })),
        );
        await broker.attach('session:s');
        expect(broker.snapshot('session:s').floor).toBe(191);
      });

      test('retains, below its floor, the newest event per key and name, without the deleted ones (RPL-3)', async () => {
        const { broker } = await open({ historyEvents: 100 });
        const early = [entity('a'), entity('b'), entity('a'), entity('c'), draftOf(), entity('b', 'entity_deleted')];
        for (const draft of early) await broker.publish(draft);
        await publishEach(
          broker,
          upTo(500).map(() => draftOf({ event: 'file_change' })),
        );
        await broker.attach('main');
        const { retained, keysEvicted } = broker.snapshot('main');
        expect(retained.map((record) => [record.sequenceId, record.event])).toEqual([
          [3, 'entity_updated'],
          [4, 'entity_updated'],
          [5, 'modified_cluster'],
        ]);
        expect(keysEvicted).toBe(false);
      });

      test('retains a bounded number of keys, drops the oldest, and reports it', async () => {
        const { broker } = await open({ historyEvents: 100, retainedKeys: 20 });
        await publishEach(
          broker,
          upTo(50).map((n) => entity(`e${n}`)),
        );
        await publishEach(
          broker,
          upTo(500).map(() => draftOf({ event: 'file_change' })),
        );
        await broker.attach('main');
        const { retained, keysEvicted } = broker.snapshot('main');
        expect(retained.map((record) => record.sequenceId)).toEqual(upTo(20, 31));
        expect(keysEvicted).toBe(true);
      });
    });

    describe('a session stream', () => {
      test('without traffic for its TTL starts again empty, with another epoch (RPL-5, STR-3)', async () => {
        const { broker } = await open({ sessionTtlMs: 80 });
        const first = await broker.publish(draftOf({ stream: 'session:s', event: 'session_event' }));
        await delay(130);
        const second = await broker.publish(draftOf({ stream: 'session:s', event: 'session_event' }));
        expect(second.sequenceId).toBe(1);
        expect(second.epoch).not.toBe(first.epoch);
      });

      test('keeps the whole log of an active session beyond the TTL of an idle one', async () => {
        // On a machine so busy that the stream really had no traffic for its TTL, once more with a longer one.
        for (let sessionTtlMs = 1_500; ; sessionTtlMs *= 2) {
          const { broker } = await open({ sessionTtlMs });
          const { longestPauseMs, kept } = await keepActive(broker, sessionTtlMs / 3);
          if (longestPauseMs >= sessionTtlMs && sessionTtlMs < 20_000) continue;
          expect(kept).toBe(5);
          break;
        }
      }, 120_000);

      test('keeps its counter while it is attached', async () => {
        const { broker, listener } = await open({ sessionTtlMs: 1_000 });
        await broker.attach('session:s');
        const first = await broker.publish(draftOf({ stream: 'session:s', event: 'session_event' }));
        await delay(2_200);
        const { head, floor } = broker.snapshot('session:s');
        expect({ head, floor }).toEqual({ head: { epoch: first.epoch, sequenceId: 1 }, floor: 2 });
        const second = await broker.publish(draftOf({ stream: 'session:s', event: 'session_event' }));
        expect(second).toMatchObject({ epoch: first.epoch, sequenceId: 2 });
        expect(listener.losses).toEqual([]);
      });
    });

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

    test('without other nodes asks none', async () => {
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
