import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamHistory } from './history.ts';
import { eventTable } from '../catalogue/event-table.ts';
import type { EventRecord } from './record.ts';
import { EPOCH, pendingOf, recordAt, sequenceIds } from './testing/records.ts';
import { chooseWarm } from './warm.ts';

const table = eventTable();
const everything = (): boolean => true;

function picture(records: readonly EventRecord[], matches: (record: EventRecord) => boolean = everything) {
  return sequenceIds([...chooseWarm(pendingOf([records]), { table, matches })].filter((each) => each !== undefined));
}

function stream(...events: readonly (readonly [event: string, payload?: object])[]): EventRecord[] {
  return events.map(([event, payload = {}], at) => recordAt(at + 1, { event, payload: { ...payload } }));
}

describe('the warm picture', () => {
  test('contains the newest event per entity, for any event name', () => {
    const records = stream(
      ['entity_created', { id: 'a' }],
      ['entity_created', { id: 'b' }],
      ['entity_updated', { id: 'a' }],
    );
    expect(picture(records)).toEqual([2, 3]);
  });

  test('distinguishes an entity from a relationship with the same id', () => {
    const records = stream(['entity_created', { id: 'a' }], ['relationship_created', { id: 'a' }]);
    expect(picture(records)).toEqual([1, 2]);
  });

  test('excludes deleted entities, even if the deletion itself does not match the filter', () => {
    const records = stream(
      ['entity_created', { id: 'a' }],
      ['entity_deleted', { id: 'a' }],
      ['entity_created', { id: 'b' }],
    );
    expect(picture(records, (each) => each.event === 'entity_created')).toEqual([3]);
  });

  test('contains the newest matching event, even if the newest event does not match', () => {
    const records = stream(['entity_created', { id: 'a' }], ['entity_updated', { id: 'a' }]);
    expect(picture(records, (each) => each.event === 'entity_created')).toEqual([1]);
  });

  test('contains the newest event of a name, all events of a log, and no file changes', () => {
    const records = stream(
      ['graph_update'],
      ['session_event', { sessionId: 's' }],
      ['file_change', { path: 'a' }],
      ['graph_update'],
      ['build.done'],
      ['session_event', { sessionId: 's' }],
      ['build.done'],
      ['build.failed'],
    );
    expect(picture(records)).toEqual([2, 4, 6, 7, 8]);
  });

  test('follows the policies set by the operator', () => {
    const records = stream(['file_change', { path: 'a' }], ['file_change', { path: 'b' }], ['build.done']);
    const custom = eventTable({ file_change: 'log', '*': 'none' });
    expect(
      sequenceIds(
        [...chooseWarm(pendingOf([records]), { table: custom, matches: everything })].filter(
          (each) => each !== undefined,
        ),
      ),
    ).toEqual([1, 2]);
    expect(() => eventTable({ file_change: 'latest-per-key' })).toThrow('file_change has no key');
  });

  test('is the same from bounded and from complete history, for any selection of events', () => {
    const sketch = fc.tuple(
      fc.constantFrom('entity_created', 'entity_updated', 'entity_deleted', 'relationship_created', 'sync_status', 'x'),
      fc.constantFrom('a', 'b', 'c', 'd'),
    );
    const names = ['entity_created', 'entity_updated', 'relationship_created', 'sync_status', 'x'];
    fc.assert(
      fc.property(
        fc.array(sketch, { maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.subarray(names),
        (sketches, events, chosen) => {
          const all = stream(...sketches.map(([event, id]) => [event, { id }] as const));
          const history = new StreamHistory({
            bounds: { events, bytes: 1e9, ageMs: 1e9, silenceMs: Infinity, keys: 100, keyBytes: 1e9 },
            events: table,
            after: { epoch: EPOCH, sequenceId: 0 },
          });
          for (const record of all) history.append(record);
          const snapshot = history.snapshot();
          const matches = (record: EventRecord): boolean => chosen.includes(record.event);
          expect(picture([...snapshot.retained, ...snapshot.since(0).flat()], matches)).toEqual(picture(all, matches));
        },
      ),
      { numRuns: 500 },
    );
  });
});
