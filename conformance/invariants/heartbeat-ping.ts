import type { Invariant } from '../finding.ts';
import { typeOf } from '../reading.ts';

/**
 * A ping goes with each heartbeat. Which of the two comes first is not said, and a trace that was taken elsewhere may hold no
 * pings at all: then there is nothing to judge.
 */
export const heartbeatPing: Invariant = {
  id: 'invariants/heartbeat-ping',
  clauses: ['CON-4'],
  why: 'With each heartbeat comes a WebSocket ping, by which a dead peer is found out.',
  look: ({ connections, trace }, report) => {
    const showsPings = trace.frames.some(({ kind }) => kind === 'ping' || kind === 'pong');
    const isOurs = trace.frames.some(({ kind }) => kind === 'open');
    for (const { frames, received } of connections) {
      const beats = received.filter((frame) => typeOf(frame) === 'heartbeat');
      const pings = frames.filter(({ kind, dir }) => kind === 'ping' && dir === '<<');
      if (!showsPings && !isOurs) continue;
      beats.forEach(() => report.fire());
      // One of either may just be on its way when the trace ends.
      if (pings.length < beats.length - 1)
        report.violate(`${beats.length} heartbeats came with ${pings.length} pings`, beats[0], beats.at(-1));
    }
  },
};
