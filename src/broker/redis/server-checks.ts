/** Checks the Redis server before a node uses it. */
import type { BrokerLog } from '../broker.ts';
import type { RedisConnection } from './connection.ts';
import { FORMAT } from './keys.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts } from './line.ts';
import { describeRedis } from './url.ts';
import type { RedisAddress } from './url.ts';

export interface ServerChecks {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly address: RedisAddress;
  readonly log: BrokerLog;
}

/** The commands that a node uses, in the form that lua/permissions.lua expects. `K` stands for a key, `C` for a channel. */
const COMMANDS = [
  'DEL K',
  'GET K',
  'HDEL K f',
  'HGET K f',
  'HGETALL K',
  'HINCRBY K f 1',
  'HSET K f v',
  'MEMORY USAGE K',
  'PEXPIRE K 1',
  'PTTL K',
  'SET K v',
  'XADD K * f v',
  'XLEN K',
  'XRANGE K - +',
  'XTRIM K MAXLEN 1',
  'ZADD K 1 m',
  'ZCARD K',
  'ZPOPMIN K',
  'ZRANGEBYSCORE K 0 1',
  'ZREM K m',
  'ZSCORE K m',
  'PUBLISH C m',
  'SUBSCRIBE C',
  'TIME',
  'INFO server',
];
const IN_A_CLUSTER = ['SPUBLISH C m', 'SSUBSCRIBE C'];

/**
 * Warns if Redis may evict keys.
 * @throws {Error} if another version of Tidemark uses the keys, or if the user lacks a permission
 */
export async function checkServer(checks: ServerChecks): Promise<void> {
  await checkFormat(checks);
  await checkPermissions(checks);
  await checkEviction(checks);
}

async function checkFormat({ connection, keys, address }: ServerChecks): Promise<void> {
  const main = await connection.get(keys.of('main').meta);
  // Version 1.0 stored no format. Its states begin with a digit; later states do not.
  const isFirst = main !== null && /^\d/.test(main);
  const found = isFirst ? '1' : String(await connection.run('format', [keys.format], [FORMAT]));
  if (found === FORMAT) return;
  throw new Error(
    `Redis at ${describeRedis(address)} has streams in format ${found}, but this version of Tidemark reads format ` +
      `${FORMAT}. Stop the nodes of the other version and delete the keys "${address.prefix}:*", or use another prefix for this version.`,
  );
}

async function checkPermissions({ connection, keys, address }: ServerChecks): Promise<void> {
  const commands = connection.sharded ? [...COMMANDS, ...IN_A_CLUSTER] : COMMANDS;
  const denied = asTexts(await connection.run('permissions', [keys.of('main').meta], [keys.nodes, ...commands]));
  if (denied.length === 0) return;
  throw new Error(
    `The user of Redis at ${describeRedis(address)} is not allowed to run ${denied.join(', ')} on keys and channels that begin ` +
      `with "${address.prefix}:". docs/guides/operate.md shows the required ACL rules.`,
  );
}

async function checkEviction({ connection, log }: ServerChecks): Promise<void> {
  const policy = await connection.evictionPolicy();
  if (policy === undefined || policy === 'noeviction') return;
  const text = 'Redis may evict keys that streams need: set maxmemory-policy noeviction (docs/guides/operate.md)';
  log.warn({ policy }, text);
}
