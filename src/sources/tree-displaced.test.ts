/** Directories that are moved to another path for a moment, exactly while the source examines them. */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { realDisk } from './disk.ts';
import { PathEngine } from './testing/path-engine.ts';
import { inotify, startTree } from './testing/tree.ts';
import type { StartedTree } from './testing/tree.ts';
import { cleanUp, wait } from './testing/watched.ts';

afterEach(cleanUp);

interface Interruption {
  /** What happens before the call. */
  readonly before?: (tree: StartedTree) => void;
  /** What happens after the call, before the source receives its result. */
  readonly after?: (tree: StartedTree) => void;
}

interface Interrupted extends StartedTree {
  /** From now on, the next matching call is interrupted. */
  readonly arm: () => void;
  /** Writes files, and waits until these files and all earlier changes are reported. Returns all changes except those of these files. */
  readonly settled: () => Promise<string[]>;
}

/** Creates a source. After `arm`, the source's next `call` for the path is interrupted. `add` is the call that watches a directory. */
function interrupted(call: 'look' | 'list' | 'add', path: string, { before, after }: Interruption): Interrupted {
  let isArmed = false;
  const around = <T>(which: typeof call, at: string, run: () => T): T => {
    if (!isArmed || which !== call || at !== join(tree.directory, path)) return run();
    isArmed = false;
    before?.(tree);
    try {
      return run();
    } finally {
      after?.(tree);
    }
  };
  const engine = inotify();
  const tree: StartedTree = startTree({
    disk: {
      look: (at) => around('look', at, () => realDisk.look(at)),
      list: (at) => around('list', at, () => realDisk.list(at)),
    },
    engine: { ...engine, add: (at) => around('add', at, () => engine.add(at)) },
  });
  return {
    ...tree,
    arm: () => {
      tree.begin();
      isArmed = true;
    },
    settled: async () => {
      await vi.waitUntil(() => !isArmed, wait);
      return fenced(tree);
    },
  };
}

/** Waits until all changes so far are reported. To do so, it writes two files, one after another, and waits for the report of each file. */
async function fenced(tree: StartedTree): Promise<string[]> {
  for (const fence of ['fence-1', 'fence-2']) {
    writeFileSync(join(tree.directory, fence), '');
    await vi.waitUntil(() => tree.changed(fence), wait);
  }
  return tree.story().filter((each) => !each.includes('fence'));
}

const rename =
  (from: string, to: string) =>
  ({ directory }: StartedTree): void =>
    renameSync(join(directory, from), join(directory, to));
const away = { before: rename('old', 'away'), after: rename('away', 'old') };

function swap(one: string, other: string) {
  return (tree: StartedTree): void => {
    rename(one, 'swap')(tree);
    rename(other, one)(tree);
    rename('swap', other)(tree);
  };
}

function write(tree: StartedTree, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(tree.directory, dirname(path)), { recursive: true });
    writeFileSync(join(tree.directory, path), text);
  }
}

/** Makes the system report the file, although the file does not change. */
function touch(tree: StartedTree, path: string): void {
  closeSync(openSync(join(tree.directory, path), 'r+'));
}

/** The file times must be old enough that an unchanged time proves that the file is unchanged. */
const untilTimesAreOld = (): Promise<void> => delay(25);

describe('a directory that is renamed and renamed back while an entry in it is examined', () => {
  test.each(['old/entry', 'old/sub/entry'])('still reports the new entry %s', async (entry) => {
    const tree = interrupted('look', entry, away);
    mkdirSync(join(tree.directory, 'old/sub'));
    tree.arm();
    write(tree, { [entry]: '1' });
    expect(await tree.settled()).toContain(`create ${entry} 1`);
  });

  test('still reports the change of an entry, which is never reported as deleted', async () => {
    const tree = interrupted('look', 'old/entry', away);
    write(tree, { 'old/entry': '1' });
    tree.arm();
    write(tree, { 'old/entry': 'longer' });
    expect(new Set(await tree.settled())).toEqual(new Set(['modify old/entry 6']));
  });

  test('causes no loss if it is missing when it is first watched', async () => {
    const tree = interrupted('add', 'new', { before: rename('new', 'away'), after: rename('away', 'new') });
    tree.arm();
    write(tree, { 'new/entry': '1' });
    await tree.settled();
    expect(tree.changed('new/entry')).toBe(true);
    expect(tree.losses()).toEqual([]);
  });
});

describe('a directory that is swapped with another one while an entry in it is examined', () => {
  test.each(['look', 'list'] as const)('is not reported with the facts of the other one (%s)', async (call) => {
    const swapped = { before: swap('old', 'other'), after: swap('old', 'other') };
    const tree = interrupted(call, call === 'look' ? 'old/entry' : 'old', swapped);
    write(tree, { 'old/entry': '1', 'other/entry': 'longer', 'other/more': '1' });
    await untilTimesAreOld();
    tree.arm();
    if (call === 'look') touch(tree, 'old/entry');
    // The directory is read again if its ignore rules change.
    else write(tree, { 'old/.gitignore': '' });
    expect((await tree.settled()).filter((each) => !each.includes('.gitignore'))).toEqual([]);
  });

  test('is watched even if the other one was at its path when the watch was added', async () => {
    const tree = interrupted('add', 'new', { before: swap('old', 'new'), after: swap('old', 'new') });
    tree.arm();
    mkdirSync(join(tree.directory, 'new'));
    await tree.settled();
    write(tree, { 'new/entry': '1' });
    await vi.waitUntil(() => tree.changed('new/entry'), wait);
    write(tree, { 'old/entry': '1' });
    await vi.waitUntil(() => tree.changed('old/entry'), wait);
    expect(tree.story().filter((each) => each.includes('entry') && each.startsWith('delete'))).toEqual([]);
  });

  test('is reported as modified if it stays swapped, even if both are empty', async () => {
    const tree = startTree();
    mkdirSync(join(tree.directory, 'other'));
    tree.begin();
    swap('old', 'other')(tree);
    const lines = await fenced(tree);
    expect(lines.map((each) => each.split(' ').slice(0, 2).join(' ')).toSorted()).toEqual([
      'modify old',
      'modify other',
    ]);
  });
});

describe('a directory that moves while an entry in it is examined', () => {
  test('is not reported with an entry of the directory that took its place', async () => {
    const tree = interrupted('look', 'old/entry', {
      before: (at) => {
        rename('old', 'moved')(at);
        write(at, { 'old/entry': '1' });
      },
    });
    tree.arm();
    write(tree, { 'old/entry': '1' });
    rmSync(join(tree.directory, 'old/entry'));
    const lines = await tree.settled();
    expect(lines.filter((each) => each.includes('moved/entry'))).toEqual([]);
    expect(lines).toContain('create old/entry 1');
  });

  test('still reports a deletion in it if its permissions change meanwhile', async () => {
    const tree = interrupted('look', 'old/entry', {
      after: ({ directory }) => chmodSync(join(directory, 'old'), 0o700),
    });
    write(tree, { 'old/entry': '1' });
    tree.arm();
    rmSync(join(tree.directory, 'old/entry'));
    expect(await tree.settled()).toContain('delete old/entry');
  });
});

describe('the root, or a directory above it,', () => {
  test.each(['root', 'above'])('%s: if it is renamed and renamed back, everything is compared again', async (name) => {
    const place = (directory: string): string => (name === 'root' ? directory : dirname(directory));
    const tree = interrupted('look', 'old/entry', {
      before: ({ directory }) => renameSync(place(directory), `${place(directory)}-away`),
      after: ({ directory }) => renameSync(`${place(directory)}-away`, place(directory)),
    });
    write(tree, { 'old/entry': '1' });
    tree.arm();
    write(tree, { 'old/entry': 'longer' });
    expect(new Set(await tree.settled())).toEqual(new Set(['modify old/entry 6']));
    expect(tree.losses()).toEqual([]);
  });

  test('above: nothing is reported of another directory that took its place for a moment', async () => {
    const replace = ({ directory }: StartedTree): void => {
      renameSync(dirname(directory), `${dirname(directory)}-away`);
      mkdirSync(join(directory, 'old'), { recursive: true });
      writeFileSync(join(directory, 'old/entry'), 'much longer');
    };
    const restore = ({ directory }: StartedTree): void => {
      rmSync(dirname(directory), { recursive: true });
      renameSync(`${dirname(directory)}-away`, dirname(directory));
    };
    const tree = interrupted('look', 'old/entry', { before: replace, after: restore });
    write(tree, { 'old/entry': '1' });
    await untilTimesAreOld();
    tree.arm();
    touch(tree, 'old/entry');
    expect(await tree.settled()).toEqual([]);
  });
});

describe('changed permissions of a directory', () => {
  test('are reported, also if the directory above it is read in the same step', async () => {
    const tree = startTree();
    tree.begin();
    chmodSync(join(tree.directory, 'old'), 0o700);
    write(tree, { '.gitignore': '' });
    expect((await fenced(tree)).map((each) => each.split(' ').slice(0, 2).join(' '))).toContain('modify old');
  });
});

describe('one watch for the whole tree, as on macOS and Windows,', () => {
  /**
   * Creates a source. After `arm`, the directory `old` is moved away during the source's next `call` for the path `at`, and then moved
   * back.
   */
  function covered(call: 'look' | 'list', at: string) {
    let isArmed = false;
    let engine: PathEngine | undefined;
    const move = (from: string, to: string): void => {
      rename(from, to)(tree);
      engine?.renamed(join(tree.directory, from), join(tree.directory, to));
    };
    const around = <T>(which: typeof call, path: string, run: () => T): T => {
      if (!isArmed || call !== which || path !== join(tree.directory, at)) return run();
      isArmed = false;
      move('old', 'away');
      try {
        return run();
      } finally {
        move('away', 'old');
      }
    };
    const tree: StartedTree = startTree({
      disk: {
        look: (path) => around('look', path, () => realDisk.look(path)),
        list: (path) => around('list', path, () => realDisk.list(path)),
      },
      engine: {
        coversTree: true,
        add: () => 1,
        addGuard: () => undefined,
        remove: () => undefined,
        drain: (reports) => {
          engine?.observe();
          return engine?.drain(reports) === true;
        },
      },
    });
    const begin = (): void => {
      engine = new PathEngine(tree.directory);
      tree.begin();
    };
    return { ...tree, begin, arm: () => (isArmed = true), isDone: () => !isArmed };
  }

  test.each([
    ['look', 'old/entry'],
    ['list', 'old'],
  ] as const)('reports a change in a directory that was moved away while it was examined (%s)', async (call, at) => {
    const tree = covered(call, at);
    write(tree, { 'old/entry': '1' });
    tree.begin();
    tree.arm();
    write(tree, { 'old/entry': 'longer', ...(call === 'list' ? { 'old/.gitignore': '' } : {}) });
    await vi.waitUntil(tree.isDone, wait);
    await vi.waitUntil(() => tree.story().includes('modify old/entry 6'), wait);
    expect((await fenced(tree)).filter((each) => each.startsWith('delete'))).toEqual([]);
  });

  test('reports changed permissions of a directory, but not the changes of its entries a second time', async () => {
    const tree = covered('look', 'none');
    tree.begin();
    chmodSync(join(tree.directory, 'old'), 0o700);
    await vi.waitUntil(() => tree.changed('old'), wait);
    write(tree, { 'old/entry': '1' });
    const lines = await fenced(tree);
    expect(lines.map((each) => each.split(' ').slice(0, 2).join(' '))).toEqual(['modify old', 'create old/entry']);
  });
});

describe('a directory in which a loss was reported', () => {
  test('causes a loss in its parent if it is deleted before it could be read', async () => {
    let isBroken = false;
    const tree = startTree({
      disk: {
        list: (path) => {
          if (isBroken && path.endsWith('/new')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
          return realDisk.list(path);
        },
      },
    });
    tree.begin();
    isBroken = true;
    write(tree, { 'old/new/entry': '1' });
    await vi.waitUntil(() => tree.losses().length > 0, wait);
    // A subscriber now reads the directory and finds the entry, which the source does not know.
    expect(readFileSync(join(tree.directory, 'old/new/entry'), 'utf8')).toBe('1');
    rmSync(join(tree.directory, 'old/new/entry'));
    rmdirSync(join(tree.directory, 'old/new'));
    await vi.waitUntil(() => tree.losses().length > 1, wait);
    expect(tree.losses()).toEqual([['old/new'], ['old']]);
  });
});
