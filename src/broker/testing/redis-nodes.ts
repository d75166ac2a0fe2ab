/** Broker nodes on a real Redis, for tests that let reads fail or messages be late. */
import { vi } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import type { BrokerLimits, PublishResult } from '../broker.ts';
import { RedisConnection } from '../redis/connection.ts';
import { RedisBroker } from '../redis/redis-broker.ts';
import { draftOf } from './event-drafts.ts';
import { RecordingListener } from './recording-listener.ts';
import { RedisProcess } from './redis-process.ts';
import { SUITE_LIMITS } from './suite-limits.ts';

export const PATIENCE = { timeout: 20_000, interval: 20 } as const;
/** An interval that no test reaches, in milliseconds. */
export const NEVER = 30_000;

/** A command whose connection is cut fails after this time. */
const CUT_OFF_MS = 2_000;

export interface Node {
  readonly broker: RedisBroker;
  readonly listener: RecordingListener;
}

export interface NodeOptions {
  /** The time between two comparisons of the heads. A comparison would repair the fault that a test causes. */
  readonly intervalMs?: number;
  readonly limits?: Partial<BrokerLimits>;
  /**
   * After this time without a heartbeat, Redis counts as unavailable. The default is long, so that a busy machine does not cause refused
   * publishes.
   */
  readonly deadAfterMs?: number;
  readonly leaseMs?: number;
  /**
   * The port through which the node reaches Redis; by default that of Redis. With a port, commands time out soon, because the test may cut
   * connections.
   */
  readonly port?: number;
}

const events = eventTable();

/** The nodes of one test file. Each test uses different keys. */
export class RedisNodes {
  readonly redis: RedisProcess;
  readonly #name: string;
  readonly #brokers: RedisBroker[] = [];
  #test = 0;

  private constructor(redis: RedisProcess, name: string) {
    this.redis = redis;
    this.#name = name;
  }

  static async open(name: string): Promise<RedisNodes> {
    return new RedisNodes(await RedisProcess.start(), name);
  }

  get prefix(): string {
    return `${this.#name}${this.#test}`;
  }

  async start(options: NodeOptions = {}): Promise<Node> {
    const node = this.make(options);
    await node.broker.start(node.listener);
    return node;
  }

  /** A node that is not started. */
  make({ intervalMs = 100, limits = {}, deadAfterMs = 60_000, leaseMs = 120_000, port }: NodeOptions = {}): Node {
    const listener = new RecordingListener();
    const broker = new RedisBroker({
      url: `redis://127.0.0.1:${port ?? this.redis.port}?prefix=${this.prefix}`,
      limits: { ...SUITE_LIMITS, ...limits },
      events,
      heartbeatIntervalMs: intervalMs,
      commandTimeoutMs: port === undefined ? 30_000 : CUT_OFF_MS,
      deadAfterMs,
      leaseMs,
    });
    this.#brokers.push(broker);
    return { broker, listener };
  }

  /** Closes all nodes. The next ones use other keys. */
  async closeAll(): Promise<void> {
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.close()));
    this.#test += 1;
  }

  close(): Promise<void> {
    return this.redis.stop();
  }
}

export function publish({ broker }: Node, stream: string): Promise<PublishResult> {
  return broker.publish(draftOf({ stream }));
}

type Run = RedisConnection['run'];

/** Calls `around` instead of each script. `around` receives the script and decides whether it runs. */
export function wrapRuns(
  around: (script: () => ReturnType<Run>, command: Parameters<Run>) => ReturnType<Run>,
): () => void {
  const run = Object.getOwnPropertyDescriptor(RedisConnection.prototype, 'run')?.value as Run;
  const spy = vi.spyOn(RedisConnection.prototype, 'run');
  spy.mockImplementation(function (this: RedisConnection, ...command) {
    return around(() => run.apply(this, command), command);
  });
  return () => spy.mockRestore();
}

/** Makes calls of a script for a stream fail, until the returned function is called. */
export function failing(name: string, stream: string): () => void {
  return wrapRuns((script, command) =>
    command[0] === name && JSON.stringify(command).includes(stream)
      ? Promise.reject(new Error('broken by the test'))
      : script(),
  );
}
