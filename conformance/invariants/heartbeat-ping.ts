import type { Invariant } from '../trace/finding.ts';
import { numberAt } from '../trace/json.ts';
import { typeOf } from '../trace/reading.ts';

/**
 * A ping goes with each heartbeat of the rhythm. Heartbeats beside it need none, which of the two comes first is not said, and
 * a trace that was taken elsewhere may hold no pings at all: then there is nothing to judge.
 */
export const heartbeatPing: Invariant = {
  id: 'invariants/heartbeat-ping',
  clauses: ['CON-4'],
  why: 'With each heartbeat comes a WebSocket ping, by which a dead peer is found out.',
  look: ({ connections, trace }, report) => {
    const isWhole = trace.frames.some(({ kind }) => kind === 'open' || kind === 'ping');
    if (!isWhole) return;
    for (const { frames, received, welcome } of connections) {
      // Who does not read sees neither.
      if (frames.some(({ kind, text }) => kind === 'mark' && text === 'reading off')) continue;
      const interval = numberAt(welcome, 'heartbeatIntervalMs');
      const [first] = received;
      const beats = received.filter((frame) => typeOf(frame) === 'heartbeat');
      const last = beats.at(-1);
      if (interval === undefined || first === undefined || last === undefined) continue;
      const pings = frames.filter(({ kind, dir, n }) => kind === 'ping' && dir === '<<' && n < last.n);
      pings.forEach(() => report.fire());
      // Heartbeats beside the rhythm need no ping; on a busy machine the rhythm is slower; the last ping may come behind its beat.
      const due = Math.min(beats.length, Math.floor((last.at - first.at) / interval)) - 1;
      if (pings.length < due)
        report.violate(`${beats.length} heartbeats came with ${pings.length} pings`, beats[0], last);
    }
  },
};
