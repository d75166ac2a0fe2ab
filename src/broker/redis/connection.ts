/**
 * The connections of one node to Redis: one for commands, one for subscriptions (in a cluster, ioredis keeps one of
 * each per shard). A command is sent at most once: nothing is queued while Redis is away, and nothing is sent again
 * after a reconnect, because a publish that was sent twice could be stored twice.
 */
import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { BrokerLog } from '../broker.ts';
import type { RedisAddress } from './url.ts';
import { describeRedis } from './url.ts';
import { script } from './scripts.ts';
import type { ScriptName } from './scripts.ts';

export interface RedisConnectionEvents {
  /** A message on a subscribed channel. */
  onMessage(channel: string, text: string): void;
  /** The server that the next command reaches may be another one than before. */
  onCommandsLost(): void;
  /** All subscriptions are gone and can be made again; messages may have been missed. */
  onSubscriberReady(): void;
}

export interface ClientOptions {
  readonly address: RedisAddress;
  /** How long a command may wait for its reply, in milliseconds. */
  readonly commandTimeoutMs: number;
}

export interface RedisConnectionOptions extends ClientOptions {
  readonly events: RedisConnectionEvents;
  readonly log: BrokerLog;
}

/** The command never left this process. */
export class NotSent extends Error {}

/** Long enough for a busy server to accept, short enough that one lost attempt does not delay recovery. */
const CONNECT_TIMEOUT_MS = 1_000;

export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #events: RedisConnectionEvents;
  readonly #log: BrokerLog;
  readonly #commands: Redis | Cluster;
  /** Of its own only without cluster: a cluster's client holds its subscribers itself. */
  readonly #subscriber: Redis | Cluster;
  #lastError: Error | undefined;
  #closed = false;

  constructor(options: RedisConnectionOptions) {
    this.#address = options.address;
    this.#events = options.events;
    this.#log = options.log;
    if (options.address.mode === 'cluster') {
      this.#commands = clusterClient(options);
      this.#subscriber = this.#commands;
    } else {
      this.#commands = singleClient(options, AUTO_PIPELINING);
      this.#subscriber = singleClient(options, {});
    }
    this.#wire();
  }

  get sharded(): boolean {
    return this.#address.mode === 'cluster';
  }

  /** @throws {Error} naming the server and what went wrong. */
  async connect(): Promise<void> {
    try {
      await this.#commands.connect();
      if (this.#subscriber !== this.#commands) await this.#subscriber.connect();
    } catch (error) {
      // ioredis only says that the connection is closed; why, it told its error event.
      const reason = this.#lastError?.message ?? String(error);
      throw new Error(`Redis at ${describeRedis(this.#address)} cannot be used: ${reason}`, { cause: error });
    }
  }

  async run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const { sha1, source } = script(name);
    try {
      return await this.#usable().evalsha(sha1, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw withoutCommand(error);
      return bare(this.#usable().eval(source, keys.length, ...keys, ...args));
    }
  }

  async get(key: string): Promise<string | null> {
    return bare(this.#usable().get(key));
  }

  /** Reads a key and gives it a new time to live. */
  async getAndExpire(key: string, ttlMs: number): Promise<string | null> {
    return bare(this.#usable().getex(key, 'PX', ttlMs));
  }

  /** The entries of a stream from an id on. */
  async range(key: string, from: string): Promise<[id: string, fields: string[]][]> {
    return bare(this.#usable().xrange(key, from, '+'));
  }

  async publish(channel: string, text: string): Promise<number> {
    return bare(this.#usable().publish(channel, text));
  }

  /** What Redis does with keys when its memory is full. */
  async evictionPolicy(): Promise<string | undefined> {
    return /^maxmemory_policy:(\S+)/m.exec(await bare(this.#usable().info('memory')))?.[1];
  }

  /** Channels of the whole deployment, not of one shard. */
  async subscribe(...channels: readonly string[]): Promise<void> {
    this.#usable();
    await bare(this.#subscriber.subscribe(...channels));
  }

  async subscribeStreams(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    this.#usable();
    if (!this.sharded) await this.#subscriber.subscribe(...channels);
    else await Promise.all(channels.map((channel) => this.#subscriber.ssubscribe(channel)));
  }

  async unsubscribeStreams(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    this.#usable();
    if (!this.sharded) await this.#subscriber.unsubscribe(...channels);
    else await Promise.all(channels.map((channel) => this.#subscriber.sunsubscribe(channel)));
  }

  /** Drops connections that no longer answer; new ones are made at once. A frozen peer never closes them itself. */
  reset(): void {
    if (this.#closed) return;
    const clients =
      this.#commands instanceof Cluster ? this.#commands.nodes('all') : [this.#commands, this.#subscriber];
    for (const client of clients) {
      if (client instanceof Redis) client.disconnect(true);
    }
  }

  close(): void {
    this.#closed = true;
    this.#commands.disconnect();
    if (this.#subscriber !== this.#commands) this.#subscriber.disconnect();
  }

  /** @throws {NotSent} while a cluster's layout is unknown: ioredis would keep the command until it is, however long. */
  #usable(): Redis | Cluster {
    if (this.#commands instanceof Cluster && this.#commands.status !== 'ready') {
      throw new NotSent(`the cluster at ${describeRedis(this.#address)} is ${this.#commands.status}`);
    }
    return this.#commands;
  }

  #wire(): void {
    for (const client of new Set([this.#commands, this.#subscriber])) {
      client.on('error', (error: Error) => this.#remember(error));
      client.on('message', (channel: string, text: string) => this.#events.onMessage(channel, text));
      client.on('smessage', (channel: string, text: string) => this.#events.onMessage(channel, text));
    }
    if (this.#commands instanceof Cluster) {
      this.#commands.on('+node', (node: Redis) => node.on('close', () => this.#events.onCommandsLost()));
      this.#commands.on('node error', (error: Error) => this.#remember(error));
      this.#commands.on('ready', () => this.#events.onSubscriberReady());
      this.#commands.on('subscribersReady', () => this.#events.onSubscriberReady());
    } else {
      this.#subscriber.on('ready', () => this.#events.onSubscriberReady());
    }
    this.#commands.on('close', () => this.#events.onCommandsLost());
  }

  #remember(error: Error): void {
    if (this.#lastError?.message !== error.message) {
      this.#log.warn({ err: withoutCommand(error), redis: describeRedis(this.#address) }, 'Redis connection trouble');
    }
    this.#lastError = error;
  }
}

/**
 * Takes off what ioredis puts on the errors of replies: the command with its arguments, where a log would show them: the
 * password of a refused login, the payload of an event.
 */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command');
  return error;
}

async function bare<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw withoutCommand(error);
  }
}

const AUTO_PIPELINING = {
  enableAutoPipelining: true,
  // Publishes are batched per stream before they come here; a second wait would only add delay.
  autoPipeliningIgnoredCommands: ['evalsha', 'eval'],
};

/** A client for commands that have nothing to do with streams; connects when told to. */
export function commandClient(options: ClientOptions): Redis | Cluster {
  return options.address.mode === 'cluster' ? clusterClient(options) : singleClient(options, {});
}

function retryDelay(times: number): number {
  return Math.min(times * 50, 400) + Math.random() * 100;
}

/** What holds for every connection, to whatever kind of deployment. */
function commonOptions({ address, commandTimeoutMs }: ClientOptions) {
  const { username, password, tls } = address;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
    connectionName: 'tidemark',
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: 100,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: null,
  } satisfies RedisOptions;
}

function singleClient(options: ClientOptions, pipelining: Partial<typeof AUTO_PIPELINING>): Redis {
  const { mode, hosts, master, db, tls, sentinelUsername, sentinelPassword } = options.address;
  const [first] = hosts;
  return new Redis({
    ...commonOptions(options),
    ...pipelining,
    ...(mode === 'single' && first !== undefined ? first : {}),
    ...(mode === 'sentinel' && master !== undefined ? { sentinels: [...hosts], name: master, role: 'master' } : {}),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(mode === 'sentinel' && tls !== undefined ? { enableTLSForSentinelMode: true, sentinelTLS: { ...tls } } : {}),
    db,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: retryDelay,
    sentinelRetryStrategy: retryDelay,
  });
}

function clusterClient(options: ClientOptions): Cluster {
  return new Cluster([...options.address.hosts], {
    ...AUTO_PIPELINING,
    redisOptions: commonOptions(options),
    lazyConnect: true,
    // ioredis connects to a shard at its first command and, without this, would refuse every other one until that is
    // done, its own ready check among them. It keeps them for CONNECT_TIMEOUT_MS at most.
    enableOfflineQueue: true,
    shardedSubscribers: true,
    // 0: a command whose connection closed is not sent a second time.
    retryDelayOnFailover: 0,
    clusterRetryStrategy: retryDelay,
  });
}
