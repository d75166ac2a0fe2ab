/**
 * Decides whether this node can work with Redis. At each interval, sends a heartbeat and renews the node's lease. If heartbeats do not
 * return, reports that Redis is unavailable. The node may continue only after it has joined the other nodes again and has read the events
 * that it missed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerLog } from '../broker.ts';
import type { AttachedStreams } from './attached-streams.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import type { NodeRegistry } from './fence/registry.ts';
import type { RedisHeartbeat } from './heartbeat.ts';

export interface AvailabilityOptions {
  readonly connection: RedisConnection;
  readonly heartbeat: RedisHeartbeat;
  readonly registry: NodeRegistry;
  readonly fence: EpochFence;
  readonly streams: AttachedStreams;
  readonly intervalMs: number;
  /** How long a starting node may take to join the other nodes, in milliseconds. */
  readonly joinWithinMs: number;
  readonly log: BrokerLog;
  /** Subscribes to the channels of this node. @throws {Error} if Redis refuses or is unavailable */
  readonly subscribe: () => Promise<void>;
  /** Called when {@link Availability.connected} has changed. */
  readonly onChange: () => void;
}

export class Availability {
  readonly #options: AvailabilityOptions;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;
  /** Whether the last attempt to subscribe succeeded. */
  #subscribed = false;
  #recovering: Promise<void> | undefined;
  #resetAt = 0;
  /** Resolved when the first heartbeat returns. Undefined before the node starts. */
  #firstBeat: PromiseWithResolvers<void> | undefined;
  #joined: PromiseWithResolvers<void> | undefined;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /**
   * Resolves when the node has joined the other nodes. This can take more than a lease, because the node waits for the leases of nodes that
   * ended without leaving.
   * @throws {Error} if no heartbeat returns within 5 s, or if the node has not joined within two leases
   */
  async start(): Promise<void> {
    const firstBeat = (this.#firstBeat = Promise.withResolvers());
    const joined = (this.#joined = Promise.withResolvers());
    for (const { promise } of [firstBeat, joined]) promise.catch(() => undefined);
    this.#resetAt = performance.now();
    this.#timer = setInterval(() => this.#turn(), this.#options.intervalMs);
    this.#timer.unref();
    await this.resubscribe();
    this.#options.heartbeat.tick();
    await within(firstBeat.promise, FIRST_HEARTBEAT_MS, 'Redis accepted our heartbeat but did not deliver it within');
    await within(
      this.#joined.promise,
      this.#options.joinWithinMs,
      'The node could not join the other nodes in Redis within',
    );
  }

  /** Stops sending heartbeats. The connection stays open, so that the node can still leave the registry. */
  stopHeartbeats(): void {
    clearInterval(this.#timer);
    this.#options.heartbeat.stop();
  }

  /** Ends the checks. If {@link start} is still in progress, it rejects. */
  stop(): void {
    this.#connected = false;
    this.#timer = undefined;
    for (const started of [this.#firstBeat, this.#joined]) started?.reject(new Error('the broker was closed'));
  }

  async resubscribe(): Promise<void> {
    if (this.#timer === undefined) return;
    try {
      this.#subscribed = true;
      await this.#options.subscribe();
    } catch (error) {
      this.#subscribed = false;
      this.#options.log.warn({ err: error }, 'Could not subscribe in Redis; retrying');
    }
  }

  reportLost(reason: string): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#resetAt = performance.now();
    this.#options.connection.reset();
    this.#options.log.warn({ reason }, 'Redis cannot be reached: publishes are rejected, client connections stay open');
    this.#options.onChange();
  }

  /** Called when Redis is reachable again. Missed events are read before the node reports that it is healthy. */
  recover(): Promise<void> {
    this.#firstBeat?.resolve();
    this.#recovering ??= this.#catchUp().finally(() => (this.#recovering = undefined));
    return this.#recovering;
  }

  #turn(): void {
    const { connection, heartbeat, registry } = this.#options;
    if (!this.#subscribed) void this.resubscribe();
    heartbeat.tick();
    // The lease has expired, for example, if this process was paused. The other nodes may treat this node as stopped.
    if (!registry.holdsLease) this.reportLost('the lease of this node has expired');
    if (heartbeat.alive) {
      if (this.#connected) this.#renew();
      else void this.recover();
    } else if (performance.now() - this.#resetAt > RESET_EVERY_MS) {
      this.#resetAt = performance.now();
      connection.reset();
    }
  }

  #renew(): void {
    const { registry, streams, log } = this.#options;
    registry.renew().catch((error: unknown) => {
      log.warn({ err: error }, 'The lease of this node cannot be renewed yet');
    });
    this.#refreshIncarnation().catch((error: unknown) => {
      log.warn({ err: error }, 'Redis did not report which server it is');
    });
    streams.lookAtHeads();
  }

  /** Reads the identity of the server again, because a server can be demoted and promoted while the connection stays open. */
  async #refreshIncarnation(): Promise<void> {
    const { connection, fence } = this.#options;
    if (connection.sharded) fence.connectionLost();
    else await fence.refreshIncarnation('');
  }

  async #catchUp(): Promise<void> {
    const { heartbeat, registry, streams, log } = this.#options;
    while (heartbeat.alive && !this.#connected && this.#timer !== undefined) {
      try {
        await registry.join();
        await this.#refreshIncarnation();
        await streams.catchUpAll();
        this.#connected = heartbeat.alive;
      } catch (error) {
        if (this.#timer === undefined) return;
        log.warn({ err: error }, 'Redis is reachable again, but cannot be read yet');
        await delay(100);
      }
    }
    if (!this.#connected) return;
    this.#joined?.resolve();
    log.info({ lagMs: heartbeat.lagMs }, 'Redis is connected');
    this.#options.onChange();
  }
}

/** Minimum interval between two attempts to replace the connections, in milliseconds. It is longer than connecting takes. */
const RESET_EVERY_MS = 2_000;
const FIRST_HEARTBEAT_MS = 5_000;

/** Waits for the promise. @throws {Error} if the promise does not resolve in time; its message is the text and the limit */
async function within(promise: Promise<void>, limitMs: number, text: string): Promise<void> {
  const late = new AbortController();
  const limit = delay(limitMs, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${text} ${limitMs / 1000} s`);
  });
  try {
    await Promise.race([promise, limit]);
  } finally {
    late.abort();
    limit.catch(() => undefined);
  }
}
