import { describe, expect, test } from 'vitest';
import { checkOf } from '../trace/finding.ts';
import type { JsonObject } from '../trace/json.ts';
import { goldenLines, traceOf } from '../testing/golden-trace.ts';
import type { Labelled } from '../testing/golden-trace.ts';
import { CONCEALED } from '../trace/trace.ts';
import { INVARIANTS } from './table.ts';

type Lines = readonly Labelled[];
type Plant = (lines: Lines) => Lines;

const find = (lines: Lines, label: string): Labelled => {
  const line = lines.find((each) => each.label === label);
  if (line === undefined) throw new Error(`there is no line ${label}`);
  return line;
};

/** Changes `data` of a message. */
const change =
  (label: string, members: JsonObject): Plant =>
  (lines) =>
    lines.map((line) => {
      if (line.label !== label) return line;
      const message = JSON.parse(line.text) as { readonly data: JsonObject };
      return { ...line, text: JSON.stringify({ ...message, data: { ...message.data, ...members } }) };
    });

const rewrite =
  (label: string, members: JsonObject): Plant =>
  (lines) =>
    lines.map((line) =>
      line.label === label
        ? { ...line, text: JSON.stringify({ ...(JSON.parse(line.text) as JsonObject), ...members }) }
        : line,
    );

/**
 * Removes every frame of a kind, and marks the connections as completely recorded, so that the frames count as missing.
 */
const without =
  (kind: Labelled['kind']): Plant =>
  (lines) => {
    const opened: Labelled = { label: 'open', actor: 'alice', connection: 1, dir: '<<', kind: 'open', text: '{}' };
    return [opened, ...lines.filter((line) => line.kind !== kind)];
  };

const drop =
  (label: string): Plant =>
  (lines) =>
    lines.filter((line) => line.label !== label);

/** Inserts a copy of one line after another line. */
const copy =
  (label: string, behind: string): Plant =>
  (lines) =>
    lines.flatMap((line) => (line.label === behind ? [line, { ...find(lines, label), label: 'planted' }] : [line]));

/** Moves a line to the place after another. */
const move =
  (label: string, behind: string): Plant =>
  (lines) =>
    drop(label)(lines).flatMap((line) => (line.label === behind ? [line, find(lines, label)] : [line]));

const at =
  (label: string, ms: number): Plant =>
  (lines) => {
    const from = lines.findIndex((line) => line.label === label);
    return lines.map((line, index) => (index >= from ? { ...line, at: (line.at ?? 0) + ms } : line));
  };

const all =
  (...plants: readonly Plant[]): Plant =>
  (lines) =>
    plants.reduce((sofar, plant) => plant(sofar), lines);

/**
 * For each planted fault: the invariant that must find it, its description, how to plant it, and the frames that the
 * invariant must name as proof.
 */
const PLANTED: readonly (readonly [string, string, Plant, readonly string[]])[] = [
  ['welcome-first', 'a `subscribed` before welcome', move('welcome', 's1'), ['s1']],
  ['welcome-first', 'a second welcome', copy('welcome', 'synced'), ['welcome', 'planted']],
  ['one-reply', 'a command without a reply', drop('synced'), ['ask-sync']],
  [
    'one-reply',
    'a command answered by the reply to another',
    rewrite('synced', { type: 'pong' }),
    ['ask-sync', 'synced'],
  ],
  ['no-orphan-reply', 'a reply that arrives twice', copy('synced', 'heartbeat'), ['synced', 'planted']],
  ['no-orphan-reply', 'a reply under another id', rewrite('synced', { id: 'other' }), ['synced']],
  ['no-orphan-reply', 'a reply without its id', rewrite('ended', { id: null }), ['ended']],
  ['ascending', 'two events swapped', move('w3', 'w4'), ['w4', 'w3']],
  ['ascending', 'a new epoch without a gap', change('w4', { epoch: 'epoch-2' }), ['w3', 'w4']],
  ['many-streams', 'an event that is missing from the resume of a stream', drop('many3'), ['many', 'many4']],
  ['many-streams', 'events of a stream in the wrong order', move('many3', 'many4'), ['many', 'many4']],
  ['contiguous', 'a sequenceId that a witness misses', drop('w3'), ['w2', 'w4']],
  ['contiguous', 'a late event', move('w2', 'w4'), ['w1', 'w3']],
  [
    'one-payload',
    'a replayed event with another emittedAt',
    change('warm1', { emittedAt: '2026-01-01T00:00:09.000Z' }),
    ['warm1', 'w1'],
  ],
  [
    'one-payload',
    'a payload that differs between connections',
    change('live4', { payload: { id: 'e9' } }),
    ['live4', 'w4'],
  ],
  ['one-payload', 'an event with two sequenceIds', change('live4', { sequenceId: 5 }), ['live4', 'w4']],
  [
    'one-payload',
    'a broadcasted reply with another sequenceId',
    change('broadcasted3', { sequenceId: 9 }),
    ['resumed3', 'broadcasted3'],
  ],
  ['one-live-message', 'an event delivered twice', copy('live4', 'synced'), ['live4', 'planted']],
  ['time-sane', 'an emittedAt that decreases', change('w3', { emittedAt: '2026-01-01T00:00:00.000Z' }), ['w2', 'w3']],
  ['subscription-bounds', 'an event before subscribed', move('s1', 'warm2'), ['warm1']],
  ['subscription-bounds', 'an event after unsubscribed', copy('live4', 'ended'), ['ended', 'planted']],
  ['stream-isolation', 'an event of another stream', change('live4', { stream: 'workspace:w2' }), ['s1', 'live4']],
  [
    'filter-sound',
    'an event that the subscription does not match',
    change('live4', { event: 'sync_status' }),
    ['s1', 'live4'],
  ],
  [
    'filter-sound',
    'a value that the filter excludes',
    change('live4', { payload: { entityType: 'class' } }),
    ['s1', 'live4'],
  ],
  [
    'filter-complete',
    'a matching event that was never delivered',
    all(copy('live4', 'heartbeat'), change('planted', { sequenceId: 5, eventId: 'x' }), drop('live4')),
    ['s1', 'w4', 'planted'],
  ],
  ['replay-course', 'a replay out of order', move('warm1', 'warm2'), ['warm2', 'warm1']],
  ['replay-course', 'a replay after its end', move('warm2', 's1-complete'), ['s1-complete', 'warm2']],
  ['replay-course', 'a replay flagged as live', change('warm2', { isReplay: false }), ['s1', 'warm2']],
  ['replay-course', 'a live event before the end of the replay', copy('live4', 's1'), ['s1', 'planted']],
  ['replay-course', 'a wrong count', change('s1-complete', { count: 3 }), ['s1-complete']],
  ['replay-course', 'a second end', copy('s1-complete', 'synced'), ['s1-complete', 'planted']],
  [
    'replay-course',
    'a replay reason of another mode',
    change('resumed3', { replayReason: 'warm' }),
    ['s2', 'resumed3'],
  ],
  ['resume-whole', 'an event skipped', drop('resumed3'), ['w3', 's2', 's2-complete']],
  [
    'resume-whole',
    'a resume that repeats the event at its position',
    all(copy('warm2', 's2'), change('planted', { subscriptionIds: ['s2'] })),
    ['s2', 'planted'],
  ],
  ['warm-picture', 'an entity missing from a warm replay', drop('warm2'), ['w2', 's1', 's1-complete']],
  [
    'warm-picture',
    'an event that its replay policy excludes',
    all(copy('warm1', 's3'), change('planted', { subscriptionIds: ['s3'] })),
    ['s3', 'planted'],
  ],
  ['gap-reported', 'a failed resume without a gap', drop('gap'), ['s3', 's3-complete']],
  ['gap-reported', 'a gap with another reason', change('gap', { reason: 'window_exceeded' }), ['s3', 'gap']],
  [
    'gap-reported',
    'a gap with another start',
    change('gap', { from: { epoch: 'epoch-0', sequenceId: 8 } }),
    ['s3', 'gap'],
  ],
  ['gap-reported', 'a gap with another end', change('gap', { to: { epoch: 'epoch-1', sequenceId: 3 } }), ['s3', 'gap']],
  ['sync-barrier', 'an event after its barrier', move('live4', 'synced'), ['w4', 'ask-sync', 'synced']],
  [
    'sync-barrier',
    'a barrier whose position is too low',
    change('synced', { position: { epoch: 'epoch-1', sequenceId: 3 } }),
    ['w4', 'ask-sync', 'synced'],
  ],
  [
    'scope-gate',
    'an event outside the scopes',
    change('welcome', { principal: { scopes: ['subscribe:*@workspace:v'] } }),
    ['warm1'],
  ],
  [
    'scope-gate',
    'a publication outside the scopes',
    change('welcome-w', { principal: { scopes: ['subscribe:*', 'publish:note'] } }),
    ['b1', 'broadcasted1'],
  ],
  ['heartbeat-truth', 'a wrong count', change('heartbeat', { delivered: 2 }), ['heartbeat']],
  ['heartbeat-truth', 'a stream without a position', change('heartbeat', { positions: [] }), ['s1', 'heartbeat']],
  [
    'heartbeat-truth',
    'a position that lags behind',
    change('heartbeat', { positions: [{ stream: 'workspace:w', epoch: 'epoch-1', sequenceId: 3 }] }),
    ['live4', 'heartbeat'],
  ],
  ['heartbeat-cadence', 'missing heartbeats', at('heartbeat', 60_000), ['welcome', 'heartbeat']],
  [
    'heartbeat-cadence',
    'heartbeats that are all slightly late',
    all(at('heartbeat', 2800), at('heartbeat-2', 2800)),
    ['heartbeat', 'heartbeat-2'],
  ],
  ['heartbeat-ping', 'heartbeats without pings', without('ping'), ['heartbeat', 'heartbeat-3']],
  ['close-discipline', 'a close without closing', drop('closing'), ['close']],
  ['close-discipline', 'a close with another code', rewrite('close', { code: 4201 }), ['closing', 'close']],
  [
    'close-discipline',
    'a connection that ends without a close frame',
    all(drop('closing'), rewrite('close', { code: 1006 })),
    ['close'],
  ],
  ['close-discipline', 'an unknown close code', all(drop('closing'), rewrite('close', { code: 4999 })), ['close']],
  ['close-discipline', 'a message after closing', move('heartbeat', 'closing'), ['closing', 'heartbeat']],
  [
    'close-discipline',
    'a retryable flag that does not match its code',
    change('closing', { retryable: false }),
    ['closing'],
  ],
  ['introspection', 'a subscription that is not listed', rewrite('listed', { body: { items: [] } }), ['s2', 'listed']],
  [
    'nothing-leaks',
    'a stack trace',
    change('closing', { reason: 'Error: x\n    at close (gateway.js:3:5)' }),
    ['closing'],
  ],
  [
    'nothing-leaks',
    'a path in a body',
    rewrite('listed', { body: { items: [], file: '/opt/gateway/main.js' } }),
    ['listed'],
  ],
  [
    'nothing-leaks',
    'a path in a header',
    rewrite('listed', { headers: { server: 'run by /usr/bin/python3' } }),
    ['listed'],
  ],
  ['nothing-leaks', 'a secret of the client', change('closing', { reason: `bye, ${CONCEALED}` }), ['closing']],
  ['introspection', 'a subscription that has ended', move('listed', 's1'), ['listed']],
];

describe('the golden trace', () => {
  test.each(INVARIANTS.map((each) => [each.id, each] as const))(
    'exercises %s and violates nothing',
    (_id, invariant) => {
      const { violations, fired } = checkOf(invariant).judge(traceOf(goldenLines()).trace);
      expect(violations).toEqual([]);
      expect(fired).toBeGreaterThan(0);
    },
  );
});

test('a heartbeat may report an older position while a resume is in progress', () => {
  const behind = { positions: [{ stream: 'workspace:w', epoch: 'epoch-1', sequenceId: 2 }] };
  const judge = (plant: Plant): number => {
    const invariant = INVARIANTS.filter(({ id }) => id === 'invariants/heartbeat-truth');
    return invariant.flatMap((each) => checkOf(each).judge(traceOf(plant(goldenLines())).trace).violations).length;
  };
  expect(judge(all(change('heartbeat', behind), move('heartbeat', 'ask-s2')))).toBe(0);
  expect(judge(change('heartbeat', behind))).toBeGreaterThan(0);
});

test('a heartbeat need not name a stream if the client sent unsubscribe before it had read subscribed', () => {
  const [invariant] = INVARIANTS.filter(({ id }) => id === 'invariants/heartbeat-truth');
  const leave: Labelled = {
    ...find(goldenLines(), 'ask-s1'),
    label: 'leave',
    text: JSON.stringify({ type: 'unsubscribe', id: 'leave', data: { all: true } }),
  };
  const leaving: Plant = (lines) => lines.flatMap((line) => (line.label === 'ask-s1' ? [line, leave] : [line]));
  const judge = (plant: Plant) =>
    invariant === undefined ? undefined : checkOf(invariant).judge(traceOf(plant(goldenLines())).trace).violations;
  expect(judge(all(leaving, change('heartbeat', { positions: [] })))).toEqual([]);
  expect(judge(change('heartbeat', { positions: [] }))).not.toEqual([]);
});

test('a busy server may send fewer pings than one per interval, beside extra heartbeats', () => {
  const [invariant] = INVARIANTS.filter(({ id }) => id === 'invariants/heartbeat-ping');
  const judge = (plant: Plant) =>
    invariant === undefined ? undefined : checkOf(invariant).judge(traceOf(plant(goldenLines())).trace).violations;
  expect(judge(all(drop('ping-2'), drop('ping-3')))).toEqual([]);
  expect(judge(without('ping'))).not.toEqual([]);
});

test('a heartbeat may be late while the server is busy, or still owes the connection a reply', () => {
  const [invariant] = INVARIANTS.filter(({ id }) => id === 'invariants/heartbeat-cadence');
  const judge = (plant: Plant) =>
    invariant === undefined ? undefined : checkOf(invariant).judge(traceOf(plant(goldenLines())).trace).violations;
  const late = at('heartbeat', 60_000);
  const mark: Labelled = {
    ...find(goldenLines(), 'quiet'),
    label: 'busy',
    text: 'busy 62000',
    at: 63_000,
  };
  const busy: Plant = (lines) => lines.flatMap((line) => (line.label === 'heartbeat' ? [mark, line] : [line]));
  expect(judge(all(late, busy))).toEqual([]);
  const numberOf = (label: string): number => traceOf(goldenLines()).numberOf(label);
  const found = judge(at('s1', 60_000))?.map(({ frames }) => frames);
  expect(found).not.toContainEqual([numberOf('welcome'), numberOf('heartbeat')]);
  expect(judge(late)).not.toEqual([]);
});

describe('a planted fault is found', () => {
  test.each(PLANTED)('by %s: %s', (name, _what, plant, labels) => {
    const invariant = INVARIANTS.find(({ id }) => id === `invariants/${name}`);
    const { trace, numberOf } = traceOf(plant(goldenLines()));
    const proofs =
      invariant === undefined
        ? []
        : checkOf(invariant)
            .judge(trace)
            .violations.map(({ frames }) => frames);
    const wanted = labels.map(numberOf).toSorted((a, b) => a - b);
    expect(proofs).toContainEqual(wanted);
  });

  test('in every invariant at least once', () => {
    const planted = new Set(PLANTED.map(([name]) => `invariants/${name}`));
    expect(INVARIANTS.map(({ id }) => id).filter((id) => !planted.has(id))).toEqual([]);
  });
});
