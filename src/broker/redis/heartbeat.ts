/**
 * Health by our own heartbeat: published through the command connection and received through the subscription. Only this shows
 * that events flow: with Redis frozen (SIGSTOP) ioredis still reports `ready` after 45 s, while a heartbeat is missing within
 * seconds.
 */
import type { RedisConnection } from './connection.ts';

export interface HeartbeatOptions {
  readonly connection: Pick<RedisConnection, 'publish' | 'subscribe'>;
  readonly channel: string;
  readonly nodeId: string;
  /** The announcement of this node: one word. */
  readonly announcement: () => string;
  readonly intervalMs: number;
  /** The broker is unavailable when no heartbeat has returned for this time, in milliseconds. */
  readonly deadAfterMs: number;
  /** Called at the first returned heartbeat after the broker was unavailable. */
  readonly onReturn: () => void;
  readonly onDead: () => void;
}

export class RedisHeartbeat {
  readonly #options: HeartbeatOptions;
  readonly #sentAt = new Map<number, number>();
  #sent = 0;
  #returnedAt = 0;
  #roundTripMs = 0;
  /** The time at which the oldest unreturned heartbeat was sent. */
  #waitingSince: number | undefined;
  #alive = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** The round trip of the newest returned heartbeat or, if longer, the wait for the next one, in milliseconds. */
  get lagMs(): number {
    const waiting = this.#waitingSince === undefined ? 0 : performance.now() - this.#waitingSince;
    return Math.round(Math.max(this.#roundTripMs, waiting));
  }

  /** One turn: sends a heartbeat. */
  tick(): void {
    const now = performance.now();
    this.#sent += 1;
    this.#sentAt.set(this.#sent, now);
    this.#waitingSince ??= now;
    const { connection, channel, nodeId, announcement } = this.#options;
    // A failed publish needs no handling: the heartbeat does not return, and its timer detects this.
    connection.publish(channel, `beat ${nodeId} ${this.#sent} ${announcement()}`).catch(() => undefined);
    this.#forget(now);
  }

  stop(): void {
    clearTimeout(this.#watch);
  }

  /** @returns false if the text is not a heartbeat */
  receive(text: string): boolean {
    const [kind, nodeId, number] = text.split(' ');
    if (kind !== 'beat' || nodeId === undefined) return false;
    if (nodeId === this.#options.nodeId) this.#returned(Number(number));
    return true;
  }

  #returned(number: number): void {
    const sentAt = this.#sentAt.get(number);
    if (sentAt === undefined) return;
    const now = performance.now();
    for (const older of this.#sentAt.keys()) {
      if (older <= number) this.#sentAt.delete(older);
    }
    [this.#waitingSince] = this.#sentAt.values();
    // A heartbeat delayed by a frozen server proves that events flow again, but not the current delay.
    this.#roundTripMs = now - sentAt;
    this.#returnedAt = now;
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#judge(now), this.#options.deadAfterMs);
    this.#watch.unref();
    if (this.#alive) return;
    this.#alive = true;
    this.#options.onReturn();
  }

  /** After a pause of this process, received messages are read before the timer can conclude that a heartbeat is missing. */
  #judge(returnedAt: number): void {
    setImmediate(() => {
      if (this.#returnedAt !== returnedAt || !this.#alive) return;
      this.#alive = false;
      this.#options.onDead();
    });
  }

  #forget(now: number): void {
    for (const [number, sentAt] of this.#sentAt) {
      if (now - sentAt > 60_000) this.#sentAt.delete(number);
    }
  }
}
