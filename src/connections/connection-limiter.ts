/** Counts the open connections of a node, WebSockets and event streams together. Refuses new connections above the limits. */
import { TokenBucket } from '../session/token-bucket.ts';
import { busy } from './refused-connection.ts';

export interface RoomLimits {
  readonly connectionsPerNode: number;
  readonly connectionsPerAddress: number;
  readonly acceptsPerSecond: number;
}

export class ConnectionLimiter {
  readonly #limits: RoomLimits;
  readonly #byAddress = new Map<string, number>();
  readonly #accepts: TokenBucket;
  #open = 0;
  /** Whether the gateway drains. If it does, all new connections are refused (CON-5). */
  draining = false;

  constructor(limits: RoomLimits, now: () => number) {
    this.#limits = limits;
    this.#accepts = new TokenBucket({ ratePerSecond: limits.acceptsPerSecond, burst: limits.acceptsPerSecond, now });
  }

  /** Checks whether a client at this address may connect now. @throws {RefusedConnection} if the client may not connect now */
  check(remoteAddress: string): void {
    const { connectionsPerNode, connectionsPerAddress } = this.#limits;
    if (this.draining) throw busy(503, 'This node is shutting down; connect to another one.');
    if (this.#open >= connectionsPerNode)
      throw busy(503, 'This node has reached its limit of connections; connect to another one or retry later.');
    if ((this.#byAddress.get(remoteAddress) ?? 0) >= connectionsPerAddress)
      throw busy(429, 'Too many connections from this address; close some of them first.');
  }

  /** Counts an attempt to connect. @throws {RefusedConnection} if there were too many attempts within a second */
  countAttempt(): void {
    if (this.#accepts.take() > 0) throw busy(503, 'Too many new connections per second; retry later.');
  }

  /** Counts an open connection. @returns a function that counts its end; further calls of this function have no effect */
  enter(remoteAddress: string): () => void {
    this.#open += 1;
    this.#byAddress.set(remoteAddress, (this.#byAddress.get(remoteAddress) ?? 0) + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.#open -= 1;
      const left = (this.#byAddress.get(remoteAddress) ?? 1) - 1;
      if (left > 0) this.#byAddress.set(remoteAddress, left);
      else this.#byAddress.delete(remoteAddress);
    };
  }
}
