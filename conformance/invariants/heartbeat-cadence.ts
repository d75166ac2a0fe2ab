import type { Invariant } from '../trace/finding.ts';
import { numberAt } from '../trace/json.ts';
import { typeOf } from '../trace/reading.ts';
import type { Frame, Trace } from '../trace/trace.ts';

/** How late heartbeats may be altogether, beside twice their interval: a busy machine is not a wrong server. */
const SLACK_MS = 3000;

/** For how long the one who took the trace stood still between two frames. */
function stalledMs(trace: Trace, from: Frame, to: Frame): number {
  return trace.frames
    .slice(from.n, to.n)
    .reduce((sum, { kind, text }) => sum + Number((kind === 'mark' && /^stalled (\d+)$/.exec(text)?.[1]) || 0), 0);
}

/** Heartbeats come at least every second interval: one may be late, but not each of them. */
export const heartbeatCadence: Invariant = {
  id: 'invariants/heartbeat-cadence',
  clauses: ['CON-3'],
  why: 'A heartbeat goes out every heartbeatIntervalMs, on every connection.',
  look: ({ connections, trace }, report) => {
    for (const { received, welcome, closed, left, frames } of connections) {
      // Who does not read does not see heartbeats either.
      if (frames.some(({ kind, text }) => kind === 'mark' && text === 'reading off')) continue;
      const interval = numberAt(welcome, 'heartbeatIntervalMs');
      const first = received[0];
      const end = left ?? closed ?? frames.at(-1);
      if (interval === undefined || first === undefined || end === undefined) continue;
      let before = first;
      let lateMs = 0;
      for (const frame of [...received.filter((each) => typeOf(each) === 'heartbeat' && each.n <= end.n), end]) {
        if (typeOf(frame) === 'heartbeat') report.fire();
        const waitedMs = frame.at - before.at - stalledMs(trace, before, frame);
        lateMs = Math.max(0, lateMs + waitedMs - interval * 2);
        if (lateMs > SLACK_MS) {
          report.violate(
            `no heartbeat within ${Math.round(waitedMs)} ms, and all of them ${Math.round(lateMs)} ms too late by then; the interval is ${interval}`,
            before,
            frame,
          );
          lateMs = 0;
        }
        before = frame;
      }
    }
  },
};
