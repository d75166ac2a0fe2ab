/** The connections of a run. */
// Import cycle of types only: each connection adds itself to this set.
import type { Connection } from './connection.ts';

/** Connections stay open until the end of the run, so that late frames are recorded. */
export class Connections implements Iterable<Connection> {
  readonly #all: Connection[] = [];
  #ended = false;

  /**
   * Adds a connection. A connection that opens after the end of the run is cut at once, because an open socket would
   * prevent the process from exiting.
   */
  add(connection: Connection): void {
    this.#all.push(connection);
    if (this.#ended) connection.cut();
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
