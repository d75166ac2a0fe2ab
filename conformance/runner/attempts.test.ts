import { expect, test } from 'vitest';
import { TRACE_CHECKS } from '../invariants/checks.ts';
import { withoutEnds } from '../trace/outstanding.ts';
import { TRACE_VERSION, Trace } from '../trace/trace.ts';
import { Attempts } from './attempts.ts';

const CHECK = 'closing/slow-client';

/** A run of the tape whose connection ends without a close frame. */
function addRun(trace: Trace, connection: number): void {
  const own = { actor: 'alice', connection, check: CHECK, dir: '<<' } as const;
  trace.add({ ...own, kind: 'open', text: '{}' });
  trace.add({ ...own, kind: 'close', text: '{"code":1006,"reason":""}' });
}

/** The frames that the invariant about closes blames the server for. */
function blamed(trace: Trace, attempts: Attempts): readonly (readonly number[])[] {
  const repeated = attempts.repeated(trace);
  const judged = withoutEnds(trace, ({ connection }) => repeated.has(connection));
  const check = TRACE_CHECKS.find(({ id }) => id === 'invariants/close-discipline');
  return check?.judge(judged).violations.map(({ frames }) => frames) ?? [];
}

test('a connection that broke in a run that was repeated is not blamed on the server; one in the last run is', () => {
  const trace = new Trace(
    { trace: TRACE_VERSION, startedAt: '2026-03-02T09:15:00.000Z', target: 'ws://x/ws' },
    () => 0,
  );
  const attempts = new Attempts();
  expect(attempts.begin(CHECK, trace)).toBe(1);
  addRun(trace, 1);
  expect(blamed(trace, attempts)).toEqual([[2]]);
  expect(attempts.begin(CHECK, trace)).toBe(2);
  expect(blamed(trace, attempts)).toEqual([]);
  addRun(trace, 2);
  expect(blamed(trace, attempts)).toEqual([[4]]);
});
