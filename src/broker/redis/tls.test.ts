/** Redis over TLS, with a real server that also requires a certificate of the client. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import { draftOf } from '../testing/event-drafts.ts';
import { RecordingListener } from '../testing/recording-listener.ts';
import { SUITE_LIMITS } from '../testing/suite-limits.ts';
import { RedisBroker } from './redis-broker.ts';
import { freePort } from '../../testing/free-port.ts';
import { RedisProcess } from '../testing/redis-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'tidemark-tls-'));
const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
let redis: RedisProcess;
let port: number;

beforeAll(async () => {
  const name = ['-subj', '/CN=redis.test', '-addext', 'subjectAltName=DNS:redis.test'];
  const files = ['-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...name, ...files], { stdio: 'pipe' });
  port = await freePort();
  const tls = { 'tls-port': String(port), 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': cert };
  redis = await RedisProcess.start({ settings: tls });
});
afterAll(async () => {
  await redis.stop();
  rmSync(directory, { recursive: true, force: true });
});

const brokerAt = (parameters: string): RedisBroker =>
  new RedisBroker({
    url: `rediss://127.0.0.1:${port}?${parameters}`,
    limits: SUITE_LIMITS,
    events: eventTable(),
  });

describe('a broker over TLS', () => {
  test('works with certificates on both sides, if the host name matches the server’s certificate', async () => {
    const broker = brokerAt(`ca=${cert}&cert=${cert}&key=${key}&servername=redis.test`);
    const listener = new RecordingListener();
    await broker.start(listener);
    await broker.attach('main');
    await broker.publish(draftOf());
    await broker.sync('main');
    expect(listener.events).toHaveLength(1);
    await broker.close();
  });

  test.each([
    ['an unknown CA', `cert=${cert}&key=${key}&servername=redis.test`, /self-signed certificate/],
    [
      'a certificate for another name',
      `ca=${cert}&cert=${cert}&key=${key}&servername=other.test`,
      /Hostname\/IP does not match/,
    ],
  ])('refuses %s', async (_what, parameters, reason) => {
    await expect(brokerAt(parameters).start(new RecordingListener())).rejects.toThrow(reason);
  });

  test('cannot connect without a client certificate', async () => {
    const start = brokerAt(`ca=${cert}&servername=redis.test`).start(new RecordingListener());
    await expect(start).rejects.toThrow(/^Redis at rediss:\/\/127\.0\.0\.1:\d+ cannot be used: /);
  });
});
