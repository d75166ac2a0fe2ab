/**
 * Checks with heartbeats whether Redis is available. A heartbeat is published through the connection for commands, and must return through
 * the connection for subscriptions. Nothing else proves that events are delivered: if Redis is frozen (SIGSTOP), ioredis still reports
 * `ready` after 45 s, but a missing heartbeat is noticed within seconds.
 */
import type { RedisConnection } from './connection.ts';

export interface HeartbeatOptions {
  readonly connection: Pick<RedisConnection, 'publish' | 'subscribe'>;
  readonly channel: string;
  readonly nodeId: string;
  /** The text with which this node announces itself in its heartbeats. It must not contain spaces. */
  readonly announcement: () => string;
  readonly intervalMs: number;
  /** If no heartbeat has returned for this time, in milliseconds, Redis counts as unavailable. */
  readonly deadAfterMs: number;
  /** Called when the first heartbeat returns, and when one returns after `onDead` was called. */
  readonly onReturn: () => void;
  readonly onDead: () => void;
}

export class RedisHeartbeat {
  readonly #options: HeartbeatOptions;
  readonly #sentAt = new Map<number, number>();
  #sent = 0;
  #returnedAt = 0;
  #roundTripMs = 0;
  /** The time at which the oldest of the heartbeats that have not returned was sent. */
  #waitingSince: number | undefined;
  #alive = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /**
   * The current delay in milliseconds: the round trip of the last heartbeat that returned, or the time since the oldest heartbeat in
   * transit was sent, whichever is longer.
   */
  get lagMs(): number {
    const waiting = this.#waitingSince === undefined ? 0 : performance.now() - this.#waitingSince;
    return Math.round(Math.max(this.#roundTripMs, waiting));
  }

  /** Sends a heartbeat; called at each interval. */
  tick(): void {
    const now = performance.now();
    this.#sent += 1;
    this.#sentAt.set(this.#sent, now);
    this.#waitingSince ??= now;
    const { connection, channel, nodeId, announcement } = this.#options;
    // An error is ignored here, because the timer detects that the heartbeat does not return.
    connection.publish(channel, `beat ${nodeId} ${this.#sent} ${announcement()}`).catch(() => undefined);
    this.#forget(now);
  }

  stop(): void {
    clearTimeout(this.#watch);
  }

  /** Handles a text on the channel of all nodes. @returns false if the text is not a heartbeat */
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
    // If the server was frozen in the meantime, this round trip is longer than the current delay. The next heartbeat corrects the value.
    this.#roundTripMs = now - sentAt;
    this.#returnedAt = now;
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#judge(now), this.#options.deadAfterMs);
    this.#watch.unref();
    if (this.#alive) return;
    this.#alive = true;
    this.#options.onReturn();
  }

  /**
   * Called when the timer has expired. After a pause of this process, messages that have already arrived must be read first, because the
   * missing heartbeat may be among them.
   */
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
