import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createKey, principalOf } from './api-key.ts';
import type { NewKey, StoredKey } from './api-key.ts';
import { KeyFileStorage } from './key-file.ts';
import { KeyRing } from './key-ring.ts';

let directory: string;
let file: string;
const rings: KeyRing[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-keys-'));
  file = join(directory, 'keys.json');
});
afterEach(async () => {
  for (const ring of rings.splice(0)) await ring.close();
  rmSync(directory, { recursive: true });
});

function keyOf(options: { readonly expiresAt?: Date; readonly now?: Date } = {}): NewKey {
  return createKey({ name: 'ci', scopes: ['subscribe:*', 'publish:build.*@main'], now: new Date(), ...options });
}

async function ringOver(keys: readonly NewKey[], now = Date.now) {
  const storage = new KeyFileStorage(file);
  await storage.change(() => keys.map(({ stored }) => stored));
  const faults: unknown[] = [];
  const revoked: string[] = [];
  const ring = new KeyRing({
    storage: new KeyFileStorage(file),
    now,
    onFault: (error) => faults.push(error),
    pollMs: 20,
  });
  ring.onRevoked((id) => revoked.push(id));
  await ring.start();
  rings.push(ring);
  return { storage, ring, faults, revoked };
}

describe('an API key', () => {
  test('has an id and at least 128 random bits, and is kept as a hash only', async () => {
    const keys = Array.from({ length: 50 }, () => keyOf());
    for (const { secret, stored } of keys) {
      expect(secret).toMatch(/^tm_[a-z0-9]{10}_[A-Za-z0-9]{32}$/);
      expect(JSON.stringify(stored)).not.toContain(secret.slice(14));
      expect(stored.hash).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(new Set(keys.map(({ secret }) => secret)).size).toBe(50);
    await ringOver(keys);
    expect(readFileSync(file, 'utf8')).not.toContain(keys[0]?.secret.slice(14));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('becomes a principal with its scopes', async () => {
    const key = keyOf();
    const { ring } = await ringOver([key]);
    expect(ring.authenticate(key.secret)).toMatchObject({
      kind: 'api_key',
      id: 'key:ci',
      scopes: [{ text: 'subscribe:*' }, { text: 'publish:build.*@main' }],
      credentialId: `key:${key.stored.id}`,
    });
  });

  test('with any wrong character is invalid', async () => {
    const key = keyOf();
    const { ring } = await ringOver([key]);
    const { secret } = key;
    const another = keyOf().secret;
    const wrong = [
      '',
      'tm_',
      secret.slice(0, -1),
      `${secret}x`,
      `${secret.slice(0, -1)}${secret.endsWith('a') ? 'b' : 'a'}`,
      secret.toUpperCase(),
      another,
      `${secret.slice(0, 14)}${another.slice(14)}`,
      `tm___proto___${'a'.repeat(32)}`,
    ];
    for (const each of wrong) expect(() => ring.authenticate(each)).toThrow('unknown key');
  });

  test('is invalid after it expires', () => {
    const { secret, stored } = keyOf({ expiresAt: new Date(1000) });
    expect(principalOf(secret, stored, 999)).toMatchObject({ expiresAt: 1000 });
    expect(() => principalOf(secret, stored, 1000)).toThrow('the key is revoked or has expired');
  });

  test('needs a valid name and valid scopes', () => {
    expect(() => createKey({ name: 'a b', scopes: ['subscribe:*'], now: new Date() })).toThrow(RangeError);
    expect(() => createKey({ name: 'ci', scopes: ['all'], now: new Date() })).toThrow(/is not a scope/);
  });
});

describe('a ring of keys', () => {
  test('follows changes of its file: new, revoked and removed keys', async () => {
    const [first, second, third] = [keyOf(), keyOf(), keyOf()];
    const { storage, ring, revoked } = await ringOver([first, second]);
    await storage.change((keys) => [...keys, third.stored]);
    await vi.waitFor(() => expect(ring.authenticate(third.secret)).toBeDefined(), 30_000);
    const revokedAt = new Date().toISOString();
    await storage.change((keys) =>
      keys.flatMap((key) =>
        key.id === second.stored.id ? [] : [key.id === first.stored.id ? { ...key, revokedAt } : key],
      ),
    );
    await vi.waitFor(() => expect(revoked).toHaveLength(2), 30_000);
    expect(revoked.toSorted()).toEqual([first, second].map(({ stored }) => `key:${stored.id}`).toSorted());
    expect(() => ring.authenticate(first.secret)).toThrow(/revoked/);
    expect(ring.authenticate(third.secret)).toMatchObject({ id: 'key:ci' });
  });

  test('accepts two keys with the same name, until the old one expires', async () => {
    let clock = Date.now();
    const [old, replacement] = [keyOf(), keyOf()];
    const { storage, ring, revoked } = await ringOver([old], () => clock);
    const expiresAt = new Date(clock + 60_000).toISOString();
    await storage.change((keys) => [...keys.map((key) => ({ ...key, expiresAt })), replacement.stored]);
    await vi.waitFor(() => expect(ring.authenticate(replacement.secret)).toBeDefined(), 30_000);
    expect(ring.authenticate(old.secret)).toMatchObject({ expiresAt: Date.parse(expiresAt) });
    expect(revoked).toEqual([]);
    clock += 61_000;
    await vi.waitFor(() => expect(revoked).toEqual([`key:${old.stored.id}`]), 30_000);
    expect(() => ring.authenticate(old.secret)).toThrow(/expired/);
  });

  test('keeps the known keys while its file cannot be read, and reports the outage once', async () => {
    const [key, another] = [keyOf(), keyOf()];
    const { storage, ring, faults, revoked } = await ringOver([key]);
    writeFileSync(file, '{"version":1,"keys":[{}]}');
    await vi.waitFor(() => expect(faults).toHaveLength(1), 30_000);
    expect(ring.authenticate(key.secret)).toMatchObject({ id: 'key:ci' });
    writeFileSync(file, JSON.stringify({ version: 1, keys: [key.stored] }));
    await storage.change((keys) => [...keys, another.stored]);
    await vi.waitFor(() => expect(ring.authenticate(another.secret)).toBeDefined(), 30_000);
    expect(faults.map(String).join()).toMatch(/keys\.json cannot be read/);
    expect(revoked).toEqual([]);
  });

  test('stops reading its storage once it is closed, also during a read', async () => {
    let reads = 0;
    let answer: () => void = () => undefined;
    const storage = {
      read: () => {
        reads += 1;
        return reads === 1 ? Promise.resolve([]) : new Promise<[]>((resolve) => (answer = () => resolve([])));
      },
      change: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const ring = new KeyRing({ storage, now: Date.now, onFault: () => undefined, pollMs: 1 });
    await ring.start();
    await vi.waitFor(() => expect(reads).toBe(2));
    const closed = ring.close();
    answer();
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reads).toBe(2);
  });

  test.each([0, 400])('is reported within two seconds after it is revoked, with %i ms per reading', async (readMs) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const key = keyOf();
      let stored: StoredKey = key.stored;
      const storage = {
        read: async () => {
          const keys = [stored];
          await new Promise((resolve) => setTimeout(resolve, readMs));
          return keys;
        },
        change: () => Promise.resolve(),
        close: () => Promise.resolve(),
      };
      // Revokes the key at different moments between two readings.
      for (const afterMs of [0, 1, 300, 700, 999, 1_100, 1_399]) {
        const reported: number[] = [];
        stored = key.stored;
        const ring = new KeyRing({ storage, now: Date.now, onFault: () => undefined });
        ring.onRevoked(() => reported.push(performance.now()));
        const started = ring.start();
        await vi.advanceTimersByTimeAsync(readMs);
        await started;
        await vi.advanceTimersByTimeAsync(afterMs);
        stored = { ...key.stored, revokedAt: new Date().toISOString() };
        const revokedAt = performance.now();
        await vi.advanceTimersByTimeAsync(3_000);
        expect(reported).toHaveLength(1);
        expect((reported[0] ?? Number.POSITIVE_INFINITY) - revokedAt).toBeLessThanOrEqual(2_000);
        const closed = ring.close();
        await vi.advanceTimersByTimeAsync(readMs);
        await closed;
      }
    } finally {
      vi.useRealTimers();
    }
  });

  test('does not start with a file that it cannot read', async () => {
    writeFileSync(file, 'no json');
    const ring = new KeyRing({ storage: new KeyFileStorage(file), now: Date.now, onFault: () => undefined });
    await expect(ring.start()).rejects.toThrow(/not JSON/);
  });
});

describe('a key file', () => {
  test('loses no change of many concurrent writers', async () => {
    const storages = Array.from({ length: 20 }, () => new KeyFileStorage(file));
    await Promise.all(storages.map((storage) => storage.change((keys) => [...keys, keyOf().stored])));
    expect(await new KeyFileStorage(file).read()).toHaveLength(20);
  });
});
