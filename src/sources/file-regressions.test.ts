/** One test for each kind of change that a file source once failed to report. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanUp, cleanups, wait, watch } from './testing/watched.ts';

afterEach(cleanUp);

function bytes(directory: string, name: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]);
}

function elsewhere(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-elsewhere-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('a file source', () => {
  test('reports a name that is not UTF-8 as one loss of its directory, with one warning', async () => {
    const { directory, losses, warnings, story } = await watch({ 'sub/a': '1' });
    const name = [...Buffer.from('sub/caf'), 0xe9];
    for (let n = 0; n < 4; n += 1) {
      writeFileSync(bytes(directory, name), 'x'.repeat(n));
      await story();
    }
    expect(losses).toEqual([['sub']]);
    expect(warnings).toEqual([expect.stringMatching(/No event can contain the name "sub\/caf/)]);
  });

  test('reports changes in a directory whose name is not UTF-8 as a loss of its parent', async () => {
    const { directory, losses, story } = await watch({ 'sub/a': '1' });
    mkdirSync(bytes(directory, [...Buffer.from('sub/d'), 0xe9]));
    writeFileSync(bytes(directory, [...Buffer.from('sub/d'), 0xe9, ...Buffer.from('/x')]), '1');
    await story();
    expect(losses).toEqual([['sub']]);
  });

  test('reports a name with a backslash like any other', async () => {
    const { directory, losses, warnings, story } = await watch();
    for (let n = 0; n < 4; n += 1) {
      writeFileSync(join(directory, 'a\\x2db.swap'), 'x'.repeat(n));
      await story();
    }
    const [first, ...later] = await story();
    expect(first).toBe('create a\\x2db.swap');
    expect(later.length).toBeGreaterThanOrEqual(3);
    expect(new Set(later)).toEqual(new Set(['modify a\\x2db.swap']));
    expect([losses, warnings]).toEqual([[], []]);
  });

  test('reports a directory that is replaced by a link to itself as deleted, without a loss', async () => {
    const { directory, losses, warnings, story, seen } = await watch({ 'loop/d/a': '1', 'loop/b': '1' });
    rmSync(join(directory, 'loop'), { recursive: true });
    symlinkSync('loop', join(directory, 'loop'));
    const changes = await story();
    expect([losses, warnings]).toEqual([[], []]);
    expect(changes.filter((each) => !each.endsWith(' loop')).toSorted()).toEqual([
      'delete loop/b',
      'delete loop/d',
      'delete loop/d/a',
    ]);
    await seen(({ path, fileType }) => path === 'loop' && fileType === 'symlink');
  });

  test('reports a change that does not change size and modification time', async () => {
    const { directory, seen } = await watch({ a: '1', b: '2' });
    const time = new Date(1_700_000_000_000);
    for (const name of ['a', 'b']) utimesSync(join(directory, name), time, time);
    await seen((each) => each.path === 'b');
    spawnSync('cp', ['-p', join(directory, 'b'), join(directory, 'a')]);
    expect(await seen((each) => each.path === 'a' && each.changeType === 'modify')).toMatchObject({ size: 1 });
  });

  test('follows a root that is a link to its current target, under the name that the operator gave', async () => {
    const place = elsewhere();
    for (const name of ['r1', 'r2']) mkdirSync(join(place, name));
    symlinkSync('r1', join(place, 'current'));
    const { losses, changes, seen, source } = await watch({}, { directory: join(place, 'current') });
    expect(source.root).toBe('r');
    symlinkSync('r2', join(place, 'next'));
    renameSync(join(place, 'next'), join(place, 'current'));
    await vi.waitUntil(() => losses.length === 1, wait);
    expect(losses).toEqual([['']]);
    writeFileSync(join(place, 'r1/old'), '1');
    writeFileSync(join(place, 'r2/new'), '1');
    await seen((each) => each.path === 'new');
    expect(changes.map(({ path }) => path)).not.toContain('old');
  });

  test('reports names unchanged, composed or decomposed', async () => {
    const { directory, story } = await watch();
    writeFileSync(join(directory, 'e\u0301'), '1');
    await story();
    writeFileSync(join(directory, '\u00e9'), '1');
    await story();
    rmSync(join(directory, 'e\u0301'));
    const lines = (await story()).filter((each) => !each.startsWith('modify'));
    expect(lines).toEqual(['create e\u0301', 'create \u00e9', 'delete e\u0301']);
  });

  test('applies the rules of the repository above its root', async () => {
    const repository = elsewhere();
    spawnSync('git', ['init', '-q', repository]);
    writeFileSync(join(repository, '.gitignore'), '*.tmp\n');
    writeFileSync(join(repository, '.git/info/exclude'), 'secret\n');
    mkdirSync(join(repository, 'pkg'));
    const { changes, seen } = await watch({}, { directory: join(repository, 'pkg') });
    for (const name of ['a.tmp', 'secret', 'fine']) writeFileSync(join(repository, 'pkg', name), '1');
    await seen((each) => each.path === 'fine');
    expect(new Set(changes.map(({ path }) => path))).toEqual(new Set(['fine']));
    writeFileSync(join(repository, '.gitignore'), '');
    expect(await seen((each) => each.path === 'a.tmp')).toMatchObject({ changeType: 'create' });
  });

  test('continues if an ignore file is a FIFO, logs a warning, and reports a loss', async () => {
    const { directory, losses, warnings, write, story } = await watch({ 'sub/a': '1' });
    spawnSync('mkfifo', [join(directory, 'sub/.gitignore')]);
    await write('sub/b');
    expect(await story()).toEqual(expect.arrayContaining(['create sub/b']));
    expect(losses).toEqual([['sub']]);
    expect(warnings).toEqual([expect.stringContaining('.gitignore in sub is not used: it is not a regular file')]);
  });

  test('reports an edit in a directory that was renamed and renamed back', async () => {
    const { directory, seen } = await watch({ 'd/a': '1' });
    renameSync(join(directory, 'd'), join(directory, 'e'));
    renameSync(join(directory, 'e'), join(directory, 'd'));
    writeFileSync(join(directory, 'd/a'), '22');
    expect(await seen((each) => each.path === 'd/a' && each.size === 2)).toMatchObject({ changeType: 'modify' });
  });

  test('does not report files that become ignored as deleted, and reports their changes when they are no longer ignored', async () => {
    const { directory, write, story } = await watch({ 'kept.log': '1', 'gone.log': '1', 'edited.log': '1' });
    await write('.gitignore', '*.log\n');
    await story();
    rmSync(join(directory, 'gone.log'));
    writeFileSync(join(directory, 'edited.log'), '22');
    writeFileSync(join(directory, 'made.log'), '1');
    const ignored = await story();
    expect(ignored.filter((each) => each.includes('.log'))).toEqual([]);
    await write('.gitignore', '');
    await vi.waitUntil(async () => (await story()).includes('delete gone.log'), wait);
    const lines = (await story()).filter((each) => each.includes('.log'));
    // A client may have listed the directory meanwhile, and not know `kept.log`.
    expect(lines.toSorted()).toEqual(['create made.log', 'delete gone.log', 'modify edited.log', 'modify kept.log']);
  });

  test('reports an ignored file as deleted when its directory is renamed, if the file was known before it was ignored', async () => {
    const { directory, write, story } = await watch({ 'd/kept.log': '1', 'd/sub/a': '1', 'd/b': '1' });
    await write('.gitignore', '*.log\nsub/\n');
    await story();
    renameSync(join(directory, 'd'), join(directory, 'e'));
    const lines = await story();
    expect(lines.filter((each) => !each.includes('gitignore')).toSorted()).toEqual([
      'delete d/kept.log',
      'delete d/sub',
      'delete d/sub/a',
      'rename d → e',
      'rename d/b → e/b',
    ]);
  });
});
