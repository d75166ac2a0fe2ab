import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FileSource } from './file-source.ts';
import { cleanUp, cleanups, pathsAfter, wait, watch } from './testing/watched.ts';

afterEach(cleanUp);

describe('a watched directory', () => {
  test('reports files that are created, modified and deleted, with their facts', async () => {
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

  test('reports a rename of a file, and of a directory with its entries', async () => {
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

  test('does not report a new file with the inode of a deleted one as a rename', async () => {
    const { directory, story } = await watch({ 'a.ts': '1' });
    rmSync(join(directory, 'a.ts'));
    writeFileSync(join(directory, 'b.ts'), 'other');
    expect((await story()).toSorted()).toEqual(['create b.ts', 'delete a.ts']);
  });

  test('reports an editor’s atomic save as a modification', async () => {
    const { directory, write, story } = await watch({ 'a.ts': '1' });
    await write('.a.ts.tmp', 'new content');
    await rename(join(directory, '.a.ts.tmp'), join(directory, 'a.ts'));
    const lines = await story();
    expect(lines.filter((each) => each.endsWith(' a.ts'))).toEqual(['modify a.ts']);
    expect(lines.filter((each) => each.includes('→'))).toEqual([]);
  });

  test('does not report ignored files, and applies a change of the rules', async () => {
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

  test('misses no change while it reads changed rules', async () => {
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

  test('reports the entries below a directory that replaces a file or another directory, and the reverse', async () => {
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

  test('reports a deleted root and its return, each as a loss', async () => {
    const { directory, losses, warnings, write, seen } = await watch({ 'a.ts': '1' });
    await rm(directory, { recursive: true });
    await vi.waitUntil(() => losses.length === 1, wait);
    expect(warnings).toEqual(['The watched directory is gone; waiting for it to return.']);
    await mkdir(directory);
    await vi.waitUntil(() => losses.length === 2, wait);
    expect(warnings.slice(1)).toEqual(['The watched directory is available again.']);
    await write('b.ts');
    await seen((each) => each.path === 'b.ts');
  });

  test('detects that its root was replaced between two checks', async () => {
    const { directory, losses, warnings, write, seen } = await watch({ 'a.ts': '1' });
    await rename(directory, `${directory}-old`);
    cleanups.push(() => rm(`${directory}-old`, { recursive: true }));
    await mkdir(directory);
    // If the source checks the root between the two steps, it first reports that the directory is gone.
    await vi.waitUntil(() => warnings.includes('The watched directory is available again.'), wait);
    await vi.waitUntil(() => losses.length > 0, wait);
    await write('b.ts');
    expect(await seen((each) => each.path === 'b.ts')).toMatchObject({ changeType: 'create' });
  });

  test('detects that its root was replaced by a directory with the same inode', async () => {
    const { directory, losses, warnings, write, seen } = await watch({ 'a.ts': '1' });
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    // If the source checks the root between the two steps, it first reports that the directory is gone.
    await vi.waitUntil(() => warnings.includes('The watched directory is available again.'), wait);
    await vi.waitUntil(() => losses.length > 0, wait);
    await write('b.ts');
    expect(await seen((each) => each.path === 'b.ts')).toMatchObject({ changeType: 'create' });
  });

  test('does not start if the path is not a directory', async () => {
    const source = new FileSource({
      directory: join(tmpdir(), 'not-there'),
      listener: { publish: () => undefined, loss: () => undefined, warning: () => undefined },
    });
    await expect(source.start()).rejects.toThrow(/ENOENT/);
  });
});
