/**
 * Sends each client its positions (CON-3), and detects clients that no longer answer (CON-4). One timer serves all connections. The
 * heartbeats of different connections are distributed over the interval, so that ten thousand heartbeats are not sent at once.
 */
import type { Fanout } from '../delivery/fan-out.ts';
import type { Session } from '../session/session.ts';
import type { Subscription } from '../session/subscription.ts';
import type { Broker } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { Connection } from './connection.ts';

/** Number of ticks of the timer per heartbeat interval. A heartbeat is late by at most one tick. */
const SLICES = 25;
/**
 * The longest time between two ticks, in milliseconds. The same timer also checks the age of send queues, so it must run often even if the
 * heartbeat interval is long.
 */
const MAX_SLICE_MS = 1000;
const MIN_SLICE_MS = 10;
/** A ping is sent with each heartbeat. With this value, a peer has two intervals to answer a ping (CON-4). */
const MAX_UNANSWERED_PINGS = 2;

export interface HeartbeatOptions {
  readonly intervalMs: number;
  readonly broker: Broker;
  readonly changedSince: Fanout['changedSince'];
  readonly now: () => number;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #connections = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const sliceMs = Math.max(MIN_SLICE_MS, Math.min(MAX_SLICE_MS, options.intervalMs / SLICES));
    // After a long turn of the event loop, timers run before received data is read. `setImmediate` delays the check until pongs that have
    // already arrived are read.
    this.#timer = setInterval(() => setImmediate(() => this.#tick()), sliceMs);
    this.#timer.unref();
  }

  add(connection: Connection): void {
    connection.nextBeatAt = this.#options.now() + this.#options.intervalMs;
    this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#connections.clear();
  }

  #tick(): void {
    const now = this.#options.now();
    for (const connection of this.#connections) {
      connection.outbox.checkLimits();
      if (now < connection.nextBeatAt) continue;
      connection.nextBeatAt += this.#options.intervalMs;
      if (connection.nextBeatAt <= now) connection.nextBeatAt = now + this.#options.intervalMs;
      // Pings are counted instead of time. Otherwise a pause of this process (for example, on a suspended machine) would disconnect
      // clients, although they received no ping during the pause.
      if (connection.unansweredPings >= MAX_UNANSWERED_PINGS)
        connection.close('heartbeat_timeout', 'Nothing was received from the client for two heartbeat intervals.');
      else this.beat(connection);
    }
  }

  /** Queues one heartbeat now. Its content is built when it is written. */
  beat(connection: Connection): void {
    connection.sendReport(() => ({
      type: 'heartbeat',
      data: { delivered: connection.delivered, positions: positionsOf(connection, this.#options) },
    }));
    connection.ping();
  }
}

/**
 * For each subscribed stream, the position up to which all of its events were written (CON-7). If events of the stream are queued, this is
 * the position before the first queued event. Otherwise, it is the head of the stream, even if a filter excludes the last events.
 */
function positionsOf({ session, outbox }: Connection, options: HeartbeatOptions): StreamPosition[] {
  const unwritten = outbox.unwritten();
  const confirmed = [...session.subscriptions.values()].filter((each) => each.confirmed);
  const named = confirmed.flatMap(({ stream }) => stream ?? []);
  const changed = changedStreams(session, confirmed, options);
  return [...new Set([...named, ...changed])].flatMap((stream) => {
    const position = unwritten.get(stream) ?? options.broker.headOf(stream);
    return position === undefined ? [] : [{ stream, epoch: position.epoch, sequenceId: position.sequenceId }];
  });
}

/** The streams that had events since this connection's last heartbeat. Includes only streams of subscriptions to many streams (MUL-8). */
function changedStreams(
  session: Session,
  confirmed: readonly Subscription[],
  { changedSince }: HeartbeatOptions,
): readonly string[] {
  const selectors = confirmed.flatMap((each) => (each.stream === undefined ? each.selectors : []));
  if (selectors.length === 0) return [];
  const { streams, change } = changedSince(session.reportedChange, selectors);
  session.reportedChange = change;
  return streams;
}
