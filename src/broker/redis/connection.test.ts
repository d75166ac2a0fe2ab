import { Writable } from 'node:stream';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RedisConnection } from './connection.ts';
import { parseRedisUrl } from './url.ts';
import { RedisProcess } from '../testing/redis-process.ts';

let redis: RedisProcess;
let lines: string[] = [];
const connections: RedisConnection[] = [];
const log = pino(
  { level: 'trace' },
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  }),
);

beforeAll(async () => {
  redis = await RedisProcess.start();
  await redis.command('SADD', 'canary-set', 'member');
  await redis.command('CONFIG', 'SET', 'requirepass', 'right');
});
afterAll(() => redis.stop());
afterEach(() => {
  lines = [];
  for (const connection of connections.splice(0)) connection.close();
});

function open(password: string): RedisConnection {
  const connection = new RedisConnection({
    address: parseRedisUrl(`redis://:${password}@127.0.0.1:${redis.port}`),
    commandTimeoutMs: 1_000,
    log,
    events: {
      onMessage: () => undefined,
      onCommandsLost: () => undefined,
      onSubscriberLost: () => undefined,
      onSubscriberReady: () => undefined,
    },
  });
  connections.push(connection);
  return connection;
}

describe('the log entry about a Redis error', () => {
  test('has the reason of a refused login, and never the password', async () => {
    const refused = open('canary').connect();
    await expect(refused).rejects.toThrow(/WRONGPASS/);
    log.error({ err: await refused.catch((error: unknown) => error) });
    expect(lines.join('')).toContain('WRONGPASS');
    expect(lines.join('')).not.toContain('canary');
  });

  test('has the reason of a refused command, and never its arguments', async () => {
    const connection = open('right');
    await connection.connect();
    const refusals = [
      () => connection.run('announce', ['canary-set', 'canary'], ['canary']),
      () => connection.get('canary-set'),
      () => connection.expire(['canary-set'], 0.5),
      () => connection.range('canary-set', 'canary'),
    ];
    for (const refuse of refusals) {
      const refusal = refuse();
      await expect(refusal).rejects.toThrow(/./);
      log.error({ err: await refusal.catch((error: unknown) => error) });
    }
    expect(lines).toHaveLength(4);
    expect(lines.join('')).not.toContain('canary');
  });
});
