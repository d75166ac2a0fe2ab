import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeyFileStorage } from './key-file.ts';

const MODULE = fileURLToPath(new URL('key-file.ts', import.meta.url));

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-keys-'));
  path = join(directory, 'keys.json');
});
afterEach(() => rm(directory, { recursive: true }));

const key = (id: string) => ({ id, name: id, hash: '', scopes: [], createdAt: '2026-01-01T00:00:00.000Z' });

/** Runs a program that uses the storage, in a process of its own. */
function program(body: string) {
  const text = `const { KeyFileStorage } = await import(${JSON.stringify(MODULE)});
    const storage = new KeyFileStorage(${JSON.stringify(path)});
    const key = (id) => ({ id, name: id, hash: '', scopes: [], createdAt: '2026-01-01T00:00:00.000Z' });
    ${body}`;
  return spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('a key file that several processes change', () => {
  test('loses no change, although the lock file of an earlier program exists', async () => {
    await writeFile(`${path}.lock`, '');
    const rounds = 10;
    const writers = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
      program(`for (let i = 0; i < ${rounds}; i += 1) await storage.change((keys) => [...keys, key('${name}' + i)]);`),
    );
    const codes = await Promise.all(writers.map(async (writer) => (await once(writer, 'close'))[0] as unknown));
    expect(codes).toEqual(writers.map(() => 0));
    const ids = (await new KeyFileStorage(path).read()).map(({ id }) => id);
    expect(new Set(ids).size).toBe(writers.length * rounds);
  });

  test('can be changed immediately after a process was killed during a change', async () => {
    const holder = program(`await storage.change((keys) => {
      process.stdout.write('held');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return keys;
    });`);
    await once(holder.stdout, 'data');
    const storage = new KeyFileStorage(path);
    const change = storage.change((keys) => [...keys, key('next')]);
    holder.kill('SIGKILL');
    await Promise.all([once(holder, 'close'), change]);
    expect((await storage.read()).map(({ id }) => id)).toEqual(['next']);
  });

  test('is readable for its owner only', async () => {
    await new KeyFileStorage(path).change(() => [key('one')]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ version: 1, keys: [{ id: 'one' }] });
  });
});
