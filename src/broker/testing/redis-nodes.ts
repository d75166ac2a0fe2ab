/** Broker nodes on a real Redis, for tests in which reads fail or messages are delayed. */
import { vi } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import type { BrokerLimits, BrokerLog, PublishResult } from '../broker.ts';
import { RedisConnection } from '../redis/connection.ts';
import { RedisBroker } from '../redis/redis-broker.ts';
import { draftOf } from './event-drafts.ts';
import { RecordingListener } from './recording-listener.ts';
import { RedisProcess } from './redis-process.ts';
import { SUITE_LIMITS } from './suite-limits.ts';

export const PATIENCE = { timeout: 20_000, interval: 20 } as const;
/** An interval in milliseconds that is longer than any test. */
export const NEVER = 30_000;

/** Time limit of commands for tests that cut connections, in milliseconds. */
const CUT_OFF_MS = 2_000;

export interface Node {
  readonly broker: RedisBroker;
  readonly listener: RecordingListener;
}

export interface NodeOptions {
  /** Interval at which the node compares the heads, in milliseconds. Tests set {@link NEVER} if a comparison would repair their fault. */
  readonly intervalMs?: number;
  readonly limits?: Partial<BrokerLimits>;
  /**
   * After this time without a heartbeat, in milliseconds, Redis counts as unavailable. The default is long, so that no publish is rejected
   * just because the machine is busy.
   */
  readonly deadAfterMs?: number;
  readonly leaseMs?: number;
  /**
   * The port through which the node reaches Redis, such as that of a proxy; by default the port of Redis. With this option, commands time
   * out soon, because the test may cut connections.
   */
  readonly port?: number;
  readonly listener?: RecordingListener;
  readonly log?: BrokerLog;
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

  /** Creates a node without starting it. */
  make({
    intervalMs = 100,
    limits = {},
    deadAfterMs = 60_000,
    leaseMs = 120_000,
    port,
    log,
    ...given
  }: NodeOptions = {}): Node {
    const listener = given.listener ?? new RecordingListener();
    const broker = new RedisBroker({
      url: `redis://127.0.0.1:${port ?? this.redis.port}?prefix=${this.prefix}`,
      limits: { ...SUITE_LIMITS, ...limits },
      events,
      heartbeatIntervalMs: intervalMs,
      commandTimeoutMs: port === undefined ? 30_000 : CUT_OFF_MS,
      deadAfterMs,
      leaseMs,
      ...(log === undefined ? {} : { log }),
    });
    this.#brokers.push(broker);
    return { broker, listener };
  }

  /** Closes all nodes. Nodes that are created later use other keys. */
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

/** Calls `around` instead of each script. `around` receives a function that runs the script, and decides whether to call it. */
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

/** Makes every call of the script `name` for the stream fail, until the returned function is called. */
export function failing(name: string, stream: string): () => void {
  return wrapRuns((script, command) =>
    command[0] === name && JSON.stringify(command).includes(stream)
      ? Promise.reject(new Error('broken by the test'))
      : script(),
  );
}
