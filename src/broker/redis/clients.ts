/** The ioredis clients of a node, and how they are configured for each kind of deployment. */
import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { RedisAddress } from './url.ts';

export interface ClientOptions {
  readonly address: RedisAddress;
  /** How long a command may wait for its reply, in milliseconds. */
  readonly commandTimeoutMs: number;
}

/** Time limit for connecting: enough for a busy server, and short enough that a failed attempt does not delay recovery. */
const CONNECT_TIMEOUT_MS = 1_000;

/** The two clients of a node. Both are replaced together, and events of a replaced client are ignored. */
export interface Clients {
  readonly commands: Redis | Cluster;
  /** In a cluster, the same client as for commands, because it manages its subscribers itself. */
  readonly subscriber: Redis | Cluster;
}

export function createClients(options: ClientOptions): Clients {
  if (options.address.mode !== 'cluster') {
    return { commands: singleClient(options, AUTO_PIPELINING), subscriber: singleClient(options, {}) };
  }
  const cluster = clusterClient(options);
  return { commands: cluster, subscriber: cluster };
}

export function disconnect({ commands, subscriber }: Clients): void {
  commands.disconnect();
  if (subscriber !== commands) subscriber.disconnect();
}

/**
 * Removes the command and its arguments from an error of ioredis. Otherwise, the log would contain the password of a rejected login or the
 * payload of an event.
 */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command');
  return error;
}

const AUTO_PIPELINING = {
  enableAutoPipelining: true,
  // Publishes are already batched per stream; another batch delay would only add latency.
  autoPipeliningIgnoredCommands: ['evalsha', 'eval'],
};

/** A client for commands that do not concern streams, such as those for API keys. It connects on request. */
export function commandClient(options: ClientOptions): Redis | Cluster {
  return options.address.mode === 'cluster' ? clusterClient(options) : singleClient(options, {});
}

export function retryDelay(times: number): number {
  return Math.min(times * 50, 400) + Math.random() * 100;
}

/** Options of every connection, for all kinds of deployment. */
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
  const client = new Redis({
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
  endOnFailedSelect(client);
  return client;
}

/**
 * Ends a connection if SELECT fails while ioredis sets the connection up. Otherwise ioredis would continue and write to database 0.
 */
function endOnFailedSelect(client: Redis): void {
  const select = client.select.bind(client);
  client.select = async (db) => {
    try {
      return await select(db);
    } catch (error) {
      client.emit('error', withoutCommand(error));
      client.disconnect(true);
      // A promise that never resolves ends the set-up of this connection. ioredis starts the set-up again on the next connection.
      return new Promise(() => undefined);
    }
  };
}

function clusterClient(options: ClientOptions): Cluster {
  return new Cluster([...options.address.hosts], {
    ...AUTO_PIPELINING,
    redisOptions: commonOptions(options),
    lazyConnect: true,
    // The first command for a shard makes ioredis connect to this shard. Without a queue, ioredis would reject all further commands until
    // the shard is connected, even the commands of its own ready check. Commands wait for at most CONNECT_TIMEOUT_MS.
    enableOfflineQueue: true,
    shardedSubscribers: true,
    // With 0, a command is not sent again after its connection closed.
    retryDelayOnFailover: 0,
    clusterRetryStrategy: retryDelay,
  });
}
