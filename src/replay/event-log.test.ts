import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventLog } from './event-log.ts';
import type { EventParts, EventRecord } from './record.ts';
import { recordAt, sequenceIds } from './testing/records.ts';

/** Size of a large event, in bytes. Only a few events of this size fit into a segment. */
const LARGE = 20_000;

function logOf(events: number, bytes = 300): EventLog {
  const log = new EventLog();
  for (let sequenceId = 1; sequenceId <= events; sequenceId += 1) log.append(recordAt(sequenceId, { bytes }));
  return log;
}

test('lists of events are exact, and do not change when events are appended or dropped later', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 2 * LARGE }) },
    { weight: 2, arbitrary: fc.constantFrom('drop' as const, 'list' as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.nat(10), (steps, skipped) => {
      const log = new EventLog();
      const model: EventRecord[] = [];
      let next = 1;
      const lists: { readonly parts: EventParts; readonly expected: readonly EventRecord[] }[] = [];
      for (const each of steps) {
        const [dropped, expected] = each === 'drop' ? [log.dropOldest(), model.shift()] : [];
        expect(dropped).toBe(expected);
        if (typeof each === 'number') {
          const record = recordAt(next, { bytes: each });
          next += 1;
          model.push(record);
          log.append(record);
        } else if (each === 'list') lists.push({ parts: log.after(skipped), expected: model.slice(skipped) });
        expect(log.length).toBe(model.length);
        expect([log.oldest, log.newest]).toEqual([model[0], model.at(-1)]);
      }
      for (const { parts, expected } of lists) {
        expect(parts.flat()).toEqual(expected);
        expect(parts.every((part) => part.length > 0)).toBe(true);
      }
    }),
  );
});

test('lists share the full segments of the log, instead of copying them', () => {
  const log = logOf(2_000);
  const [whole, cut] = [log.after(0), log.after(10)];
  expect(whole.length).toBeGreaterThan(5);
  expect(cut).toHaveLength(whole.length);
  for (const at of whole.keys()) expect(cut[at] === whole[at]).toBe(at > 0 && at < whole.length - 1);
  expect(sequenceIds(cut.flat())[0]).toBe(11);
});

test('segments keep their boundaries while older events are dropped', () => {
  const log = logOf(2_000);
  const before = log.after(0);
  for (let n = 0; n < 500; n += 1) log.dropOldest();
  const after = log.after(0);
  expect(after.slice(1, -1)).toEqual(before.slice(-after.length + 1, -1));
  expect(sequenceIds(after.flat())[0]).toBe(501);
});

test('a segment has at most 64 KiB, unless it has only one event', () => {
  for (const part of logOf(40, LARGE).after(0).slice(0, -1)) expect(part).toHaveLength(3);
  for (const part of logOf(40, 10 * LARGE).after(0)) expect(part).toHaveLength(1);
});
