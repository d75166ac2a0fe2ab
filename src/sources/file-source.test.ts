import type { FSWatcher } from 'node:fs';
import { mkdirSync, rmSync, watch as watchDirectory, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FileSource } from './file-source.ts';
import { cleanUp, cleanups, pathsAfter, wait, watch } from './testing/watched.ts';

afterEach(cleanUp);

describe('a watched directory', () => {
  test('tells of files that are created, modified and deleted, with their facts', async () => {
    const { directory, write, seen, changes } = await watch({ 'src/a.ts': 'one' });
    await write('src/b.ts', 'hello');
    const created = await seen((each) => each.path === 'src/b.ts');
    expect(created).toMatchObject({ root: 'r', changeType: 'create', size: 5, fileType: 'file' });
    expect(created.mtime).toMatch(/^\d{4}-.*\.\d{3}Z$/);
    await write('src/a.ts', 'three');
    expect(await seen((each) => each.path === 'src/a.ts')).toMatchObject({ changeType: 'modify', size: 5 });
    await rm(join(directory, 'src/a.ts'));
    await seen((each) => each.path === 'src/a.ts' && each.changeType === 'delete');
    expect(JSON.stringify(changes)).not.toContain(directory);
  });

  test('pairs a rename, of a file and of a directory with what lies below it', async () => {
    const { directory, story } = await watch({ 'a.ts': '1', 'lib/x.ts': '2', 'lib/deep/y.ts': '3' });
    await rename(join(directory, 'a.ts'), join(directory, 'b.ts'));
    expect(await story()).toEqual(['rename a.ts → b.ts']);
    await rename(join(directory, 'lib'), join(directory, 'src'));
    expect((await story()).slice(1).toSorted()).toEqual([
      'rename lib → src',
      'rename lib/deep → src/deep',
      'rename lib/deep/y.ts → src/deep/y.ts',
      'rename lib/x.ts → src/x.ts',
    ]);
  });

  test('does not take a new file for a vanished one whose inode it got', async () => {
    const { directory, story } = await watch({ 'a.ts': '1' });
    rmSync(join(directory, 'a.ts'));
    writeFileSync(join(directory, 'b.ts'), 'other');
    expect((await story()).toSorted()).toEqual(['create b.ts', 'delete a.ts']);
  });

  test('reads an editor’s atomic save as a modification', async () => {
    const { directory, write, story } = await watch({ 'a.ts': '1' });
    await write('.a.ts.tmp', 'new content');
    await rename(join(directory, '.a.ts.tmp'), join(directory, 'a.ts'));
    const lines = await story();
    expect(lines.filter((each) => each.endsWith(' a.ts'))).toEqual(['modify a.ts']);
    expect(lines.filter((each) => each.includes('→'))).toEqual([]);
  });

  test('does not speak of ignored files, and follows a change of the rules', async () => {
    const { write, story } = await watch({
      '.gitignore': '*.log\n/build/\n',
      'pkg/.gitignore': '!keep.log\n',
      'build/out.js': '1',
      'node_modules/x/index.js': '1',
      '.git/HEAD': '1',
    });
    await write('app.log');
    await write('pkg/keep.log');
    await write('build/more.js');
    await write('node_modules/x/other.js');
    await write('.git/index');
    expect(await story()).toEqual(['create pkg/keep.log']);
    await write('.gitignore', '/build/\n');
    await vi.waitUntil(async () => (await story()).includes('create app.log'), wait);
    await write('late.log');
    expect(
      (await story())
        .slice(1)
        .filter((each) => !each.includes('gitignore'))
        .toSorted(),
    ).toEqual(['create app.log', 'create late.log']);
  });

  test('reports a link as a link and does not follow it', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'tidemark-outside-'));
    cleanups.push(() => rm(outside, { recursive: true, force: true }));
    const { directory, seen, story } = await watch();
    await symlink(outside, join(directory, 'link'));
    expect(await seen((each) => each.path === 'link')).toMatchObject({ changeType: 'create', fileType: 'symlink' });
    await writeFile(join(outside, 'secret.txt'), 'x');
    expect(await story()).toEqual(['create link']);
  });

  test('says what it lost when the watcher fails, and goes on (GAP-2)', async () => {
    let watcher: FSWatcher | undefined;
    const watched = await watch(
      {},
      { watch: (directory, options, onChange) => (watcher = watchDirectory(directory, options, onChange)) },
    );
    watcher?.emit('error', new Error(`Events were dropped in ${watched.directory}`));
    await vi.waitUntil(() => watched.losses.length === 1, wait);
    expect(watched.losses).toEqual([['']]);
    expect(watched.warnings.join()).not.toContain(watched.directory);
    await watched.write('after.ts');
    expect(await watched.story()).toEqual(['create after.ts']);
  });

  test('misses nothing that happens while it reads changed rules', async () => {
    const { directory, write, story } = await watch({ 'a.ts': '1', 'b.ts': '2', 'old.log': '3' });
    await write('.gitignore', '*.log\n');
    await vi.waitUntil(async () => (await story()).includes('create .gitignore'), wait);
    for (const path of ['a.ts', 'c.ts']) await writeFile(join(directory, path), 'other');
    await rm(join(directory, 'b.ts'));
    await rm(join(directory, 'old.log'));
    const lines = await story();
    expect([...new Set(lines)].toSorted()).toEqual(
      expect.arrayContaining(['create .gitignore', 'create c.ts', 'delete b.ts', 'modify a.ts']),
    );
    expect(lines.filter((each) => each.includes('log'))).toEqual([]);
  });

  test('says that it lost something when a new directory cannot be watched, and tells it as soon as it can (GAP-2)', async () => {
    let full = false;
    const { directory, losses, warnings, story } = await watch(
      {},
      {
        watch: (path, options, onChange) => {
          if (full) throw new Error(`ENOSPC: System limit for number of file watchers reached, watch '${path}'`);
          return watchDirectory(path, options, onChange);
        },
      },
    );
    full = true;
    mkdirSync(join(directory, 'new'));
    await vi.waitUntil(() => losses.length === 1, wait);
    expect(losses).toEqual([['new']]);
    expect(warnings).toEqual([
      expect.stringContaining("ENOSPC: System limit for number of file watchers reached, watch './new'"),
    ]);
    writeFileSync(join(directory, 'new/x.ts'), '1');
    full = false;
    await vi.waitUntil(async () => (await story()).includes('create new/x.ts'), wait);
    writeFileSync(join(directory, 'new/x.ts'), '22');
    expect((await story()).at(-1)).toBe('modify new/x.ts');
  });

  test('says that a directory may not be read, and tells what is in it once it may', async () => {
    let closed = true;
    const { warnings, losses, story } = await watch(
      { 'private/x.ts': '1' },
      {
        watch: (path, options, onChange) => {
          if (closed && path.endsWith('private')) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
          return watchDirectory(path, options, onChange);
        },
      },
    );
    expect(warnings).toEqual(['private cannot be read and is not watched.']);
    closed = false;
    await vi.waitUntil(async () => (await story()).includes('create private/x.ts'), wait);
    expect(losses).toEqual([]);
  });

  test('does not start where not all of it can be watched', async () => {
    const full = watch(
      { 'src/a.ts': '1' },
      {
        watch: (path, options, onChange) => {
          if (path.endsWith('src')) throw new Error('ENOSPC: System limit for number of file watchers reached');
          return watchDirectory(path, options, onChange);
        },
      },
    );
    await expect(full).rejects.toThrow('System limit for number of file watchers reached');
  });

  test('tells what lies below when a directory takes the place of a file or of another directory, and back', async () => {
    const other = await mkdtemp(join(tmpdir(), 'tidemark-other-'));
    cleanups.push(() => rm(other, { recursive: true, force: true }));
    const { directory, story } = await watch({ 'lib/one.ts': '1', 'lib/both.ts': '1', file: '1' });
    const before = ['file', 'lib', 'lib/both.ts', 'lib/one.ts'];
    await mkdir(join(other, 'lib'));
    await writeFile(join(other, 'lib/two.ts'), '2');
    await writeFile(join(other, 'lib/both.ts'), '22');
    await rename(join(directory, 'lib'), join(other, 'away'));
    await rename(join(other, 'lib'), join(directory, 'lib'));
    expect(pathsAfter(await story(), before)).toEqual(['file', 'lib', 'lib/both.ts', 'lib/two.ts']);
    await rename(join(directory, 'file'), join(other, 'file'));
    await rename(join(directory, 'lib'), join(directory, 'file'));
    expect(pathsAfter(await story(), before)).toEqual(['file', 'file/both.ts', 'file/two.ts']);
    await rename(join(directory, 'file'), join(other, 'gone'));
    await rename(join(other, 'file'), join(directory, 'file'));
    expect(pathsAfter(await story(), before)).toEqual(['file']);
  });

  test('finds by looking again what a watcher that was overrun left out, and begins anew', async () => {
    let room = Infinity;
    const { directory, warnings, story } = await watch(
      { 'old/a.ts': '1', 'old/b.ts': '1' },
      {
        largeBatch: 4,
        watch: (root, options, onChange) =>
          // What the kernel does when its queue is full: the first events come, the rest is never heard of.
          watchDirectory(root, options, (type, name) => {
            room -= 1;
            if (room >= 0) onChange(type, name);
          }),
      },
    );
    expect(await story()).toEqual([]);
    room = 4;
    for (let n = 0; n < 20; n += 1) writeFileSync(join(directory, `new-${n}.ts`), '1');
    rmSync(join(directory, 'old'), { recursive: true });
    await vi.waitUntil(() => warnings.length === 1, wait);
    room = Infinity;
    expect((await story()).toSorted()).toEqual(
      [
        ...Array.from({ length: 20 }, (_, n) => `create new-${n}.ts`),
        ...['old', 'old/a.ts', 'old/b.ts'].map((path) => `delete ${path}`),
      ].toSorted(),
    );
    expect(warnings).toEqual([expect.stringMatching(/overrun: \d+ changes were found/)]);
  });

  test('says that its root is gone and that it came back, each as a loss', async () => {
    const { directory, losses, warnings, write, seen } = await watch({ 'a.ts': '1' });
    await rm(directory, { recursive: true });
    await vi.waitUntil(() => losses.length === 1, wait);
    expect(warnings).toEqual(['The watched directory is gone; waiting for it to return.']);
    await mkdir(directory);
    await vi.waitUntil(() => losses.length === 2, wait);
    expect(warnings.slice(1)).toEqual(['The directory is watched again.']);
    await write('b.ts');
    await seen((each) => each.path === 'b.ts');
  });

  test('notices that its root was replaced between two looks', async () => {
    const { directory, losses, write, seen } = await watch({ 'a.ts': '1' });
    await rename(directory, `${directory}-old`);
    cleanups.push(() => rm(`${directory}-old`, { recursive: true }));
    await mkdir(directory);
    await vi.waitUntil(() => losses.length > 0, wait);
    await write('b.ts');
    expect(await seen((each) => each.path === 'b.ts')).toMatchObject({ changeType: 'create' });
  });

  test('notices that its root was replaced by one that got its inode', async () => {
    const { directory, losses, write, seen } = await watch({ 'a.ts': '1' });
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    await vi.waitUntil(() => losses.length > 0, wait);
    await write('b.ts');
    expect(await seen((each) => each.path === 'b.ts')).toMatchObject({ changeType: 'create' });
  });

  test('refuses to start on what is not a directory', async () => {
    const source = new FileSource({
      directory: join(tmpdir(), 'not-there'),
      listener: { publish: () => undefined, loss: () => undefined, warning: () => undefined },
    });
    await expect(source.start()).rejects.toThrow(/ENOENT/);
  });
});
