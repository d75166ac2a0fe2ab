/** Asks all clients of a node to reconnect elsewhere, and ends their connections (CON-5). */
import type { Connection } from './connection.ts';
import type { Heartbeat } from './heartbeat.ts';

/** Number of connections that are closed in one turn of the event loop. The next batch follows in the next turn. */
const BATCH = 100;
/** The shortest time over which clients are asked to spread their reconnects, in milliseconds. */
const MIN_SPREAD_MS = 1000;
/**
 * The part of a node's accept rate (`acceptsPerSecond`) that reconnecting clients of the drained node may use. Other clients use the rest.
 */
const SHARE = 0.5;

export interface DrainOptions {
  readonly heartbeat: Heartbeat;
  readonly acceptsPerSecond: number;
  /** Returns a random number for jitter: at least 0 and below 1. */
  readonly random: () => number;
}

/** Sends a last heartbeat and `closing` to each client. Resolves when all of these messages are queued. The connections end later. */
export async function closeForShutdown(
  connections: readonly Connection[],
  { heartbeat, acceptsPerSecond, random }: DrainOptions,
): Promise<void> {
  const returnMs = (connections.length / (acceptsPerSecond * SHARE)) * 1000;
  const spreadMs = Math.max(MIN_SPREAD_MS, returnMs);
  for (let start = 0; start < connections.length; start += BATCH) {
    for (const connection of connections.slice(start, start + BATCH)) {
      // A heartbeat is sent before queued events. The queue must therefore be flushed first, so that the heartbeat reports the last
      // position.
      connection.outbox.flush();
      heartbeat.beat(connection);
      connection.close('shutdown', 'The node is shutting down.', { retryAfterMs: Math.round(random() * spreadMs) });
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
