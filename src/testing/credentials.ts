/** Starts gateways that accept tokens of two issuers and API keys, for one test file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { SignJWT } from 'jose';
import pino from 'pino';
import { afterAll, beforeAll, expect } from 'vitest';
import { createKey } from '../auth/api-key.ts';
import type { NewKey } from '../auth/api-key.ts';
import { configuredAuthenticator } from '../auth/configured-authenticator.ts';
import { KeyFileStorage } from '../auth/key-file.ts';
import type { KeyStorage } from '../auth/key-ring.ts';
import { readAuthSettings } from '../auth/settings.ts';
import type { GatewayOptions } from '../gateway.ts';
import type { RawClient } from './raw-client.ts';
import { connect, serve } from './rig.ts';
import type { Served } from './rig.ts';

/** The secret that signs the tokens. */
export const SECRET = 'a secret of more than thirty-two bytes';
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-credentials-'));
  writeFileSync(join(directory, 'secret'), SECRET);
});
afterAll(() => rmSync(directory, { recursive: true }));

const ISSUERS = (['user', 'service'] as const).map((kind) => ({
  issuer: `${kind}s`,
  audience: 'tidemark',
  kind,
  algorithms: ['HS256'],
  secretFile: 'secret',
}));

/** Signs a token. Its lifetime is in seconds. */
export function tokenOf(scope: string, { lifeSeconds = 60, issuer = 'users', subject = 'ana' } = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience('tidemark')
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + lifeSeconds)
    .sign(new TextEncoder().encode(SECRET));
}

/**
 * Connects with a token that expires soon. If the token expires before the handshake is complete, because the machine is busy, tries again
 * with a longer lifetime.
 */
export async function connectBriefly(url: string, scope: string, lifeSeconds = 1): Promise<RawClient> {
  try {
    return await connect(url, { headers: bearer(await tokenOf(scope, { lifeSeconds })) });
  } catch (error) {
    if (lifeSeconds > 30) throw error;
    return connectBriefly(url, scope, lifeSeconds * 2);
  }
}

export interface ServedWithCredentials extends Served {
  /** The lines of the audit log. */
  readonly audit: string[];
  readonly log: string[];
}

/** Starts a gateway that accepts tokens of two issuers, and API keys from a storage. */
export async function serveWithCredentials(
  options: GatewayOptions & { readonly storage?: KeyStorage; readonly issuers?: readonly object[] } = {},
): Promise<ServedWithCredentials> {
  const { storage, issuers: more = [], ...rest } = options;
  const issuers = [...ISSUERS.map((each) => ({ ...each, secretFile: join(directory, each.secretFile) })), ...more];
  const { settings, problems } = readAuthSettings({ issuers, clockToleranceSeconds: 0 });
  expect(problems).toEqual([]);
  const audit: string[] = [];
  const log: string[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log.push(chunk.toString());
      done();
    },
  });
  const logger = pino({ level: 'trace' }, sink);
  const authenticator = await configuredAuthenticator({
    settings,
    ...(storage === undefined ? {} : { storage }),
    onRefused: (reason) => logger.info({ reason }, 'a credential was rejected'),
    onFault: (error) => logger.warn({ err: error }, 'keys cannot be read'),
  });
  const served = await serve({ ...rest, authenticator, log: logger, auditSink: (line) => audit.push(line) });
  return { ...served, audit, log };
}

export const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` });

/** An empty storage of API keys in a file. */
export const keysOf = (): KeyFileStorage =>
  new KeyFileStorage(join(mkdtempSync(join(directory, 'keys-')), 'keys.json'));

/** Creates an API key and stores it. */
export async function makeKey(storage: KeyStorage, scopes: readonly string[]): Promise<NewKey> {
  const key = createKey({ name: 'ci', scopes, now: new Date() });
  await storage.change((keys) => [...keys, key.stored]);
  return key;
}
