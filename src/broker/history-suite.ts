/** The tests of the broker suite that concern history: its limits, the retained events, and session streams. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { Broker, BrokerLimits } from './broker.ts';
import { draftOf, entity, publishEach, upTo } from './testing/event-drafts.ts';
import type { RecordingListener } from './testing/recording-listener.ts';

/** Starts an empty broker, and closes it after the test. */
export type OpenBroker = (
  limits?: Partial<BrokerLimits>,
) => Promise<{ readonly broker: Broker; readonly listener: RecordingListener }>;

/**
 * Publishes five events to a session stream, with a pause after each. @returns how many events are kept, and the longest time without an
 * event
 */
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
  const kept = broker.snapshot('session:s').since(0).flat().length;
  return { longestPauseMs: Math.max(longestPauseMs, performance.now() - before), kept };
}

export function historySuite(open: OpenBroker): void {
  historyTests(open);
  budgetTests(open);
  retentionTests(open);
  sessionTests(open);
}

function historyTests(open: OpenBroker): void {
  describe('history', () => {
    test('keeps at most the allowed number of events', async () => {
      const { broker } = await open({ historyEvents: 100 });
      await publishEach(
        broker,
        upTo(1_000).map(() => draftOf({ event: 'file_change' })),
      );
      await broker.attach('main');
      const snapshot = broker.snapshot('main');
      expect(snapshot.head.sequenceId).toBe(1_000);
      expect(snapshot.floor).toBe(901);
      expect(
        snapshot
          .since(snapshot.floor - 1)
          .flat()
          .map((record) => record.sequenceId),
      ).toEqual(upTo(100, 901));
    });

    test('keeps at most the allowed number of bytes', async () => {
      const { broker } = await open({ historyBytes: 50_000 });
      const payload = { filler: 'x'.repeat(1_000) };
      await publishEach(
        broker,
        upTo(300).map(() => draftOf({ event: 'file_change', payload })),
      );
      await broker.attach('main');
      const snapshot = broker.snapshot('main');
      const held = snapshot.since(snapshot.floor - 1).flat();
      expect(held.reduce((sum, record) => sum + record.bytes, 0)).toBeLessThanOrEqual(50_000);
      expect(held.length).toBeGreaterThan(30);
      expect(held.at(-1)?.sequenceId).toBe(300);
    });

    test('drops events older than the allowed age, and the counter continues', async () => {
      const { broker } = await open({ historyAgeMs: 80 });
      const first = await broker.publish(draftOf({ event: 'file_change' }));
      await broker.attach('main');
      await vi.waitFor(() => expect(broker.snapshot('main').floor).toBe(2), 2_000);
      expect(broker.snapshot('main').head).toEqual({ epoch: first.epoch, sequenceId: 1 });
      expect(await broker.publish(draftOf())).toMatchObject({ epoch: first.epoch, sequenceId: 2 });
    });

    test('frees the memory of events older than the allowed age, even if no client reads the history', async () => {
      const { broker } = await open({ historyAgeMs: 100, sessionTtlMs: 1_000 });
      await broker.attach('main');
      await broker.publish(draftOf({ event: 'file_change' }));
      await vi.waitFor(() => expect(broker.streams()).toMatchObject([{ head: { sequenceId: 1 } }]), 20_000);
      await vi.waitFor(() => expect(broker.budgets()['historyBudgetBytes']?.used).toBe(0), 20_000);
    });

    test('has a separate bound for session streams', async () => {
      const { broker } = await open({ sessionHistoryEvents: 10 });
      await publishEach(
        broker,
        upTo(200).map(() => draftOf({ stream: 'session:s', event: 'session_event' })),
      );
      await broker.attach('session:s');
      expect(broker.snapshot('session:s').floor).toBe(191);
    });
  });
}

function budgetTests(open: OpenBroker): void {
  describe('a full budget for history', () => {
    test('shortens the least recently used session stream first, not the one that was used first', async () => {
      const { broker } = await open({ historyBudgetBytes: 2 * 1024 * 1024 });
      await broker.attach('session:first');
      await broker.attach('session:idle');
      const payload = { text: 'x'.repeat(60_000) };
      for (const [stream, count] of [
        ['session:first', 1],
        ['session:idle', 5],
        ['session:first', 12],
      ] as const)
        for (let n = 0; n < count; n += 1) await broker.publish(draftOf({ stream, event: 'session_event', payload }));
      await vi.waitFor(() => expect(broker.budgets()['historyBudgetBytes']?.dropped).toBeGreaterThan(0), 20_000);
      expect(broker.snapshot('session:first').floor).toBe(1);
      expect(broker.snapshot('session:idle').floor).toBeGreaterThan(1);
    });
  });
}

function retentionTests(open: OpenBroker): void {
  describe('history', () => {
    test.each(['one at a time', 'in one turn'])(
      'retains the newest event per key and name below the floor, but none of a deleted key, if published %s (RPL-3)',
      async (manner) => {
        const { broker } = await open({ historyEvents: 100 });
        const early = [entity('a'), entity('b'), entity('a'), entity('c'), draftOf(), entity('b', 'entity_deleted')];
        if (manner === 'in one turn') await Promise.all(early.map((draft) => broker.publish(draft)));
        else for (const draft of early) await broker.publish(draft);
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
      },
    );

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
}

function sessionTests(open: OpenBroker): void {
  describe('a session stream', () => {
    test('starts again empty, with another epoch, if it had no traffic for its TTL (RPL-5, STR-3)', async () => {
      const { broker } = await open({ sessionTtlMs: 80 });
      const first = await broker.publish(draftOf({ stream: 'session:s', event: 'session_event' }));
      await delay(130);
      const second = await broker.publish(draftOf({ stream: 'session:s', event: 'session_event' }));
      expect(second.sequenceId).toBe(1);
      expect(second.epoch).not.toBe(first.epoch);
    });

    test('keeps the whole log of an active session beyond the TTL of an idle one', async () => {
      // On a very busy machine, the pause between two events may be longer than the TTL. The test is then repeated with a longer TTL.
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

    test('also loses its retained events if it was attached but had no traffic for its TTL (RPL-5)', async () => {
      const { broker } = await open({ sessionTtlMs: 2_000, sessionHistoryEvents: 1 });
      const stream = 'session:s';
      await broker.attach(stream);
      for (const id of ['a', 'b']) await broker.publish({ ...entity(id), stream });
      await vi.waitFor(() => expect(broker.snapshot(stream).floor).toBe(3), 20_000);
      // RPL-3: a new subscriber must learn that its picture of the entities is incomplete.
      expect(broker.snapshot(stream)).toMatchObject({ retained: [], keysEvicted: true });
      await broker.publish({ ...entity('c'), stream });
      await broker.sync(stream);
      expect(broker.snapshot(stream)).toMatchObject({ floor: 3, retained: [], keysEvicted: true });
      expect(broker.budgets()['historyBudgetBytes']?.used).toBeLessThan(2_000);
    });

    test('loses its retained events after its TTL, even if history was already empty', async () => {
      const { broker } = await open({ sessionTtlMs: 1_000, historyAgeMs: 100 });
      await broker.attach('session:s');
      await broker.publish({ ...entity('a'), stream: 'session:s' });
      await vi.waitFor(() => expect(broker.snapshot('session:s').floor).toBe(2), 20_000);
      await vi.waitFor(() => expect(broker.snapshot('session:s').retained).toEqual([]), 20_000);
    });
  });
}
