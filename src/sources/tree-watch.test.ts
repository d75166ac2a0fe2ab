/** The watches reach every directory, however it came there. */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cleanUp, cleanups, pathsAfter, watch } from './testing/watched.ts';
import type { Watched } from './testing/watched.ts';

afterEach(cleanUp);

describe('a watched directory hears what happens later', () => {
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
      if (draw(3) === 0 && !existsSync(at(target)) && existsSync(dirname(at(target))) && !target.startsWith(`${some}/`))
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
