/**
 * Tells each client where it is (CON-3) and finds out who is gone (CON-4). One timer serves all connections; each has its own
 * phase, so that ten thousand heartbeats do not leave in one tick.
 */
import type { Broker } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { Connection } from './connection.ts';

/** Parts into which an interval is cut: a heartbeat is at most this fraction of an interval late. */
const SLICES = 25;
/** The clock of the bound on age in a send queue does not slow down with long heartbeat intervals. */
const MAX_SLICE_MS = 1000;
const MIN_SLICE_MS = 10;
/** One goes with each heartbeat: a peer has two intervals to answer the first of them (CON-4). */
const MAX_UNANSWERED_PINGS = 2;

export interface HeartbeatOptions {
  readonly intervalMs: number;
  readonly broker: Broker;
  readonly now: () => number;
}

interface Beat {
  readonly connection: Connection;
  nextAt: number;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #beats = new Map<Connection, Beat>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const sliceMs = Math.max(MIN_SLICE_MS, Math.min(MAX_SLICE_MS, options.intervalMs / SLICES));
    // Timers come before what sockets have received in the meantime: the pongs of a busy turn are heard first.
    this.#timer = setInterval(() => setImmediate(() => this.#tick()), sliceMs);
    this.#timer.unref();
  }

  add(connection: Connection): void {
    this.#beats.set(connection, { connection, nextAt: this.#options.now() + this.#options.intervalMs });
  }

  remove(connection: Connection): void {
    this.#beats.delete(connection);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#beats.clear();
  }

  #tick(): void {
    const now = this.#options.now();
    for (const beat of this.#beats.values()) {
      const { connection } = beat;
      connection.outbox.checkAge();
      if (now < beat.nextAt) continue;
      beat.nextAt += this.#options.intervalMs;
      if (beat.nextAt <= now) beat.nextAt = now + this.#options.intervalMs;
      // Counted in pings, not in time: after a pause of this process (a frozen machine) nobody has been asked anything.
      if (connection.unansweredPings >= MAX_UNANSWERED_PINGS)
        connection.close('heartbeat_timeout', 'Nothing was heard for two heartbeat intervals.');
      else this.beat(connection);
    }
  }

  /** Sends one heartbeat now. What it says is decided when it is written. */
  beat(connection: Connection): void {
    const { broker } = this.#options;
    connection.sendReport(() => ({
      type: 'heartbeat',
      data: { delivered: connection.delivered, positions: positionsOf(connection, broker) },
    }));
    connection.ping();
  }
}

/**
 * How far each subscribed stream has been written: before whatever still waits, else the stream's head, though a filter may have
 * hidden its last events (CON-7).
 */
function positionsOf({ session, outbox }: Connection, broker: Broker): StreamPosition[] {
  const unwritten = outbox.unwritten();
  const confirmed = [...session.subscriptions.values()].filter((each) => each.confirmed);
  return [...new Set(confirmed.map((each) => each.stream))].map((stream) => {
    const { epoch, sequenceId } = unwritten.get(stream) ?? broker.snapshot(stream).head;
    return { stream, epoch, sequenceId };
  });
}
