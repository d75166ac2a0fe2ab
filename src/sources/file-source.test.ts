import type { FSWatcher } from 'node:fs';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  watch as watchDirectory,
  writeFileSync,
} from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { FileChangePayload } from '../../generated/types.ts';
import { FileSource } from './file-source.ts';
import type { FileSourceOptions } from './file-source.ts';

interface Watched {
  readonly directory: string;
  readonly source: FileSource;
  readonly changes: FileChangePayload[];
  readonly losses: (readonly string[])[];
  readonly warnings: string[];
  readonly write: (path: string, text?: string) => Promise<void>;
  readonly seen: (fits: (change: FileChangePayload) => boolean) => Promise<FileChangePayload>;
  /** Everything so far, as short lines; waits for a file that is written last. */
  readonly story: () => Promise<string[]>;
}

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const wait = { timeout: 6000, interval: 20 };

async function watch(
  files: Readonly<Record<string, string>> = {},
  options: Partial<FileSourceOptions> = {},
): Promise<Watched> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-source-'));
  const outside = await mkdtemp(join(tmpdir(), 'tidemark-outside-'));
  const write = async (path: string, text = 'x'): Promise<void> => {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    if (existsSync(file)) return writeFile(file, text);
    // A new file comes in one piece: made empty and then filled, it may be read as created and modified.
    await writeFile(join(outside, 'new'), text);
    await rename(join(outside, 'new'), file);
  };
  for (const [path, text] of Object.entries(files)) await write(path, text);
  const changes: FileChangePayload[] = [];
  const losses: (readonly string[])[] = [];
  const warnings: string[] = [];
  const source = new FileSource({
    directory,
    root: 'r',
    rootCheckMs: 50,
    listener: {
      publish: (change) => void changes.push(change),
      loss: (paths) => void losses.push(paths),
      warning: (text) => void warnings.push(text),
    },
    ...options,
  });
  cleanups.push(async () => {
    await source.close();
    for (const each of [directory, outside]) await rm(each, { recursive: true, force: true });
  });
  await source.start();
  const seen: Watched['seen'] = async (fits) => vi.waitUntil(() => changes.find(fits), wait);
  let fences = 0;
  const story = async (): Promise<string[]> => {
    fences += 1;
    const fence = `zz-fence-${fences}`;
    await write(fence);
    await seen((each) => each.path === fence);
    return changes
      .filter((each) => !each.path.startsWith('zz-fence'))
      .map((each) =>
        each.previousPath === undefined
          ? `${each.changeType} ${each.path}`
          : `${each.changeType} ${each.previousPath} → ${each.path}`,
      );
  };
  return { directory, source, changes, losses, warnings, write, seen, story };
}

/** The paths that are there according to a story and what was there before, however its changes fell into batches. */
function pathsAfter(story: readonly string[], before: readonly string[]): string[] {
  const paths = new Set(before);
  for (const [, change, path = '', to] of story.map((line) => /^(\w+) (\S+)(?: → (\S+))?$/.exec(line) ?? [])) {
    if (change === 'delete' || change === 'rename') paths.delete(path);
    if (change !== 'delete') paths.add(to ?? path);
  }
  return [...paths].toSorted();
}

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

  describe('hears what happens later', () => {
    const later = async ({ write, story }: Watched, paths: readonly string[]): Promise<readonly string[]> => {
      const { length } = await story();
      for (const path of paths) await write(path, 'later');
      // One edit may be told as two modifications.
      return [...new Set((await story()).slice(length))];
    };

    test('in directories that were made at once, one in the other', async () => {
      const watched = await watch();
      mkdirSync(join(watched.directory, 'a/b/c/d'), { recursive: true });
      writeFileSync(join(watched.directory, 'a/b/c/d/x.ts'), '1');
      writeFileSync(join(watched.directory, 'a/b/y.ts'), '1');
      expect(await later(watched, ['a/b/c/d/x.ts', 'a/b/y.ts'])).toEqual(['modify a/b/c/d/x.ts', 'modify a/b/y.ts']);
    });

    test('in a tree that was copied or moved in', async () => {
      const outside = await mkdtemp(join(tmpdir(), 'tidemark-tree-'));
      cleanups.push(() => rm(outside, { recursive: true, force: true }));
      mkdirSync(join(outside, 'tree/deep/deeper'), { recursive: true });
      writeFileSync(join(outside, 'tree/deep/deeper/x.ts'), '1');
      const watched = await watch();
      cpSync(join(outside, 'tree'), join(watched.directory, 'copied'), { recursive: true });
      renameSync(join(outside, 'tree'), join(watched.directory, 'moved'));
      expect(await later(watched, ['copied/deep/deeper/x.ts', 'moved/deep/deeper/x.ts'])).toEqual([
        'modify copied/deep/deeper/x.ts',
        'modify moved/deep/deeper/x.ts',
      ]);
    });

    test('in a directory that was renamed, also when another takes its name', async () => {
      const watched = await watch({ 'dist/lib/deep/x.ts': '1', 'next/lib/deep/x.ts': '22' });
      const at = (path: string): string => join(watched.directory, path);
      renameSync(at('dist'), at('old'));
      renameSync(at('next'), at('dist'));
      expect(await later(watched, ['old/lib/deep/x.ts', 'dist/lib/deep/x.ts'])).toEqual([
        'modify old/lib/deep/x.ts',
        'modify dist/lib/deep/x.ts',
      ]);
      rmSync(at('old'), { recursive: true });
      renameSync(at('dist'), at('last'));
      expect(await later(watched, ['last/lib/deep/x.ts'])).toEqual(['modify last/lib/deep/x.ts']);
    });

    test('after a storm of directories that come, move and go, in each that is left', async () => {
      const watched = await watch();
      const at = (path: string): string => join(watched.directory, path);
      const entries = (): string[] => readdirSync(watched.directory, { recursive: true, encoding: 'utf8' });
      const directories = (): string[] => entries().filter((path) => statSync(at(path)).isDirectory());
      let state = 20_261_123;
      const draw = (below: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((state / 2_147_483_648) * below);
      };
      const name = (): string => Array.from({ length: 1 + draw(4) }, () => 'abcde'[draw(5)]).join('/');
      for (let step = 0; step < 300; step += 1) {
        const known = directories();
        const some = known[draw(known.length)] ?? 'a';
        const target = name();
        mkdirSync(at(name()), { recursive: true });
        if (
          draw(3) === 0 &&
          !existsSync(at(target)) &&
          existsSync(dirname(at(target))) &&
          !target.startsWith(`${some}/`)
        )
          renameSync(at(some), at(target));
        else if (draw(6) === 0) rmSync(at(some), { recursive: true, force: true });
        // The watcher gets its turn, at any moment of the storm.
        if (draw(4) === 0) await new Promise((done) => setTimeout(done, draw(30)));
      }
      expect(pathsAfter(await watched.story(), [])).toEqual(
        entries()
          .filter((path) => !path.startsWith('zz-fence'))
          .toSorted(),
      );
      const left = directories().map((path) => `${path}/x.ts`);
      for (const path of left) writeFileSync(at(path), '1');
      expect(await watched.story()).toEqual(expect.arrayContaining(left.map((path) => `create ${path}`)));
    });

    test('in a directory that was deleted and made again', async () => {
      const watched = await watch({ 'src/deep/x.ts': '1' });
      rmSync(join(watched.directory, 'src'), { recursive: true });
      mkdirSync(join(watched.directory, 'src/deep'), { recursive: true });
      writeFileSync(join(watched.directory, 'src/deep/x.ts'), '22');
      expect(await later(watched, ['src/deep/x.ts'])).toEqual(['modify src/deep/x.ts']);
    });
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
