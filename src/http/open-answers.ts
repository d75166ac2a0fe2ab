/** Which connections still wait for an answer over HTTP. */
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';

export class Answering {
  readonly #open = new WeakMap<Duplex, number>();

  /** Follows the requests of an instance. */
  watch(app: FastifyInstance): void {
    app.addHook('onRequest', async ({ raw }) => this.#count(raw.socket, 1));
    app.addHook('onResponse', async ({ raw }) => this.#count(raw.socket, -1));
  }

  /**
   * Whether an answer is due on the connection. Node hands over an upgrade that was sent right behind a request before the
   * request is answered; the answer would then be written between the frames.
   */
  has(socket: Duplex): boolean {
    return (this.#open.get(socket) ?? 0) > 0;
  }

  #count(socket: Duplex, by: 1 | -1): void {
    this.#open.set(socket, (this.#open.get(socket) ?? 0) + by);
  }
}
