/**
 * Maps a JWT to a principal (RFC 7519, RFC 8725). Issuers, algorithms and keys are determined only by the configuration. Key locations in a
 * token (`jku`, `jwk`, `x5u`) are ignored.
 */
import { readFile } from 'node:fs/promises';
import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  importJWK,
  importSPKI,
  jwtVerify,
} from 'jose';
import type { CryptoKey, JWK, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import type { Principal } from './principal.ts';
import { parseScope } from './scope.ts';
import type { Scope } from './scope.ts';
import type { AuthSettings, IssuerSettings } from './settings.ts';

/** Maximum length of a token, in characters. A longer text is not parsed. */
const MAX_TOKEN_LENGTH = 8192;
const MAX_SCOPES = 256;
const MIN_SECRET_BYTES = 32;
/**
 * Types of access tokens. RFC 9068 prescribes `at+jwt`; most issuers use `JWT` or give no type. Tokens of other types are not access
 * tokens.
 */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);
/** Valid subjects. Their characters and length are limited, so that logs and screens can show them. */
const SUBJECT = /^[\x21-\x7e]{1,200}$/;

/** Whether a token may have this subject. */
export function isSubject(text: string): boolean {
  return SUBJECT.test(text);
}

const JWKS = {
  timeoutDuration: 3_000,
  /** Minimum interval between two fetches of the key set because of an unknown `kid`, in milliseconds. */
  cooldownDuration: 5_000,
  cacheMaxAge: 600_000,
} as const;
const MAX_JWKS_BYTES = 262_144;

type Key = Uint8Array | JWTVerifyGetKey;

interface Issuer {
  readonly settings: IssuerSettings;
  readonly key: Key;
}

export interface TokenVerifierOptions extends Pick<
  AuthSettings,
  'issuers' | 'clockToleranceSeconds' | 'maxLifetimeSeconds'
> {
  /** Returns the current time, in milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** Thrown if the token may be valid, but the keys to check it are unavailable at the moment. */
export class KeysUnavailable extends Error {}

export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #issuers: ReadonlyMap<string, Issuer>;

  private constructor(options: TokenVerifierOptions, issuers: readonly Issuer[]) {
    this.#options = options;
    this.#issuers = new Map(issuers.map((each) => [each.settings.issuer, each]));
  }

  /** Reads the keys. @throws {Error} if a key cannot be read or is too weak; names the setting */
  static async open(options: TokenVerifierOptions): Promise<TokenVerifier> {
    const issuers = await Promise.all(
      options.issuers.map(async (settings, index) => ({
        settings,
        key: await readKey(settings, `auth.issuers[${index}]`),
      })),
    );
    return new TokenVerifier(options, issuers);
  }

  /**
   * Verifies a token and returns its principal.
   * @throws {Error} with the reason why the token is invalid, or {@link KeysUnavailable}. The reason is for the log; the client must not
   * receive it.
   */
  async verify(token: string): Promise<Principal> {
    if (token.length > MAX_TOKEN_LENGTH) throw new Error(`the token has more than ${MAX_TOKEN_LENGTH} characters`);
    const { typ } = decodeProtectedHeader(token);
    if (typ !== undefined && !TYPES.has(typ.toLowerCase())) throw new Error('the token has an unexpected type (typ)');
    const { iss } = decodeJwt(token);
    const issuer = this.#issuers.get(iss ?? '');
    if (issuer === undefined) throw new Error('the issuer is not configured');
    const { settings, key } = issuer;
    const { clockToleranceSeconds, now } = this.#options;
    const options = {
      issuer: settings.issuer,
      audience: settings.audience,
      algorithms: [...settings.algorithms],
      requiredClaims: ['sub', 'exp'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now()),
    };
    return this.#principal(await verifySignature(token, key, options), settings);
  }

  #principal({ sub = '', exp = 0, iat, scope, scopes }: JWTPayload, { kind }: IssuerSettings): Principal {
    if (!isSubject(sub)) throw new Error('the subject is empty, too long, or contains spaces');
    const { maxLifetimeSeconds, clockToleranceSeconds, now } = this.#options;
    const seconds = Math.floor(now() / 1000);
    // An `iat` in the future would make a long lifetime look short, so it is limited to the current time plus the tolerance.
    const lifetime = exp - Math.min(iat ?? seconds, seconds + clockToleranceSeconds);
    if (lifetime > maxLifetimeSeconds)
      throw new Error(`the token has a lifetime of ${lifetime} s, more than auth.maxLifetimeSeconds`);
    return { kind, id: `${kind}:${sub}`, scopes: scopesOf(scope ?? scopes), expiresAt: exp * 1000 };
  }
}

async function verifySignature(token: string, key: Key, options: JWTVerifyOptions): Promise<JWTPayload> {
  if (typeof key !== 'function') return (await jwtVerify(token, key, options)).payload;
  try {
    return (await jwtVerify(token, key, options)).payload;
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyWithAny(token, error, options);
    throw error;
  }
}

/**
 * Verifies a token that does not name its key: `kid` is optional (RFC 7515 §4.1.4). Tries each key, and returns the payload for the first
 * key that verifies the token.
 */
async function verifyWithAny(
  token: string,
  keys: AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  // `keys` skips keys that cannot be imported, without saying so. Only if no key is left, this function knows that the token may be valid.
  let wrong: unknown = new KeysUnavailable('none of the keys for this token is valid');
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      wrong = error;
    }
  }
  throw wrong;
}

/**
 * A set of keys that is fetched again when a token names an unknown key. During the cooldown after a fetch, the set is not fetched again,
 * so that clients cannot cause many requests to the issuer.
 * @returns a function that finds the key of a token. It throws {@link KeysUnavailable} if the set cannot be fetched or is invalid. During
 * the cooldown, it throws the same error for an unknown key, because the issuer may have added the key since the last fetch.
 */
function remoteKeys(url: string): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), { ...JWKS, [customFetch]: fetchKeys });
  return async (header, token) => {
    const isRecent = keys.coolingDown;
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys || error instanceof KeysUnavailable) throw error;
      const isUnknown = error instanceof errors.JWKSNoMatchingKey;
      if (isUnknown && !isRecent) throw error;
      const reason = isUnknown
        ? `the key set of ${url} has just been fetched and has no key for this token`
        : `the key set of ${url} cannot be used: ${messageOf(error)}`;
      throw new KeysUnavailable(reason, { cause: error });
    }
  };
}

/**
 * Reads the claim `scope`, which is a string separated by spaces (RFC 8693) or a list. Scopes in another form are ignored, because they
 * belong to other services.
 */
function scopesOf(claim: unknown): readonly Scope[] {
  const texts = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim.map(String) : [];
  return texts.slice(0, MAX_SCOPES).flatMap((text) => {
    try {
      return [parseScope(text)];
    } catch {
      return [];
    }
  });
}

async function readKey({ key, algorithms }: IssuerSettings, name: string): Promise<Key> {
  const place = `${name}.${key.kind}`;
  switch (key.kind) {
    case 'jwksUrl':
      return remoteKeys(key.value);
    case 'publicKeyFile':
      return readPublicKeys(await readText(key.value, place), algorithms, place);
    case 'secretFile':
      return secretOf(await readText(key.value, place), place);
    case 'secretVariable':
      return secretOf(process.env[key.value] ?? '', place);
  }
  throw new Error(`${place} is not a source of keys; use jwksUrl, publicKeyFile, secretFile or secretVariable.`);
}

async function readText(path: string, place: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`${place}: ${path} cannot be read.`, { cause: error });
  }
}

/** A secret must be at least as long as a SHA-256 hash (RFC 7518 §3.2). An attacker who has one token could guess a shorter secret. */
function secretOf(text: string, place: string): Uint8Array {
  const secret = new TextEncoder().encode(text.trim());
  if (secret.length >= MIN_SECRET_BYTES) return secret;
  throw new Error(
    `${place} has ${secret.length} bytes; a secret needs at least ${MIN_SECRET_BYTES}. Create one with: openssl rand -base64 48`,
  );
}

/** Imports the key once for each algorithm of the issuer, because WebCrypto binds an imported key to one algorithm. */
async function readPublicKeys(text: string, algorithms: readonly string[], place: string): Promise<JWTVerifyGetKey> {
  const keys = new Map<string, CryptoKey>();
  for (const each of algorithms) keys.set(each, await readPublicKey(text, each, place));
  return ({ alg }) => {
    const key = keys.get(alg);
    if (key === undefined) throw new Error(`there is no key for the algorithm ${alg}`);
    return key;
  };
}

async function readPublicKey(text: string, algorithm: string, place: string): Promise<CryptoKey> {
  try {
    if (text.includes('-----BEGIN')) return await importSPKI(text, algorithm);
    const key = await importJWK(JSON.parse(text) as JWK, algorithm);
    if (!(key instanceof Uint8Array) && key.type === 'public') return key;
  } catch (error) {
    throw new Error(`${place} is not a public key for ${algorithm} in PEM (SPKI) or JWK format.`, { cause: error });
  }
  throw new Error(`${place} contains a secret or private key; use the public key.`);
}

async function fetchKeys(url: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetchBounded(url, init);
    if (response.status === 200) return response;
    throw new Error(`the response has the status ${response.status}`);
  } catch (cause) {
    throw new KeysUnavailable(`the keys at ${url} cannot be fetched: ${messageOf(cause)}`, { cause });
  }
}

/** The messages of an error and of its cause. The message of `fetch` itself is only `fetch failed`. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault';
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** Fetches a document of limited size. Redirects are not followed. */
async function fetchBounded(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: 'error' });
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: ReadableStream<Uint8Array> | null = response.body;
  const reader = body?.getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    size += part.value.length;
    if (size > MAX_JWKS_BYTES) {
      await reader?.cancel();
      throw new Error(`the set of keys has more than ${MAX_JWKS_BYTES} bytes`);
    }
    chunks.push(part.value);
  }
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers });
}
