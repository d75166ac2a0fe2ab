import { expect, test } from 'vitest';
import { Trace, TRACE_VERSION } from '../trace/trace.ts';
import { summarise } from './summary.ts';
import { textReport } from './text.ts';

/** The report of a run without checks. */
function report(heartbeatIntervalMs: number, durationMs: number): string {
  const trace = new Trace(
    { trace: TRACE_VERSION, startedAt: '2026-03-02T09:15:00.000Z', target: 'ws://x/ws' },
    () => 0,
  );
  const outcome = { exit: 0, text: 'conformant' } as const;
  const summary = summarise({ trace, checks: [], outcome, harnessFaults: [], durationMs });
  const target = { ...summary.target, heartbeatIntervalMs };
  return textReport({ ...summary, target }, { trace, repeat: (id) => id, width: 80 });
}

test('a long run against a server with rare heartbeats ends with advice', () => {
  expect(report(25_000, 60_000)).toContain(
    'this server sends one every 25 s: set its heartbeatIntervalMs to 1000 for a short run.',
  );
  expect(report(25_000, 3000)).not.toContain('heartbeatIntervalMs');
  expect(report(1000, 60_000)).not.toContain('heartbeatIntervalMs');
});
