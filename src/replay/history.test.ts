import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamHistory } from './history.ts';
import type { HistoryBounds } from './history.ts';
import { eventTable } from '../catalogue/event-table.ts';
import type { EventRecord } from './record.ts';
import { EPOCH, recordAt, sequenceIds } from './testing/records.ts';

const WIDE: HistoryBounds = { events: 1000, bytes: 1e9, ageMs: 1e9, silenceMs: Infinity, keys: 1000, keyBytes: 1e9 };

function historyOf(bounds: Partial<HistoryBounds> = {}): StreamHistory {
  const after = { epoch: EPOCH, sequenceId: 0 };
  return new StreamHistory({ bounds: { ...WIDE, ...bounds }, events: eventTable(), after });
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n);

describe('history', () => {
  test('returns exactly the events after any position, within its bounds on count and bytes', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 300 }), (bytes, count, room) => {
        const history = historyOf({ events: count, bytes: room });
        const all: EventRecord[] = [];
        for (const size of bytes) {
          const record = recordAt(all.length + 1, { bytes: size });
          all.push(record);
          history.append(record);
          // The newest event is always kept, regardless of its size.
          let kept = all.slice(-count);
          while (kept.length > 1 && kept.reduce((sum, each) => sum + each.bytes, 0) > room) kept = kept.slice(1);
          const snapshot = history.snapshot();
          const { head, floor } = snapshot;
          expect(head).toEqual({ epoch: EPOCH, sequenceId: all.length });
          expect(floor).toBe(all.length - kept.length + 1);
          expect(history.bytes).toBe(kept.reduce((sum, each) => sum + each.bytes, 0));
          for (const after of numbers(floor - 1, all.length))
            expect(snapshot.since(after).flat()).toEqual(all.slice(after));
        }
      }),
    );
  });

  test('drops events older than its bound on age, and keeps its position in the stream', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 40 }), fc.nat(200), (steps, ageMs) => {
        const history = historyOf({ ageMs });
        let now = 0;
        const times = steps.map((step) => (now += step));
        for (const [at, atMs] of times.entries()) history.append(recordAt(at + 1, { atMs }));
        history.expire(now);
        const alive = times.flatMap((atMs, at) => (now - atMs <= ageMs ? [at + 1] : []));
        expect(sequenceIds(history.snapshot().since(0).flat())).toEqual(alive);
        expect(history.events).toBe(alive.length);
        expect(history.bytes).toBe(alive.length * 100);
        history.expire(now + 1e9);
        expect(history.snapshot()).toMatchObject({ head: { sequenceId: steps.length }, floor: steps.length + 1 });
        expect(history.bytes).toBe(0);
      }),
    );
  });

  test('stays exact after many times as many events as it keeps', () => {
    const history = historyOf({ events: 700 });
    for (const sequenceId of numbers(1, 9000)) {
      history.append(recordAt(sequenceId));
      const snapshot = history.snapshot();
      expect(snapshot.floor).toBe(Math.max(1, sequenceId - 699));
      expect(snapshot.since(sequenceId - 1)[0]?.[0]?.sequenceId).toBe(sequenceId);
    }
    expect(sequenceIds(history.snapshot().since(0).flat())).toEqual(numbers(8301, 9000));
  });

  test.each([
    ['skips a number', recordAt(3)],
    ['repeats a number', recordAt(1)],
    ['is of another epoch', recordAt(2, { epoch: 'e2' })],
  ])('rejects an event that %s, which would make a resume incorrect', (_what, record) => {
    const history = historyOf();
    history.append(recordAt(1));
    expect(() => history.append(record)).toThrow('does not follow e1:1');
    expect(sequenceIds(history.snapshot().since(0).flat())).toEqual([1]);
  });

  test('continues after the given position', () => {
    const history = new StreamHistory({
      bounds: WIDE,
      events: eventTable(),
      after: { epoch: EPOCH, sequenceId: 41 },
      retained: [recordAt(7, { payload: { id: 'a' } })],
      keysEvicted: true,
    });
    history.append(recordAt(42));
    expect(history.snapshot()).toMatchObject({ head: { sequenceId: 42 }, floor: 42, keysEvicted: true });
    expect(sequenceIds(history.snapshot().retained)).toEqual([7]);
  });
});

describe('events that have left history', () => {
  const entity = (sequenceId: number, event: string, id: string): EventRecord =>
    recordAt(sequenceId, { event: `entity_${event}`, payload: { id } });

  test('the newest event per key and name is retained, unless history still contains it', () => {
    const history = historyOf({ events: 2 });
    const plan = [
      entity(1, 'created', 'a'),
      entity(2, 'created', 'b'),
      entity(3, 'updated', 'a'),
      entity(4, 'updated', 'a'),
      entity(5, 'created', 'c'),
      entity(6, 'created', 'd'),
    ];
    for (const record of plan) history.append(record);
    const { floor, retained } = history.snapshot();
    expect(floor).toBe(5);
    expect(sequenceIds(retained)).toEqual([1, 2, 4]);
  });

  test('a deletion removes its key, and the key can be created again', () => {
    const history = historyOf({ events: 1 });
    history.append(entity(1, 'created', 'a'));
    history.append(entity(2, 'deleted', 'a'));
    history.append(recordAt(3, { event: 'sync_status' }));
    expect(history.snapshot().retained).toEqual([]);
    history.append(entity(4, 'created', 'a'));
    history.append(entity(5, 'created', 'b'));
    expect(sequenceIds(history.snapshot().retained)).toEqual([3, 4]);
  });

  test('keys are bounded, the least recently updated is dropped first, and the drop is reported', () => {
    const history = historyOf({ events: 1, keys: 2, keyBytes: 1e9 });
    history.append(entity(1, 'created', 'a'));
    history.append(entity(2, 'created', 'b'));
    history.append(entity(3, 'updated', 'a'));
    expect(history.snapshot().keysEvicted).toBe(false);
    history.append(entity(4, 'created', 'c'));
    history.append(recordAt(5, { event: 'file_change' }));
    expect(history.snapshot()).toMatchObject({ keysEvicted: true });
    expect(sequenceIds(history.snapshot().retained)).toEqual([1, 3, 4]);
  });

  test('reading the head does not visit retained keys, regardless of their number', () => {
    const history = historyOf({ events: 1, keys: 10_000 });
    let looked = 0;
    for (let n = 1; n <= 5_000; n += 1) {
      const record = entity(n, 'created', `key-${n}`);
      history.append(
        new Proxy(record, {
          get: (of, name): unknown => {
            looked += Number(name === 'sequenceId');
            return Reflect.get(of, name);
          },
        }),
      );
    }
    looked = 0;
    for (let n = 0; n < 100; n += 1)
      expect(history.snapshot()).toMatchObject({ head: { sequenceId: 5_000 }, floor: 5_000 });
    expect(looked).toBe(0);
    expect(history.snapshot().retained).toHaveLength(4_999);
    expect(looked).toBeGreaterThan(4_999);
  });

  test('events that are not replayed per key or name are not retained', () => {
    const history = historyOf({ events: 1 });
    history.append(recordAt(1, { event: 'file_change', payload: { path: 'a' } }));
    history.append(recordAt(2, { event: 'session_event', payload: { sessionId: 's' } }));
    history.append(recordAt(3, { event: 'entity_created', payload: {} }));
    history.append(recordAt(4));
    expect(history.snapshot().retained).toEqual([]);
  });
});
