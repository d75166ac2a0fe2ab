import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import type { JWK } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { IssuerSettings } from './settings.ts';
import { KeysUnavailable, TokenVerifier } from './token-verifier.ts';

const SECRET = 'a secret of more than thirty-two bytes';
const NOW = Date.parse('2026-03-01T12:00:00Z');
const seconds = Math.floor(NOW / 1000);

let directory: string;
const servers: Server[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-tokens-'));
  writeFileSync(join(directory, 'secret'), `${SECRET}\n`);
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const symmetric = (): IssuerSettings => ({
  issuer: 'ide',
  audience: 'tidemark',
  kind: 'agent',
  algorithms: ['HS256'],
  key: { kind: 'secretFile', value: join(directory, 'secret') },
});

function open(issuers: readonly IssuerSettings[]): Promise<TokenVerifier> {
  return TokenVerifier.open({ issuers, clockToleranceSeconds: 5, maxLifetimeSeconds: 3600, now: () => NOW });
}

interface Draft {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const CLAIMS = { iss: 'ide', aud: 'tidemark', sub: 'refactor', iat: seconds, exp: seconds + 60, scope: 'subscribe:*' };

function sign(
  key: Parameters<SignJWT['sign']>[0],
  { header = {}, claims = {} }: Draft = {},
  alg = 'HS256',
): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...claims }).setProtectedHeader({ alg, ...header }).sign(key);
}

const secret = new TextEncoder().encode(SECRET);

describe('a token', () => {
  test('becomes a principal of its issuer’s kind, with its valid scopes and its expiry', async () => {
    const verifier = await open([symmetric()]);
    const token = await sign(secret, { claims: { scope: 'openid subscribe:file_change@main admin:read publish:' } });
    expect(await verifier.verify(token)).toMatchObject({
      kind: 'agent',
      id: 'agent:refactor',
      scopes: [{ text: 'subscribe:file_change@main' }, { text: 'admin:read' }],
      expiresAt: (seconds + 60) * 1000,
    });
    const listed = await sign(secret, { claims: { scope: undefined, scopes: ['publish:build.*', 7] } });
    expect((await verifier.verify(listed)).scopes.map(({ text }) => text)).toEqual(['publish:build.*']);
  });

  test.each([
    ['of another issuer', { claims: { iss: 'other' } }, /issuer/],
    ['for another audience', { claims: { aud: 'billing' } }, /aud/],
    ['that has expired', { claims: { exp: seconds - 6 } }, /exp/],
    ['that never expires', { claims: { exp: undefined } }, /exp/],
    ['that is not valid yet', { claims: { nbf: seconds + 6 } }, /nbf/],
    ['with a lifetime longer than allowed', { claims: { exp: seconds + 3601 } }, /maxLifetimeSeconds/],
    ['issued in the future, which would hide its lifetime', { claims: { iat: 1e15, exp: 1e15 } }, /maxLifetimeSeconds/],
    ['without a subject', { claims: { sub: undefined } }, /sub/],
    ['with spaces in its subject', { claims: { sub: 'a b' } }, /subject/],
    ['of another type', { header: { typ: 'logout+jwt' } }, /unexpected type/],
    ['with an unknown critical extension', { header: { crit: ['exp'], exp: 1 } }, /not recognized/],
    ['that is too long', { claims: { filler: 'x'.repeat(9000) } }, /8192/],
  ])('%s is invalid', async (_name, draft, reason) => {
    const verifier = await open([symmetric()]);
    const token = await sign(secret, draft).catch(() => forge(draft));
    await expect(verifier.verify(token)).rejects.toThrow(reason);
  });

  test('is valid within the clock tolerance', async () => {
    const verifier = await open([symmetric()]);
    const token = await sign(secret, { claims: { exp: seconds - 4, nbf: seconds + 4 } });
    expect(await verifier.verify(token)).toMatchObject({ id: 'agent:refactor' });
    const early = await sign(secret, { claims: { iat: seconds + 4, exp: seconds + 3604 } });
    expect(await verifier.verify(early)).toMatchObject({ id: 'agent:refactor' });
  });

  test('without a signature, or with the signature of another token, is invalid', async () => {
    const verifier = await open([symmetric()]);
    await expect(verifier.verify(new UnsecuredJWT(CLAIMS).encode())).rejects.toThrow(/alg/);
    await expect(verifier.verify(await sign(new TextEncoder().encode(SECRET.toUpperCase())))).rejects.toThrow(
      /signature/,
    );
    const [header, , signature] = (await sign(secret)).split('.');
    const claims = Buffer.from(JSON.stringify({ ...CLAIMS, sub: 'root' })).toString('base64url');
    await expect(verifier.verify(`${header}.${claims}.${signature}`)).rejects.toThrow(/signature/);
    for (const garbage of ['', '.', '..', 'a.b.c', `${header}..`, 'é.é.é']) {
      await expect(verifier.verify(garbage)).rejects.toThrow(/./);
    }
  });

  test('signed with a public key as a secret is invalid', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const pem = await exportSPKI(publicKey);
    const file = join(directory, 'public.pem');
    writeFileSync(file, pem);
    const settings: IssuerSettings = {
      ...symmetric(),
      algorithms: ['RS256'],
      key: { kind: 'publicKeyFile', value: file },
    };
    const verifier = await open([settings]);
    expect(await verifier.verify(await sign(privateKey, {}, 'RS256'))).toMatchObject({ id: 'agent:refactor' });
    await expect(verifier.verify(await sign(new TextEncoder().encode(pem)))).rejects.toThrow(/alg/);
  });
});

describe('keys', () => {
  test.each(['ES256', 'EdDSA', 'PS256'])('of the family %s are read from PEM and from JWK', async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    for (const [name, text] of [
      ['key.pem', await exportSPKI(publicKey)],
      ['key.json', JSON.stringify(await exportJWK(publicKey))],
    ] as const) {
      const file = join(directory, name);
      writeFileSync(file, text);
      const verifier = await open([{ ...symmetric(), algorithms: [alg], key: { kind: 'publicKeyFile', value: file } }]);
      expect(await verifier.verify(await sign(privateKey, {}, alg))).toMatchObject({ id: 'agent:refactor' });
    }
  });

  test('serve every algorithm of their issuer, and prevent the start if an algorithm does not match the key', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const file = join(directory, 'rsa.pem');
    writeFileSync(file, await exportSPKI(publicKey));
    const pss = await importJWK(await exportJWK(privateKey), 'PS256');
    const issuer = { ...symmetric(), key: { kind: 'publicKeyFile', value: file } } as const;
    const verifier = await open([{ ...issuer, algorithms: ['RS256', 'PS256'] }]);
    expect(await verifier.verify(await sign(privateKey, {}, 'RS256'))).toMatchObject({ id: 'agent:refactor' });
    expect(await verifier.verify(await sign(pss, {}, 'PS256'))).toMatchObject({ id: 'agent:refactor' });
    await expect(open([{ ...issuer, algorithms: ['RS256', 'ES256'] }])).rejects.toThrow(/not a public key for ES256/);
  });

  test('that are too short, private or missing prevent the start, with the name of the setting', async () => {
    const short = join(directory, 'short');
    writeFileSync(short, 'too short');
    const own = { ...symmetric(), key: { kind: 'secretFile', value: short } } as const;
    await expect(open([own])).rejects.toThrow(/auth\.issuers\[0\]\.secretFile has 9 bytes.*at least 32/);
    await expect(open([{ ...own, key: { ...own.key, value: join(directory, 'none') } }])).rejects.toThrow(
      /cannot be read/,
    );
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    writeFileSync(short, JSON.stringify(await exportJWK(privateKey)));
    const publicKeyFile = { ...own, algorithms: ['ES256'], key: { kind: 'publicKeyFile', value: short } } as const;
    await expect(open([publicKeyFile])).rejects.toThrow(/secret or private key/);
  });
});

/** Serves a set of keys and counts the requests for it. */
async function keyServer(
  answer: () => { status?: number; location?: string; keys?: readonly JWK[]; padding?: string; body?: string },
) {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    const { status = 200, location, keys = [], padding, body } = answer();
    response.writeHead(status, { 'content-type': 'application/json', ...(location === undefined ? {} : { location }) });
    response.end(body ?? JSON.stringify({ keys, padding }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  return { url, asked: () => asked };
}

describe('a set of keys at an address', () => {
  const remote = (url: string): IssuerSettings => ({
    ...symmetric(),
    algorithms: ['ES256'],
    key: { kind: 'jwksUrl', value: url },
  });

  test('is fetched once, and again when a new key appears', async () => {
    const [first, second] = await Promise.all(['1', '2'].map(() => generateKeyPair('ES256', { extractable: true })));
    if (first === undefined || second === undefined) throw new Error('no keys');
    const jwk = async (pair: typeof first, kid: string): Promise<JWK> => ({
      ...(await exportJWK(pair.publicKey)),
      kid,
      alg: 'ES256',
    });
    const keys = [await jwk(first, 'one')];
    const { url, asked } = await keyServer(() => ({ keys }));
    const verifier = await open([remote(url)]);
    expect(asked()).toBe(0);
    const token = await sign(first.privateKey, { header: { kid: 'one' } }, 'ES256');
    await Promise.all([verifier.verify(token), verifier.verify(token), verifier.verify(token)]);
    expect(asked()).toBe(1);
    keys.push(await jwk(second, 'two'));
    const rotated = await sign(second.privateKey, { header: { kid: 'two' } }, 'ES256');
    // During the cooldown, the key set is not fetched again, so that clients cannot cause many requests to the issuer. Until the next
    // fetch, the verifier cannot know whether the key exists.
    await expect(verifier.verify(rotated)).rejects.toThrow(KeysUnavailable);
    await expect(verifier.verify(rotated)).rejects.toThrow(KeysUnavailable);
    expect(asked()).toBe(1);
    expect(await (await open([remote(url)])).verify(rotated)).toMatchObject({ id: 'agent:refactor' });
  });

  test('is tried key by key for a token that does not name its key', async () => {
    const [first, second, other] = await Promise.all(
      ['1', '2', '3'].map(() => generateKeyPair('ES256', { extractable: true })),
    );
    if (first === undefined || second === undefined || other === undefined) throw new Error('no keys');
    const keys = await Promise.all([first, second].map(({ publicKey }) => exportJWK(publicKey)));
    const verifier = await open([remote((await keyServer(() => ({ keys }))).url)]);
    for (const { privateKey } of [first, second])
      expect(await verifier.verify(await sign(privateKey, {}, 'ES256'))).toMatchObject({ id: 'agent:refactor' });
    await expect(verifier.verify(await sign(other.privateKey, {}, 'ES256'))).rejects.toThrow(/signature/);
    const expired = await sign(second.privateKey, { claims: { exp: seconds - 6 } }, 'ES256');
    await expect(verifier.verify(expired)).rejects.toThrow(/exp/);
  });

  test('rejects a key that is missing in the set that was just fetched to find it', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one' };
    const { url } = await keyServer(() => ({ keys: [jwk] }));
    const verifier = await open([remote(url)]);
    const unknown = verifier.verify(await sign(privateKey, { header: { kid: 'none' } }, 'ES256'));
    await expect(unknown).rejects.toThrow(/no applicable key/);
    await expect(unknown).rejects.not.toThrow(KeysUnavailable);
  });

  test.each([
    ['a page in place of the set', '<html>Maintenance</html>'],
    ['a document that is no set', '{"error":"not ready"}'],
    ['a key that is damaged', '{"keys":[{"kid":"one","alg":"ES256","kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}'],
    ['several damaged keys', `{"keys":[${Array(2).fill('{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}').join()}]}`],
  ])('makes no token invalid while the issuer answers with %s', async (name, body) => {
    const { privateKey } = await generateKeyPair('ES256');
    const header = name.startsWith('several') ? {} : { kid: 'one' };
    const verifier = await open([remote((await keyServer(() => ({ body }))).url)]);
    await expect(verifier.verify(await sign(privateKey, { header }, 'ES256'))).rejects.toThrow(KeysUnavailable);
  });

  test('is not fetched from an address in the token', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const own = await exportJWK(publicKey);
    const evil = await keyServer(() => ({ keys: [{ ...own, kid: 'k' }] }));
    const { url } = await keyServer(() => ({}));
    const verifier = await open([remote(url)]);
    for (const header of [{ jku: evil.url, kid: 'k' }, { jwk: own }, { x5u: evil.url }])
      await expect(verifier.verify(await sign(privateKey, { header }, 'ES256'))).rejects.toThrow(
        /no applicable key|no key for this token/,
      );
    expect(evil.asked()).toBe(0);
  });

  test('is not fetched over redirects, and its size is bounded', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const keys = [await exportJWK(publicKey)];
    const elsewhere = await keyServer(() => ({ keys }));
    const redirecting = await keyServer(() => ({ status: 302, location: elsewhere.url }));
    const token = await sign(privateKey, {}, 'ES256');
    await expect((await open([remote(redirecting.url)])).verify(token)).rejects.toThrow(/./);
    expect(elsewhere.asked()).toBe(0);
    const endless = await keyServer(() => ({ keys, padding: 'x'.repeat(300_000) }));
    await expect((await open([remote(endless.url)])).verify(token)).rejects.toThrow(/./);
  });
});

/** Creates a token that the library would refuse to create. */
async function forge({ header = {}, claims = {} }: Draft): Promise<string> {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'HS256', ...header })}.${encode({ ...CLAIMS, ...claims })}`;
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(signed));
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}
