/** Tracks the connections that have an unanswered HTTP request. */
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';

export class UnansweredRequests {
  readonly #open = new WeakMap<Duplex, number>();

  /** Tracks the requests of a Fastify instance. */
  watch(app: FastifyInstance): void {
    app.addHook('onRequest', ({ raw }, _reply, done) => {
      this.#count(raw.socket, 1);
      done();
    });
    app.addHook('onResponse', ({ raw }, _reply, done) => {
      this.#count(raw.socket, -1);
      done();
    });
  }

  /**
   * Whether a request on the connection is unanswered. Such a connection must not be upgraded: Node emits an upgrade even if an earlier
   * request on the same connection is unanswered, and the response to that request would be written between WebSocket frames.
   */
  has(socket: Duplex): boolean {
    return (this.#open.get(socket) ?? 0) > 0;
  }

  #count(socket: Duplex, by: 1 | -1): void {
    this.#open.set(socket, (this.#open.get(socket) ?? 0) + by);
  }
}
