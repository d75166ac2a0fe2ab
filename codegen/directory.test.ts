import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeDirectory, OutputError } from './directory.ts';

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-directory-'));
  await writeFile(join(home, 'notes.txt'), 'kept');
  await symlink('gone', join(home, 'dangling'));
});
afterAll(() => rm(home, { recursive: true }));

async function refusalOf(path: string): Promise<string> {
  const error = await makeDirectory(path).catch((thrown: unknown) => thrown);
  if (error instanceof OutputError) return error.message;
  throw new Error(`${path} was not refused.`, { cause: error });
}

describe('making a directory', () => {
  test('creates its parent directories, and keeps existing files', async () => {
    const both = [makeDirectory(join(home, 'a/b/c')), makeDirectory(join(home, 'a/b/d'))];
    await Promise.all(both);
    await makeDirectory(join(home, 'a/b'));
    expect(await readdir(join(home, 'a/b'))).toEqual(['c', 'd']);
  });

  test('refuses a file, a path below a file and a broken link, with an error that names the path', async () => {
    const file = `${home}/notes.txt is a file, but the output must be a directory. Choose another path.`;
    expect(await refusalOf(join(home, 'notes.txt'))).toBe(file);
    expect(await refusalOf(join(home, 'notes.txt/below/it'))).toBe(file);
    expect(await refusalOf(join(home, 'dangling'))).toContain(`${home}/dangling cannot be written: EEXIST`);
  });

  // Node's recursive mkdir would never return here, because the parent exists but mkdir below it fails with ENOENT.
  test('fails if no directory can be made', async () => {
    expect(await refusalOf('/proc/events/client')).toMatch(/^\/proc\S* cannot be written: E/);
  });
});
