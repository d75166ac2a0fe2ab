import type { Invariant } from '../finding.ts';
import { numberAt } from '../json.ts';
import { typeOf } from '../reading.ts';
import type { Frame, Trace } from '../trace.ts';

/** How late a heartbeat may be, beside one whole interval: a busy machine is not a wrong server. */
const SLACK_MS = 3000;

/** For how long the one who took the trace stood still between two frames. */
function stalledMs(trace: Trace, from: Frame, to: Frame): number {
  return trace.frames
    .slice(from.n, to.n)
    .reduce((sum, { kind, text }) => sum + Number((kind === 'mark' && /^stalled (\d+)$/.exec(text)?.[1]) || 0), 0);
}

/** Heartbeats come at least every second interval. */
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
      for (const frame of [...received.filter((each) => typeOf(each) === 'heartbeat' && each.n <= end.n), end]) {
        if (typeOf(frame) === 'heartbeat') report.fire();
        if (frame.at - before.at > interval * 2 + SLACK_MS + stalledMs(trace, before, frame))
          report.violate(
            `no heartbeat within ${Math.round(frame.at - before.at)} ms; the interval is ${interval}`,
            before,
            frame,
          );
        before = frame;
      }
    }
  },
};
