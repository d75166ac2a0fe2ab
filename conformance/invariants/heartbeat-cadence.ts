import type { Invariant } from '../trace/finding.ts';
import { numberAt } from '../trace/json.ts';
import { typeOf } from '../trace/reading.ts';
import type { Frame, Trace } from '../trace/trace.ts';

/**
 * How late all heartbeats together may be, beyond one double interval, so that a correct server does not fail on a busy
 * machine.
 */
const SLACK_MS = 3000;

/**
 * How long the recorder of the trace was stalled between two frames. The mark of a stall is written after the stall, often after the frames
 * that the stall delayed.
 */
function stalledMs(stalls: readonly Stall[], from: Frame, to: Frame): number {
  return stalls.reduce((sum, each) => sum + Math.max(0, Math.min(to.at, each.to) - Math.max(from.at, each.from)), 0);
}

interface Stall {
  readonly from: number;
  readonly to: number;
}

function stallsOf({ frames }: Trace): readonly Stall[] {
  return frames.flatMap(({ kind, text, at }) => {
    const [, ms] = (kind === 'mark' && /^stalled (\d+)$/.exec(text)) || [];
    return ms === undefined ? [] : [{ from: at - Number(ms), to: at }];
  });
}

/** One heartbeat may come after two intervals, but not all heartbeats may be late. */
export const heartbeatCadence: Invariant = {
  id: 'invariants/heartbeat-cadence',
  clauses: ['CON-3'],
  why: 'Every connection receives a heartbeat each heartbeatIntervalMs.',
  check: ({ connections, trace }, report) => {
    const stalls = stallsOf(trace);
    for (const { received, welcome, closed, left, frames } of connections) {
      // A client that has stopped reading receives no heartbeats.
      if (frames.some(({ kind, text }) => kind === 'mark' && text === 'reading off')) continue;
      const interval = numberAt(welcome, 'heartbeatIntervalMs');
      const first = received[0];
      const end = left ?? closed ?? frames.at(-1);
      if (interval === undefined || first === undefined || end === undefined) continue;
      let before = first;
      let lateMs = 0;
      for (const frame of [...received.filter((each) => typeOf(each) === 'heartbeat' && each.n <= end.n), end]) {
        if (typeOf(frame) === 'heartbeat') report.fire();
        const waitedMs = frame.at - before.at - stalledMs(stalls, before, frame);
        lateMs = Math.max(0, lateMs + waitedMs - interval * 2);
        if (lateMs > SLACK_MS) {
          report.violate(
            `no heartbeat for ${Math.round(waitedMs)} ms, and a total delay of ${Math.round(lateMs)} ms; the interval is ${interval} ms`,
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
