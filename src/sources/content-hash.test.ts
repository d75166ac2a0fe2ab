import { createHash } from 'node:crypto';
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ContentHash } from './content-hash.ts';
import { lookAt } from './facts.ts';
import { cleanUp, cleanups, watch } from './testing/watched.ts';

afterEach(cleanUp);

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

function file(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-hash-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'file'), content);
  return join(directory, 'file');
}

describe('the hash of a file', () => {
  test('is computed from the content of the file, up to the largest size', () => {
    const hash = new ContentHash(8);
    for (const content of ['', 'a', '12345678']) {
      const path = file(content);
      expect(hash.of(path, lookAt(path))).toBe(sha256(content));
    }
    const large = file('123456789');
    expect(hash.of(large, lookAt(large))).toBeUndefined();
  });

  test('is absent if the file has changed since it was examined, is gone, or is a link', () => {
    const hash = new ContentHash(100);
    const path = file('one');
    const facts = lookAt(path);
    writeFileSync(path, 'three');
    expect(hash.of(path, facts)).toBeUndefined();
    expect(hash.of(`${path}-gone`, facts)).toBeUndefined();
    symlinkSync(path, `${path}-link`);
    expect(hash.of(`${path}-link`, lookAt(path))).toBeUndefined();
  });

  test('is absent while more bytes are requested than may be read per second', () => {
    let nowMs = 0;
    const hash = new ContentHash(100, () => nowMs);
    const path = file('x');
    const facts = lookAt(path);
    const hashed = (): number => Array.from({ length: 2_000 }, () => hash.of(path, facts)).filter(Boolean).length;
    expect(hashed()).toBe(1_023);
    nowMs = 500;
    expect(hashed()).toBe(512);
  });
});

describe('a file source', () => {
  test('reports the hashes of small files if `hashBytes` is set', async () => {
    const { write, seen, changes } = await watch({ 'old/a': 'a' }, { hashBytes: 4 });
    await write('small', 'abcd');
    await write('large', 'abcde');
    await seen(({ path }) => path === 'large');
    const hashOf = (path: string): unknown => changes.findLast((each) => each.path === path)?.hash;
    expect([hashOf('small'), hashOf('large')]).toEqual([sha256('abcd'), undefined]);
  });

  test('reports no hashes by default', async () => {
    const { write, seen } = await watch();
    await write('small', 'abcd');
    expect(await seen(({ path }) => path === 'small')).not.toHaveProperty('hash');
  });
});
