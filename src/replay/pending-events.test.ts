import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventTable } from '../catalogue/event-table.ts';
import { StreamHistory } from './history.ts';
import { MOST_EXCESS, PendingEvents } from './pending-events.ts';
import type { EventRecord } from './record.ts';
import { EPOCH, pendingOf, recordAt, sequenceIds } from './testing/records.ts';
import { chooseMatching, chooseWarm } from './warm.ts';
import type { Chosen } from './warm.ts';

const table = eventTable({ 'log.line': 'log' });
const everything = (): boolean => true;
const NAMES = ['entity_updated', 'entity_deleted', 'log.line', 'file_change', 'custom'];

function historyOf(events: number): StreamHistory {
  const bounds = { events, bytes: 1e9, ageMs: 1e9, silenceMs: Infinity, keys: 4, keyBytes: 1e9 };
  return new StreamHistory({ bounds, events: table, after: { epoch: EPOCH, sequenceId: 0 } });
}

/** A replay that is being sent to a client. */
interface Reader {
  readonly pending: PendingEvents;
  readonly events: Chosen;
}

function readerOf(history: StreamHistory, mode: 'resume' | 'warm', names: readonly string[] = NAMES): Reader {
  const snapshot = history.snapshot();
  const parts = snapshot.since(0);
  const pending = new PendingEvents(mode === 'resume' ? parts : [snapshot.retained, ...parts], snapshot.history);
  const matches = ({ event }: EventRecord): boolean => names.includes(event);
  const events = mode === 'resume' ? chooseMatching(pending, matches) : chooseWarm(pending, { table, matches });
  return { pending, events };
}

/** The pending events that are neither in history nor retained any more. */
function droppedOf({ pending }: Reader, history: StreamHistory): readonly EventRecord[] {
  const { retained, floor } = history.snapshot();
  return pending.parts.flat().filter((each) => each.sequenceId < floor && !retained.includes(each));
}

function weightOf(records: Iterable<EventRecord>): number {
  return [...records].reduce((sum, { weight }) => sum + weight, 0);
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
  names: fc.oneof(
    fc.constant(NAMES),
    fc.constantFrom(...NAMES).map((name) => [name]),
  ),
});
const read = fc.record({ kind: fc.constant('read' as const), reader: fc.nat(5), events: fc.nat(6) });

describe('the events that replays still have to send', () => {
  test('need at most half as much memory as the history in addition to it, or are counted', () => {
    const steps = fc.array(fc.oneof({ weight: 6, arbitrary: publish }, begin, { weight: 2, arbitrary: read }), {
      maxLength: 120,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), (all, size) => {
        const history = historyOf(size);
        const readers: Reader[] = [];
        for (const step of all) {
          if (step.kind === 'begin') readers.push(readerOf(history, step.mode, step.names));
          else if (step.kind === 'publish')
            history.append(
              recordAt(history.head.sequenceId + 1, { event: step.event, payload: { id: step.id }, bytes: step.bytes }),
            );
          else for (let n = 0; n < step.events; n += 1) readers[step.reader]?.events.next();
          const uncounted = new Set<EventRecord>();
          let underestimated = 0;
          for (const reader of readers) {
            const dropped = droppedOf(reader, history);
            const { excessBytes } = reader.pending;
            if (excessBytes === 0) for (const each of dropped) uncounted.add(each);
            else underestimated += Math.max(0, weightOf(dropped) - excessBytes);
          }
          expect(underestimated).toBe(0);
          expect(weightOf(uncounted)).toBeLessThanOrEqual(history.memory.weight * MOST_EXCESS);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('are not counted if they are only the newest of their keys, however many other events the history drops', () => {
    const history = historyOf(10);
    for (let at = 1; at <= 4; at += 1)
      history.append(recordAt(at, { event: 'entity_updated', payload: { id: `${at}` }, bytes: 50_000 }));
    const reader = readerOf(history, 'warm');
    while (reader.events.next().value === undefined);
    for (let at = 5; at <= 1000; at += 1) history.append(recordAt(at, { event: 'log.line', bytes: 50_000 }));
    expect(droppedOf(reader, history)).toEqual([]);
    expect(reader.pending.parts.flat()).toHaveLength(3);
    expect(reader.pending.excessBytes).toBe(0);
  });

  test('are counted once their history has ended, until they are sent', () => {
    const history = historyOf(10);
    for (let at = 1; at <= 10; at += 1) history.append(recordAt(at));
    const reader = readerOf(history, 'resume');
    expect(reader.pending.excessBytes).toBe(0);
    history.close();
    expect(reader.pending.excessBytes).toBe(1000);
    for (const _ of reader.events);
    expect(reader.pending.excessBytes).toBe(0);
  });

  test('are taken one part at a time, so that the events of sent parts can be freed', () => {
    const all = Array.from({ length: 9 }, (_, at) => recordAt(at + 1, { bytes: 30_000 }));
    const pending = pendingOf([]);
    pending.replace({ records: all, specs: new Set(), share: 1 });
    expect(pending.parts.map((part) => sequenceIds(part))).toEqual([[1, 2], [3, 4], [5, 6], [7, 8], [9]]);
    const chosen = chooseMatching(pending, everything);
    for (const left of [7, 7, 5, 5, 3]) {
      chosen.next();
      expect(pending.parts.flat()).toHaveLength(left);
    }
  });
});
