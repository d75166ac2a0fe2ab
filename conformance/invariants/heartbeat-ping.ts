import type { Invariant } from '../trace/finding.ts';
import { numberAt } from '../trace/json.ts';
import { isEventStream, typeOf } from '../trace/reading.ts';

/**
 * The server sends a ping with each periodic heartbeat, before or after it. Additional heartbeats need no ping. A trace with
 * neither `open` nor `ping` frames is not checked, because its recorder may have recorded only messages.
 */
export const heartbeatPing: Invariant = {
  id: 'invariants/heartbeat-ping',
  clauses: ['CON-4'],
  why: 'A WebSocket ping is sent with each heartbeat, to detect a dead peer.',
  check: ({ connections, trace }, report) => {
    const isWhole = trace.frames.some(({ kind }) => kind === 'open' || kind === 'ping');
    if (!isWhole) return;
    for (const connection of connections) {
      const { frames, received, welcome } = connection;
      if (isEventStream(connection)) continue;
      // A client that has stopped reading receives neither heartbeats nor pings.
      if (frames.some(({ kind, text }) => kind === 'mark' && text === 'reading off')) continue;
      const interval = numberAt(welcome, 'heartbeatIntervalMs');
      const [first] = received;
      const beats = received.filter((frame) => typeOf(frame) === 'heartbeat');
      const last = beats.at(-1);
      if (interval === undefined || first === undefined || last === undefined) continue;
      const pings = frames.filter(({ kind, dir, n }) => kind === 'ping' && dir === '<<' && n < last.n);
      pings.forEach(() => report.fire());
      // One ping is due per interval, at most one per heartbeat. Extra heartbeats need no ping, so the number of heartbeats
      // alone is not enough. Only half of the due pings must arrive, because a busy server may take two intervals for each
      // ping (see heartbeat-cadence).
      const due = Math.floor(Math.min(beats.length, (last.at - first.at) / interval) / 2);
      if (pings.length < due)
        report.violate(`${beats.length} heartbeats but only ${pings.length} pings were received`, beats[0], last);
    }
  },
};
