/**
 * The connections of one node to Redis: one for commands and one for subscriptions. In a cluster, ioredis has one of each per shard. A
 * command is sent at most once, because a publish that is sent twice could be stored twice. While Redis is unreachable, commands are not
 * queued. After a reconnect, commands are not sent again.
 */
import { Cluster } from 'ioredis';
import type { Redis } from 'ioredis';
import type { BrokerLog } from '../broker.ts';
import { createClients, disconnect, retryDelay, withoutCommand } from './clients.ts';
import type { ClientOptions, Clients } from './clients.ts';
import { connectionFault } from './connection-fault.ts';
import type { RedisAddress } from './url.ts';
import { describeRedis } from './url.ts';
import { script } from './scripts.ts';
import type { ScriptName } from './scripts.ts';

export interface RedisConnectionEvents {
  /** Called with each message on a subscribed channel. */
  readonly onMessage: (channel: string, text: string) => void;
  /** Called when the next command may reach another server than the previous one. */
  readonly onCommandsLost: () => void;
  /** Called when the connection for subscriptions is lost. Messages may be missed from now on. */
  readonly onSubscriberLost: () => void;
  /** Called when the connection for subscriptions is ready again. All subscriptions were lost, and messages may have been missed. */
  readonly onSubscriberReady: () => void;
}

export interface RedisConnectionOptions extends ClientOptions {
  readonly events: RedisConnectionEvents;
  readonly log: BrokerLog;
}

/** Thrown if a command was not sent, so that nothing can have been stored. */
export class NotSent extends Error {}

/** Whether a call failed because Redis does not have the script. Nothing was stored then. */
export function isUnloaded(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT ');
}

/** The number of keys that Redis examines in one step of a scan, which takes less than a millisecond. */
const KEYS_PER_SCAN = 1_000;

export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #address: RedisAddress;
  readonly #events: RedisConnectionEvents;
  readonly #log: BrokerLog;
  #clients: Clients | undefined;
  #replacing: NodeJS.Timeout | undefined;
  #lastError: Error | undefined;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#events = options.events;
    this.#log = options.log;
  }

  get sharded(): boolean {
    return this.#address.mode === 'cluster';
  }

  /**
   * Connects for the first time. May be called again after {@link close}. @throws {Error} that names the address of the server and the
   * reason
   */
  async connect(): Promise<void> {
    this.#lastError = undefined;
    const { commands, subscriber } = (this.#clients = this.#create());
    try {
      await commands.connect();
      if (subscriber !== commands) await subscriber.connect();
    } catch (error) {
      // The error of `connect` only reports that the connection is closed. The reason was in an earlier `error` event of ioredis.
      const reason = this.#lastReason() ?? String(error);
      throw connectionFault(`Redis at ${describeRedis(this.#address)}`, reason, error);
    }
  }

  async run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.runOnce(name, keys, args, 'loaded');
    } catch (error) {
      if (!isUnloaded(error)) throw error;
      return this.runOnce(name, keys, args, 'unloaded');
    }
  }

  /**
   * Runs a script with one command, which is sent before this method returns.
   * @param state `loaded` to send only the digest of the script, `unloaded` to send its text
   * @throws {Error} `NOSCRIPT` if only the digest was sent and Redis does not have the script
   */
  runOnce(
    name: ScriptName,
    keys: readonly string[],
    args: readonly (string | number)[],
    state: 'loaded' | 'unloaded',
  ): Promise<unknown> {
    const { sha1, source } = script(name);
    const client = this.#usable();
    return bare(
      state === 'loaded'
        ? client.evalsha(sha1, keys.length, ...keys, ...args)
        : client.eval(source, keys.length, ...keys, ...args),
    );
  }

  async get(key: string): Promise<string | null> {
    return bare(this.#usable().get(key));
  }

  /** Renews the time to live of these keys. A key that does not exist is ignored. */
  async expire(keys: readonly string[], ttlMs: number): Promise<void> {
    const client = this.#usable();
    await Promise.all(keys.map((key) => bare(client.pexpire(key, ttlMs))));
  }

  /** The entries of a Redis stream from this id on. */
  async range(key: string, from: string): Promise<[id: string, fields: string[]][]> {
    return bare(this.#usable().xrange(key, from, '+'));
  }

  /** The keys that match a pattern, in pages. A key may be returned twice. The cost is high: Redis examines the names of all keys. */
  async *keysLike(pattern: string): AsyncGenerator<readonly string[]> {
    const client = this.#usable();
    for (const server of client instanceof Cluster ? client.nodes('master') : [client]) {
      let cursor = '0';
      do {
        const [next, keys] = await bare(server.scan(cursor, 'MATCH', pattern, 'COUNT', KEYS_PER_SCAN));
        yield keys;
        cursor = next;
      } while (cursor !== '0');
    }
  }

  async publish(channel: string, text: string): Promise<number> {
    return bare(this.#usable().publish(channel, text));
  }

  /** The eviction policy of Redis. */
  async evictionPolicy(): Promise<string | undefined> {
    return /^maxmemory_policy:(\S+)/m.exec(await bare(this.#usable().info('memory')))?.[1];
  }

  /** Subscribes to channels of the whole deployment, not of a single shard. */
  async subscribe(...channels: readonly string[]): Promise<void> {
    await bare(this.#subscriber().subscribe(...channels));
  }

  async subscribeStreams(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    const subscriber = this.#subscriber();
    if (!this.sharded) await bare(subscriber.subscribe(...channels));
    else await Promise.all(channels.map((channel) => bare(subscriber.ssubscribe(channel))));
  }

  async unsubscribeStreams(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    const subscriber = this.#subscriber();
    if (!this.sharded) await bare(subscriber.unsubscribe(...channels));
    else await Promise.all(channels.map((channel) => bare(subscriber.sunsubscribe(channel))));
  }

  /**
   * Replaces connections that no longer respond. This is needed because a frozen server never closes its connections. Both clients are
   * replaced, not only their connections: an ioredis client that is disconnected while it asks its sentinels never reconnects.
   */
  reset(): void {
    if (this.#clients !== undefined) this.#replace(this.#clients);
  }

  close(): void {
    clearTimeout(this.#replacing);
    const clients = this.#clients;
    this.#clients = undefined;
    if (clients !== undefined) disconnect(clients);
  }

  /**
   * The client for commands. A client that is not ready would queue the command, or fail with an error that does not show whether the
   * command was sent. @throws {NotSent} if the client is not ready
   */
  #usable(): Redis | Cluster {
    const client = this.#clients?.commands;
    if (client?.status === 'ready') return client;
    throw new NotSent(`the connection to Redis at ${describeRedis(this.#address)} is ${client?.status ?? 'closed'}`);
  }

  #subscriber(): Redis | Cluster {
    const client = this.#clients?.subscriber;
    if (client?.status === 'ready') return client;
    throw new NotSent(
      `the connection for subscriptions to Redis at ${describeRedis(this.#address)} is ${client?.status ?? 'closed'}`,
    );
  }

  #create(): Clients {
    const clients = createClients(this.#options);
    const { commands, subscriber } = clients;
    /** Wraps a listener so that it is not called for clients that have been replaced. */
    const current =
      <Args extends readonly unknown[]>(listener: (...args: Args) => void) =>
      (...args: Args): void => {
        if (this.#clients === clients) listener(...args);
      };
    const { onMessage, onCommandsLost, onSubscriberLost, onSubscriberReady } = this.#events;
    for (const client of new Set([commands, subscriber])) {
      client.on(
        'error',
        current((error: Error) => this.#remember(error)),
      );
      client.on('message', current(onMessage));
      client.on('smessage', current(onMessage));
      // This listener is not called after `close` (see `current`). So ioredis has given up reconnecting, and the clients must be replaced.
      client.on(
        'end',
        current(() => this.#replaceLater(clients)),
      );
    }
    if (commands instanceof Cluster) {
      commands.on('+node', (node: Redis) => {
        node.on('close', current(onCommandsLost));
        node.on('close', current(onSubscriberLost));
      });
      commands.on(
        'node error',
        current((error: Error) => this.#remember(error)),
      );
      commands.on('ready', current(onSubscriberReady));
      commands.on('subscribersReady', current(onSubscriberReady));
    } else {
      subscriber.on('close', current(onSubscriberLost));
      subscriber.on('ready', current(onSubscriberReady));
    }
    commands.on('close', current(onCommandsLost));
    return clients;
  }

  #replaceLater(clients: Clients): void {
    clearTimeout(this.#replacing);
    this.#replacing = setTimeout(() => {
      if (this.#clients === clients) this.#replace(clients);
    }, retryDelay(1));
    this.#replacing.unref();
  }

  #replace(old: Clients): void {
    clearTimeout(this.#replacing);
    const { commands, subscriber } = (this.#clients = this.#create());
    disconnect(old);
    this.#events.onCommandsLost();
    this.#events.onSubscriberLost();
    // If the first attempt to connect fails, the client either tries again or ends. A client that has ended is replaced.
    for (const client of new Set([commands, subscriber])) client.connect().catch(() => undefined);
  }

  #lastReason(): string | undefined {
    return this.#lastError?.message;
  }

  #remember(error: Error): void {
    if (this.#lastError?.message !== error.message) {
      this.#log.warn({ err: withoutCommand(error), redis: describeRedis(this.#address) }, 'Redis connection failed');
    }
    this.#lastError = error;
  }
}

async function bare<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw withoutCommand(error);
  }
}
