import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { eventTable } from '../catalogue/event-table.ts';
import { StreamHistory } from './history.ts';
import { MOST_EXCESS, PendingEvents } from './pending-events.ts';
import type { EventRecord } from './record.ts';
import { StreamMemory } from './stream-memory.ts';
import { EPOCH, pendingOf, recordAt, sequenceIds } from './testing/records.ts';
import type { RecordSketch } from './testing/records.ts';
import { chooseMatching, chooseWarm } from './warm.ts';
import type { Chosen } from './warm.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Events with the policy `log`, which subscriptions select in different combinations. */
const KINDS = Array.from({ length: 20 }, (_, n) => `kind.${n}`);
const table = eventTable(Object.fromEntries([...KINDS, 'log.line'].map((name) => [name, 'log' as const])));
const everything = (): boolean => true;
const NAMES = ['entity_updated', 'entity_deleted', 'log.line', 'file_change', 'custom', 'kind.1', 'kind.2'];

function historyOf(events: number): StreamHistory {
  const bounds = { events, bytes: 1e9, ageMs: 1e9, silenceMs: Infinity, keys: 4, keyBytes: 1e9 };
  return new StreamHistory({ bounds, events: table, after: { epoch: EPOCH, sequenceId: 0 } });
}

function publishTo(history: StreamHistory, count: number, sketch: RecordSketch = {}): void {
  for (let n = 0; n < count; n += 1) history.append(recordAt(history.head.sequenceId + 1, sketch));
}

/** A replay that is being sent to a client. */
interface Reader {
  readonly history: StreamHistory;
  readonly pending: PendingEvents;
  readonly events: Chosen;
}

function readerOf(history: StreamHistory, mode: 'resume' | 'warm', names: readonly string[] = NAMES): Reader {
  const snapshot = history.snapshot();
  const parts = snapshot.since(0);
  const pending = new PendingEvents(mode === 'resume' ? parts : [snapshot.retained, ...parts], snapshot.memory);
  const matches = ({ event }: EventRecord): boolean => names.includes(event);
  const events = mode === 'resume' ? chooseMatching(pending, matches) : chooseWarm(pending, { table, matches });
  return { history, pending, events };
}

/** A warm replay whose events have been selected, but none of which has been sent. */
function chosenReaderOf(history: StreamHistory, names: readonly string[]): Reader {
  const reader = readerOf(history, 'warm', names);
  while (reader.events.next().value === undefined);
  return reader;
}

/** The pending events that are not in history any more. */
function olderOf({ pending, history }: Reader): readonly EventRecord[] {
  return pending.parts.flat().filter((each) => !history.memory.has(each.sequenceId));
}

/** The pending events that are neither in history nor retained any more. */
function droppedOf(reader: Reader): readonly EventRecord[] {
  const { retained } = reader.history.snapshot();
  return olderOf(reader).filter((each) => reader.history.memory.closed || !retained.includes(each));
}

function weightOf(records: Iterable<EventRecord>): number {
  return [...records].reduce((sum, { weight }) => sum + weight, 0);
}

/** The memory that the uncounted readers of a history together need in addition to it. */
function uncountedBytes(readers: readonly Reader[]): number {
  const uncounted = readers.filter(({ pending }) => pending.excessBytes(Infinity) === 0);
  return weightOf(new Set(uncounted.flatMap((reader) => droppedOf(reader))));
}

const publish = fc.record({
  kind: fc.constant('publish' as const),
  event: fc.constantFrom(...NAMES),
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  bytes: fc.constantFrom(10, 100, 1000, 40_000),
});
const begin = fc.record({
  kind: fc.constant('begin' as const),
  mode: fc.constantFrom('resume' as const, 'warm' as const),
  names: fc.subarray(NAMES),
});
const read = fc.record({ kind: fc.constant('read' as const), reader: fc.nat(5), events: fc.nat(6) });
/** The node drops the history, and later creates a new one. */
const close = fc.record({ kind: fc.constant('close' as const) });

describe('the events that replays still have to send', () => {
  test('need at most a quarter as much memory as the history in addition to it, or are counted', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 12, arbitrary: publish },
        { weight: 2, arbitrary: begin },
        { weight: 4, arbitrary: read },
        close,
      ),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), fc.nat(100_000), (all, size, limit) => {
        let history = historyOf(size);
        const readers: Reader[] = [];
        for (const step of all) {
          if (step.kind === 'begin') readers.push(readerOf(history, step.mode, step.names));
          else if (step.kind === 'publish')
            publishTo(history, 1, { event: step.event, payload: { id: step.id }, bytes: step.bytes });
          else if (step.kind === 'close') {
            history.close();
            history = historyOf(size);
          } else for (let n = 0; n < step.events; n += 1) readers[step.reader]?.events.next();
          for (const each of new Set(readers.map((reader) => reader.history)))
            expect(uncountedBytes(readers.filter((reader) => reader.history === each))).toBeLessThanOrEqual(
              each.memory.weight * MOST_EXCESS,
            );
          for (const reader of readers) {
            const counted = reader.pending.excessBytes(Infinity);
            const least = counted === 0 ? 0 : weightOf(droppedOf(reader));
            expect(counted).toBeGreaterThanOrEqual(least);
            expect(counted).toBeLessThanOrEqual(weightOf(olderOf(reader)));
            // Above the limit, the result only has to be above the limit.
            expect(Math.min(reader.pending.excessBytes(limit), limit + 1)).toBe(Math.min(counted, limit + 1));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('need at most a quarter of it if each reader selects the events of the reader before and one more', () => {
    const size = 6_000;
    const history = historyOf(size);
    publishTo(history, size, { event: 'file_change', bytes: 40_000 });
    const readers: Reader[] = [];
    for (let own = 1; own <= KINDS.length; own += 1) {
      const selected = KINDS.slice(0, own);
      for (const event of selected) publishTo(history, 1, { event, bytes: 40_000 });
      publishTo(history, own * 25, { event: KINDS[own - 1] ?? '', bytes: 40_000 });
      publishTo(history, size - own * 26, { event: 'file_change', bytes: 40_000 });
      readers.push(chosenReaderOf(history, selected));
      publishTo(history, own * 26, { event: 'file_change', bytes: 40_000 });
      expect(uncountedBytes(readers)).toBeLessThanOrEqual(history.memory.weight * MOST_EXCESS);
    }
    expect(uncountedBytes(readers)).toBeGreaterThan(0);
  });

  test('are not counted if they are only the newest of their keys, however many other events the history drops', () => {
    const history = historyOf(10);
    for (let at = 1; at <= 4; at += 1)
      publishTo(history, 1, { event: 'entity_updated', payload: { id: `${at}` }, bytes: 50_000 });
    const reader = chosenReaderOf(history, NAMES);
    publishTo(history, 996, { event: 'log.line', bytes: 50_000 });
    expect(droppedOf(reader)).toEqual([]);
    expect(reader.pending.parts.flat()).toHaveLength(3);
    expect(reader.pending.excessBytes(Infinity)).toBe(0);
  });

  test('are counted once their history has ended, until they are sent', () => {
    const history = historyOf(10);
    publishTo(history, 10);
    const reader = readerOf(history, 'resume');
    expect(reader.pending.excessBytes(Infinity)).toBe(0);
    history.close();
    expect(reader.pending.excessBytes(Infinity)).toBe(1000);
    for (const _ of reader.events);
    expect(reader.pending.excessBytes(Infinity)).toBe(0);
  });

  test('are counted if history dropped them while the events of a warm picture were being selected', () => {
    const history = historyOf(10);
    publishTo(history, 10, { event: 'log.line', bytes: 40_000 });
    const reader = readerOf(history, 'warm');
    reader.events.next();
    publishTo(history, 8, { event: 'log.line', bytes: 40_000 });
    while (reader.events.next().value === undefined);
    expect(reader.pending.excessBytes(Infinity)).toBe(7 * 40_000);
  });

  test('are counted without those that were sent or that history still has', () => {
    const history = historyOf(100);
    publishTo(history, 100, { bytes: 40_000 });
    const reader = readerOf(history, 'resume', ['entity_created']);
    publishTo(history, 50, { bytes: 40_000 });
    expect(reader.pending.excessBytes(Infinity)).toBe(50 * 40_000);
    for (let n = 0; n < 48; n += 1) reader.events.next();
    expect(reader.pending.excessBytes(Infinity)).toBe(2 * 40_000);
  });

  test('are counted without examining more of them than the limit needs', () => {
    let examined = 0;
    class ObservedMemory extends StreamMemory {
      override has(sequenceId: number): boolean {
        examined += 1;
        return super.has(sequenceId);
      }
    }
    const memory = new ObservedMemory(1);
    const records = Array.from({ length: 10_000 }, (_, at) => recordAt(at + 1));
    const pending = new PendingEvents([records], memory);
    memory.add(weightOf(records));
    memory.close();
    expect(pending.excessBytes(5_000)).toBe(5_100);
    expect(examined).toBeLessThan(100);
  });

  test('keep nothing else of a history that the node has dropped', async () => {
    const [reader, later] = ((): [Pick<Reader, 'pending' | 'events'>, WeakRef<object>] => {
      const history = historyOf(10);
      publishTo(history, 10);
      const { pending, events } = readerOf(history, 'resume');
      publishTo(history, 1, { payload: { id: 'later' } });
      const newest = history.snapshot().since(10)[0]?.[0];
      if (newest === undefined) throw new Error('the history has no event after the replay began');
      history.close();
      return [{ pending, events }, new WeakRef(newest)];
    })();
    await vi.waitFor(
      () => {
        collectGarbage();
        expect(later.deref() === undefined).toBe(true);
      },
      { timeout: 30_000 },
    );
    expect(reader.pending.parts.flat()).toHaveLength(10);
    expect(reader.pending.excessBytes(Infinity)).toBe(1000);
  });

  test('are taken one part at a time, so that the events of sent parts can be freed', () => {
    const all = Array.from({ length: 9 }, (_, at) => recordAt(at + 1, { bytes: 30_000 }));
    const pending = pendingOf([]);
    pending.replace({ records: all, specs: new Set() });
    expect(pending.parts.map((part) => sequenceIds(part))).toEqual([[1, 2], [3, 4], [5, 6], [7, 8], [9]]);
    const chosen = chooseMatching(pending, everything);
    for (const left of [7, 7, 5, 5, 3]) {
      chosen.next();
      expect(pending.parts.flat()).toHaveLength(left);
    }
  });
});
