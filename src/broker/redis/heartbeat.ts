/**
 * Health by our own heartbeat: published through the command connection, believed when it comes back through the
 * subscription. Nothing less shows that events flow: with Redis frozen (SIGSTOP) ioredis still says `ready` after
 * 45 s, while a heartbeat is missed within seconds.
 */
import type { RedisConnection } from './connection.ts';

export interface HeartbeatOptions {
  readonly connection: Pick<RedisConnection, 'publish' | 'subscribe'>;
  readonly channel: string;
  readonly nodeId: string;
  /** What this node says of itself: one word. */
  readonly announcement: () => string;
  readonly intervalMs: number;
  /** Without a heartbeat coming back for so long, the broker counts as unavailable. */
  readonly deadAfterMs: number;
  /** The first heartbeat that comes back after the broker counted as dead. */
  readonly onReturn: () => void;
  readonly onDead: () => void;
}

export class RedisHeartbeat {
  readonly #options: HeartbeatOptions;
  readonly #sentAt = new Map<number, number>();
  #sent = 0;
  #returnedAt = 0;
  #roundTripMs = 0;
  /** When the oldest heartbeat that has not come back was sent. */
  #waitingSince: number | undefined;
  #alive = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Of the newest heartbeat that came back; the wait for the next one, if that is longer. In milliseconds. */
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
    // One that fails is one that does not come back.
    connection.publish(channel, `beat ${nodeId} ${this.#sent} ${announcement()}`).catch(() => undefined);
    this.#forget(now);
  }

  stop(): void {
    clearTimeout(this.#watch);
  }

  /** @returns false when the text is no heartbeat. */
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
    // One that was held up in a frozen server proves that it flows again, but says nothing about the delay now.
    this.#roundTripMs = now - sentAt;
    this.#returnedAt = now;
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#judge(now), this.#options.deadAfterMs);
    this.#watch.unref();
    if (this.#alive) return;
    this.#alive = true;
    this.#options.onReturn();
  }

  /** After a pause of this process itself, what came meanwhile is read first: the timer must not win over it. */
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
