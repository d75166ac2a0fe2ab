/**
 * API keys have the form `tm_<id>_<random>`. The id is used to find the stored key; the random part proves that the client knows the key.
 * Only a SHA-256 hash is stored. A slower hash is not needed, because the random part has 190 bits and cannot be guessed.
 */
import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import type { Principal } from './principal.ts';
import { parseScope } from './scope.ts';

/** An API key as it is stored. Times are in the format of RFC 3339. */
export interface StoredKey {
  readonly id: string;
  /** The name of the program or person that uses the key. Two keys may have the same name while one replaces the other. */
  readonly name: string;
  /** SHA-256 of the whole key, in hexadecimal. */
  readonly hash: string;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
}

export interface NewKey {
  /** The key itself. It is shown once and never stored. */
  readonly secret: string;
  readonly stored: StoredKey;
}

const SHAPE = /^tm_([a-z0-9]{10})_([A-Za-z0-9]{32})$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const LOWER = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ALL = `${LOWER}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

export interface KeyRequest {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly now: Date;
  readonly expiresAt?: Date;
}

/** Creates a key. @throws {RangeError} if the name or a scope is invalid */
export function createKey({ name, scopes, now, expiresAt }: KeyRequest): NewKey {
  if (!NAME.test(name))
    throw new RangeError('The name of a key must have 1 to 64 letters, digits, dots, dashes or underscores.');
  for (const scope of scopes) parseScope(scope);
  const id = randomText(LOWER, 10);
  const secret = `tm_${id}_${randomText(ALL, 32)}`;
  const expiry = expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() };
  const stored = { id, name, hash: hashOf(secret).toString('hex'), scopes, createdAt: now.toISOString(), ...expiry };
  return { secret, stored };
}

/** @returns the id that is part of the key, or undefined if the text is not an API key */
export function keyId(secret: string): string | undefined {
  return SHAPE.exec(secret)?.[1];
}

/** The `credentialId` of the principals that use this key. It identifies the connections to close when the key is revoked. */
export function credentialIdOf({ id }: Pick<StoredKey, 'id'>): string {
  return `key:${id}`;
}

export function isLive({ expiresAt, revokedAt }: StoredKey, nowMs: number): boolean {
  return revokedAt === undefined && (expiresAt === undefined || Date.parse(expiresAt) > nowMs);
}

/**
 * Checks a key and returns its principal. The hashes are compared in constant time, so that the response time reveals nothing about the
 * stored hash.
 * @throws {Error} with the reason why the key is invalid. The reason is for the log; the client must not receive it.
 */
export function principalOf(secret: string, stored: StoredKey | undefined, nowMs: number): Principal {
  const given = hashOf(secret);
  const expected = Buffer.from(stored?.hash ?? '', 'hex');
  const matches = timingSafeEqual(given, expected.length === given.length ? expected : Buffer.alloc(given.length));
  if (stored === undefined || !matches) throw new Error('unknown key');
  if (!isLive(stored, nowMs)) throw new Error('the key is revoked or has expired');
  const { name, scopes, expiresAt } = stored;
  const expiry = expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) };
  return {
    kind: 'api_key',
    id: `key:${name}`,
    scopes: scopes.map(parseScope),
    credentialId: credentialIdOf(stored),
    ...expiry,
  };
}
