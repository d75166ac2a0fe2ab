import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { subscribe } from '@parcel/watcher';
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

  test('says what it lost when the watcher fails, and goes on (GAP-2)', async () => {
    let fail: (error: Error) => void = () => undefined;
    const watched = await watch(
      {},
      {
        watch: async (directory, onBatch, options) => {
          fail = (error) => void onBatch(error, []);
          return subscribe(directory, onBatch, options);
        },
      },
    );
    fail(new Error(`Events were dropped in ${watched.directory}`));
    await vi.waitUntil(() => watched.losses.length === 1, wait);
    expect(watched.losses).toEqual([['']]);
    expect(watched.warnings.join()).not.toContain(watched.directory);
    expect(
      await (async () => {
        await watched.write('after.ts');
        return watched.story();
      })(),
    ).toEqual(['create after.ts']);
  });

  test('misses nothing that happens while it reads changed rules', async () => {
    let meanwhile: () => Promise<void> = () => Promise.resolve();
    const { directory, write, story } = await watch(
      { 'a.ts': '1', 'b.ts': '2', 'old.log': '3' },
      {
        watch: async (root, onBatch, options) => {
          const subscription = await subscribe(root, onBatch, options);
          return {
            unsubscribe: async () => {
              await subscription.unsubscribe();
              await meanwhile();
            },
          };
        },
      },
    );
    meanwhile = async () => {
      meanwhile = () => Promise.resolve();
      for (const path of ['a.ts', 'c.ts']) await writeFile(join(directory, path), 'other');
      await rm(join(directory, 'b.ts'));
      await rm(join(directory, 'old.log'));
    };
    await write('.gitignore', '*.log\n');
    await vi.waitUntil(async () => (await story()).includes('create c.ts'), wait);
    expect((await story()).toSorted()).toEqual(['create .gitignore', 'create c.ts', 'delete b.ts', 'modify a.ts']);
  });

  test('says that it lost something when it cannot watch again, and tries until it can (GAP-2)', async () => {
    let attempts = 0;
    const { write, losses, warnings, story } = await watch(
      {},
      {
        watch: async (root, onBatch, options) => {
          attempts += 1;
          if (attempts === 2 || attempts === 3) throw new Error('inotify_add_watch failed: No space left on device');
          return subscribe(root, onBatch, options);
        },
      },
    );
    await write('.gitignore', '*.log\n');
    await vi.waitUntil(() => losses.length === 2, wait);
    expect(warnings).toEqual([expect.stringContaining('No space left on device'), 'The directory is watched again.']);
    await write('after.ts');
    await vi.waitUntil(async () => (await story()).includes('create after.ts'), wait);
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
    let attempts = 0;
    const { directory, warnings, story } = await watch(
      { 'old/a.ts': '1', 'old/b.ts': '1' },
      {
        largeBatch: 4,
        watch: async (root, onBatch, options) => {
          attempts += 1;
          // What the kernel does when its queue is full: the first events come, the rest is never heard of.
          const overrun: typeof onBatch = (error, events) => onBatch(error, events.slice(0, 4));
          return subscribe(root, attempts === 1 ? overrun : onBatch, options);
        },
      },
    );
    expect(await story()).toEqual([]);
    for (let n = 0; n < 20; n += 1) writeFileSync(join(directory, `new-${n}.ts`), '1');
    rmSync(join(directory, 'old'), { recursive: true });
    await vi.waitUntil(() => attempts === 2, wait);
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
