import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReplayPolicy } from '../../generated/protocol.ts';
import { StreamHistory } from './history.ts';
import type { HistoryBounds } from './history.ts';
import { eventTable } from '../catalogue/event-table.ts';
import type { EventRecord } from './record.ts';
import { planRecovery } from './recovery.ts';
import type { RecoveryFacts, RecoveryPlan } from './recovery.ts';
import { EPOCH, recordAt, sequenceIds } from './testing/records.ts';

const table = eventTable();
const WIDE: HistoryBounds = { events: 1000, bytes: 1e9, ageMs: 1e9, silenceMs: Infinity, keys: 1000, keyBytes: 1e9 };

/** The events that a plan would replay. */
const chosen = (made: RecoveryPlan): readonly EventRecord[] => [...made.records].filter((each) => each !== undefined);

function historyOf(records: readonly EventRecord[], bounds: Partial<HistoryBounds> = {}): StreamHistory {
  const after = { epoch: EPOCH, sequenceId: 0 };
  const history = new StreamHistory({ bounds: { ...WIDE, ...bounds }, events: table, after });
  for (const record of records) history.append(record);
  return history;
}

function plan(history: StreamHistory, facts: Partial<RecoveryFacts> = {}): RecoveryPlan {
  return planRecovery({
    snapshot: history.snapshot(),
    request: { mode: 'warm' },
    matches: () => true,
    concerns: () => true,
    table,
    filtered: false,
    policies: new Set<ReplayPolicy>(['latest-per-key']),
    ...facts,
  });
}

const resume = (sequenceId: number, epoch = EPOCH): Pick<RecoveryFacts, 'request'> => ({
  request: { mode: 'resume', after: { epoch, sequenceId } },
});

const files = (count: number): EventRecord[] =>
  Array.from({ length: count }, (_, at) => recordAt(at + 1, { event: 'file_change', payload: { path: `f${at % 3}` } }));

describe('a resume', () => {
  test('replays exactly the matching events after any position, or gives the reason why it cannot', () => {
    const everything = fc.record({
      count: fc.nat(50),
      kept: fc.integer({ min: 1, max: 20 }),
      after: fc.nat(60),
      wanted: fc.constantFrom('f0', 'f1', 'f2'),
    });
    fc.assert(
      fc.property(everything, ({ count, kept, after, wanted }) => {
        const all = files(count);
        const matches = ({ payload }: EventRecord): boolean => payload['path'] === wanted;
        const made = plan(historyOf(all, { events: kept }), { ...resume(after), matches });
        const reason = after > count ? 'unknown_position' : 'window_exceeded';
        const recoverable = after <= count && after >= count - kept;
        expect(made.position).toEqual({ epoch: EPOCH, sequenceId: count });
        expect(made.recovery).toEqual(
          recoverable ? { attempted: true, recovered: true } : { attempted: true, recovered: false, reason },
        );
        expect(chosen(made)).toEqual(recoverable ? all.slice(after).filter(matches) : []);
        expect(made.gap).toEqual(
          recoverable
            ? undefined
            : { from: { epoch: EPOCH, sequenceId: after }, to: { epoch: EPOCH, sequenceId: count }, reason },
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('falls back to a gap and a warm picture if the position is of another epoch, even if the sequenceId exists', () => {
    const history = historyOf([recordAt(1, { payload: { id: 'a' } }), recordAt(2, { payload: { id: 'a' } })]);
    const made = plan(history, resume(1, 'e0'));
    expect(made.recovery).toEqual({ attempted: true, recovered: false, reason: 'epoch_changed' });
    expect(made.gap).toEqual({
      from: { epoch: 'e0', sequenceId: 1 },
      to: { epoch: EPOCH, sequenceId: 2 },
      reason: 'epoch_changed',
    });
    expect(made.replayReason).toBe('warm');
    expect(sequenceIds(chosen(made))).toEqual([2]);
  });

  test('is recovered and replays nothing from the head of an empty, an expired or a full history', () => {
    const expired = historyOf(files(5), { ageMs: 10 });
    expired.expire(1000);
    for (const [history, head] of [
      [historyOf([]), 0],
      [expired, 5],
      [historyOf(files(5)), 5],
    ] as const) {
      const made = plan(history, resume(head));
      expect(made.recovery).toEqual({ attempted: true, recovered: true });
      expect(chosen(made)).toEqual([]);
    }
    expect(plan(expired, resume(4)).recovery).toMatchObject({ reason: 'window_exceeded' });
  });

  test('reports the source losses from its position on, and only relevant ones (GAP-2)', () => {
    const history = historyOf([]);
    history.lose(['first']);
    for (const record of files(4)) {
      history.append(record);
      if (record.sequenceId % 2 === 0) history.lose([`after ${record.sequenceId}`]);
    }
    const reported = (facts: Partial<RecoveryFacts>): (readonly string[])[] =>
      plan(history, facts).losses.map(({ paths }) => paths);
    expect(reported(resume(0))).toEqual([['first'], ['after 2'], ['after 4']]);
    expect(reported(resume(2))).toEqual([['after 2'], ['after 4']]);
    expect(reported(resume(3))).toEqual([['after 4']]);
    expect(reported({ ...resume(0), concerns: (paths) => paths.includes('after 2') })).toEqual([['after 2']]);
    expect(reported({ request: { mode: 'warm' } })).toEqual([]);
    expect(reported(resume(0, 'e0'))).toEqual([]);
  });

  test('reports more losses than happened, never fewer, after losses were merged', () => {
    const history = historyOf([]);
    for (const record of files(300)) {
      history.append(record);
      history.lose([`d${record.sequenceId}`]);
    }
    const { losses } = plan(history, resume(0));
    expect(losses).toHaveLength(256);
    expect(losses[0]).toEqual({ epoch: EPOCH, sequenceId: 45, paths: [''] });
    expect(losses[1]?.paths).toEqual(['d46']);
  });

  test('is never marked as truncated: it is complete or fails', () => {
    const history = historyOf(files(30), { events: 10, keys: 1, keyBytes: 1e9 });
    expect(plan(history, resume(20))).toMatchObject({ truncated: false, replayReason: 'resume' });
  });
});

describe('a warm picture', () => {
  test('is marked as truncated if a dropped older event of a key could have matched the filter', () => {
    const moved = [
      recordAt(1, { payload: { id: 'e', path: 'src/a.ts' } }),
      recordAt(2, { payload: { id: 'e', path: 'lib/a.ts' } }),
      recordAt(3, { event: 'file_change', payload: { path: 'x' } }),
    ];
    const facts = { filtered: true, matches: ({ payload }: EventRecord) => payload['path'] === 'src/a.ts' };
    const whole = plan(historyOf(moved), facts);
    expect([sequenceIds(chosen(whole)), whole.truncated]).toEqual([[1], false]);
    const cut = plan(historyOf(moved, { events: 1 }), facts);
    expect([sequenceIds(chosen(cut)), cut.truncated]).toEqual([[], true]);
  });

  const entities = [1, 2, 3, 4].map((n) => recordAt(n, { payload: { id: `e${n}` } }));
  const log = [1, 2, 3].map((n) => recordAt(n, { event: 'session_event', payload: { sessionId: 's' } }));

  test.each<[string, readonly EventRecord[], Partial<HistoryBounds>, ReplayPolicy, boolean]>([
    ['everything is in history', entities, {}, 'latest-per-key', false],
    ['keys are retained beyond history', entities, { events: 1 }, 'latest-per-key', false],
    ['a key was dropped', entities, { events: 1, keys: 2, keyBytes: 1e9 }, 'latest-per-key', true],
    ['a key was dropped, but history is complete', entities, { keys: 2, keyBytes: 1e9 }, 'latest-per-key', false],
    [
      'a key was dropped, but no keyed event is subscribed',
      entities,
      { events: 1, keys: 2, keyBytes: 1e9 },
      'none',
      false,
    ],
    ['the log is complete', log, {}, 'log', false],
    ['the beginning of the log was dropped', log, { events: 2 }, 'log', true],
  ])('reports whether a bound has truncated it: %s', (_what, records, bounds, policy, truncated) => {
    const made = plan(historyOf(records, bounds), { policies: new Set([policy]) });
    expect(made.truncated).toBe(truncated);
    expect(made.recovery).toEqual({ attempted: false });
  });

  test('is not created for a subscription to live events only', () => {
    const made = plan(historyOf(entities), { request: { mode: 'none' } });
    expect(chosen(made)).toEqual([]);
    expect(made).toMatchObject({ gap: undefined, position: { sequenceId: 4 } });
  });
});
