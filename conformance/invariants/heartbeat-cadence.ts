import type { Invariant } from '../trace/finding.ts';
import { numberAt } from '../trace/json.ts';
import { typeOf } from '../trace/reading.ts';
import type { ConnectionReading } from '../trace/reading.ts';
import { merged, pausesOf } from '../trace/pauses.ts';
import type { Pause } from '../trace/pauses.ts';
import type { Frame } from '../trace/trace.ts';

/**
 * How late the heartbeats of a connection may be in total, so that a correct server does not fail on a busy machine. A
 * heartbeat is late if it comes after more than two intervals.
 */
const SLACK_MS = 3000;

/**
 * The periods in which a heartbeat may be late: the suite stalled, the server answered no ping, or replies to this
 * connection were pending. A heartbeat waits for pending replies.
 */
function excusesOf(pauses: readonly Pause[], { commands }: ConnectionReading): readonly Pause[] {
  const owed = commands.flatMap(({ frame, reply }) => (reply === undefined ? [] : [{ from: frame.at, to: reply.at }]));
  return merged([...pauses, ...owed]);
}

function excusedMs(excuses: readonly Pause[], from: Frame, to: Frame): number {
  return excuses.reduce((sum, each) => sum + Math.max(0, Math.min(to.at, each.to) - Math.max(from.at, each.from)), 0);
}

/** A heartbeat may take two intervals. It is a fault if all heartbeats together are later than that by more than `SLACK_MS`. */
export const heartbeatCadence: Invariant = {
  id: 'invariants/heartbeat-cadence',
  clauses: ['CON-3'],
  why: 'Every connection receives a heartbeat each heartbeatIntervalMs.',
  check: ({ connections, trace }, report) => {
    const pauses = pausesOf(trace);
    for (const connection of connections) {
      const { received, welcome, closed, left, frames } = connection;
      // A client that has stopped reading receives no heartbeats.
      if (frames.some(({ kind, text }) => kind === 'mark' && text === 'reading off')) continue;
      const interval = numberAt(welcome, 'heartbeatIntervalMs');
      const first = received[0];
      const end = left ?? closed ?? frames.at(-1);
      if (interval === undefined || first === undefined || end === undefined) continue;
      const excuses = excusesOf(pauses, connection);
      let before = first;
      let lateMs = 0;
      for (const frame of [...received.filter((each) => typeOf(each) === 'heartbeat' && each.n <= end.n), end]) {
        if (typeOf(frame) === 'heartbeat') report.fire();
        const waitedMs = frame.at - before.at - excusedMs(excuses, before, frame);
        lateMs = Math.max(0, lateMs + waitedMs - interval * 2);
        if (lateMs > SLACK_MS) {
          report.violate(
            `no heartbeat for ${Math.round(waitedMs)} ms; the heartbeats are ${Math.round(lateMs)} ms late in total; the interval is ${interval} ms`,
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
