/** The connections of a run. */
// Import cycle of types only: each connection adds itself to this set.
import type { Connection } from './connection.ts';

/**
 * How many connections of finished checks stay open. For each of them, target and suite handle two frames per
 * heartbeat, so on a small machine a few hundred connections would delay everything.
 */
const KEPT = 48;
/** How long the target may take to answer the close, in milliseconds. */
const END_MS = 5000;

/**
 * Connections stay open after their check, so that late frames are recorded. When more than `KEPT` of them are open, the
 * oldest are closed; the others stay open until the end of the run.
 */
export class Connections implements Iterable<Connection> {
  readonly #all: Connection[] = [];
  readonly #finished = new Set<string>();
  readonly #closing = new Set<Connection>();
  #ended = false;

  /**
   * Adds a connection. A connection that opens after the end of the run is cut at once, because an open socket would
   * prevent the process from exiting.
   */
  add(connection: Connection): void {
    this.#all.push(connection);
    if (this.#ended) connection.cut();
  }

  /** Called when a check has finished. Closes the oldest connections of finished checks. */
  finish(check: string): void {
    this.#finished.add(check);
    const idle = this.#all.filter((each) => each.isOpen && !this.#closing.has(each) && this.#finished.has(each.check));
    for (const connection of idle.slice(0, Math.max(0, idle.length - KEPT))) {
      this.#closing.add(connection);
      void connection.end({ code: 1000 }, END_MS);
    }
  }

  /** Ends the run: cuts every connection, also those that open later. */
  cutAll(): void {
    this.#ended = true;
    for (const connection of this.#all) connection.cut();
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#all.values();
  }
}
