import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { realDisk } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Engine, Reports } from './engine/engine.ts';
import { NodeWatchEngine } from './engine/node-watch.ts';
import type { SourceItem } from './reporter.ts';
import { inotify, intercepted, startTree as start } from './testing/tree.ts';
import { cleanUp, wait } from './testing/watched.ts';

afterEach(cleanUp);

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('a tree source whose system fails', () => {
  test.each(['EMFILE', 'EACCES', 'EIO', 'ESTALE', 'ENOSPC'])(
    'reports a loss (%s), and reports the missed changes when the fault is over',
    async (code) => {
      let broken = false;
      const list: Disk['list'] = (path) => {
        if (broken && path.includes('/new')) throw failure(code);
        return realDisk.list(path);
      };
      const { directory, begin, changed, losses, warnings, items } = start({ disk: { list } });
      begin();
      broken = true;
      mkdirSync(join(directory, 'new/sub'), { recursive: true });
      writeFileSync(join(directory, 'new/sub/a'), '1');
      await vi.waitUntil(() => losses().length > 0, wait);
      expect(losses()[0]).toEqual(['new']);
      expect(warnings().join()).toContain('new cannot be read and is not watched');
      broken = false;
      await vi.waitUntil(() => changed('new/sub/a'), wait);
      // The loss is reported a second time after the directory was read, because an entry that existed at the first report may have been
      // deleted since.
      await vi.waitUntil(() => losses().length > 1, wait);
      expect(losses()).toEqual([['new'], ['new']]);
      expect(items.findLastIndex(({ kind }) => kind === 'loss')).toBe(items.length - 1);
      writeFileSync(join(directory, 'new/sub/b'), '1');
      await vi.waitUntil(() => changed('new/sub/b'), wait);
    },
  );

  test('does not report an unreadable entry as deleted', async () => {
    let broken = false;
    const look: Disk['look'] = (path) => {
      if (broken && path.endsWith('/old/a')) throw failure('EIO');
      return realDisk.look(path);
    };
    const { directory, begin, losses, items, changed } = start({ disk: { look } });
    writeFileSync(join(directory, 'old/a'), '1');
    begin();
    broken = true;
    writeFileSync(join(directory, 'old/a'), '22');
    await vi.waitUntil(() => losses().length > 0, wait);
    expect(losses()).toEqual([['old']]);
    broken = false;
    await vi.waitUntil(() => changed('old/a'), wait);
    expect(items.filter((each) => each.kind === 'change' && each.change.changeType === 'delete')).toEqual([]);
  });

  test('does not start if not all directories can be watched, but starts without directories that it has no permission to read', () => {
    const refuses = (code: string): (() => void) => {
      const engine = inotify();
      const add: Engine['add'] = (path) => {
        if (path.endsWith('/old')) throw failure(code);
        return engine.add(path);
      };
      const { begin } = start({ engine: { add } });
      return begin;
    };
    expect(refuses('ENOSPC')).toThrow('ENOSPC');
    expect(refuses('EACCES')).not.toThrow();
  });

  test('compares everything after the queue of the system has overflowed', async () => {
    const engine = inotify();
    let deaf = false;
    const unheard: string[] = [];
    const drain: Engine['drain'] = (reports) => {
      if (!deaf) return engine.drain(reports);
      engine.drain({
        onName: (_watch, name) => void unheard.push(name),
        onPath: () => undefined,
        onMoved: () => undefined,
        onEnd: () => undefined,
        onOverflow: () => undefined,
      });
      return false;
    };
    let overflowed = false;
    const { directory, begin, changed, warnings } = start({
      engine: {
        ...engine,
        drain: (reports) => {
          if (overflowed) reports.onOverflow();
          overflowed = false;
          return drain(reports);
        },
      },
    });
    begin();
    deaf = true;
    mkdirSync(join(directory, 'made/deep'), { recursive: true });
    writeFileSync(join(directory, 'made/deep/a'), '1');
    await vi.waitUntil(() => unheard.includes('made'), wait);
    expect(changed('made/deep/a')).toBe(false);
    deaf = false;
    overflowed = true;
    await vi.waitUntil(() => changed('made/deep/a'), wait);
    expect(warnings()).toEqual([expect.stringContaining('overflowed')]);
  });
});

describe('a tree source without inotify', () => {
  test.each([
    ['with one watch for each directory', 'linux'],
    ['with one watch for the whole tree, as on macOS and Windows', 'darwin'],
  ] as const)('%s reports changes in new and existing directories', async (_name, platform) => {
    const engine = new NodeWatchEngine(platform);
    const { directory, begin, changed } = start({
      engine: {
        coversTree: engine.coversTree,
        add: (path) => engine.add(path),
        addGuard: () => engine.addGuard(),
        remove: (watch) => engine.remove(watch),
        drain: (reports) => engine.drain(reports),
        wait: (timeoutMs) => engine.wait(timeoutMs),
        close: () => engine.close(),
      },
    });
    begin();
    writeFileSync(join(directory, 'old/a'), '1');
    await vi.waitUntil(() => changed('old/a'), wait);
    mkdirSync(join(directory, 'n/m'), { recursive: true });
    await vi.waitUntil(() => changed('n/m'), wait);
    writeFileSync(join(directory, 'n/m/b'), '1');
    await vi.waitUntil(() => changed('n/m/b'), wait);
    expect(engine.coversTree).toBe(platform === 'darwin');
  });
});

describe('a rename whose halves are read one after the other', () => {
  /** Delays the second half of each rename by three reads, until the first half was examined. */
  function splitting(): Partial<Engine> {
    const engine = inotify();
    const held: { readonly atRead: number; readonly pass: (reports: Reports) => void }[] = [];
    let reads = 0;
    return {
      ...engine,
      drain: (reports) => {
        reads += 1;
        const due = held.splice(0, held.filter(({ atRead }) => atRead <= reads).length);
        for (const { pass } of due) pass(reports);
        const any = engine.drain(
          intercepted(reports, (watch, name, kind, move) => {
            const pass = (to: Reports): void => to.onName(watch, name, kind, move);
            if (move?.half === 'to') held.push({ atRead: reads + 3, pass });
            else pass(reports);
          }),
        );
        return any || due.length > 0;
      },
    };
  }

  const storyOf = (items: readonly SourceItem[]): string[] =>
    items.flatMap((each) => (each.kind === 'change' ? [`${each.change.changeType} ${each.change.path}`] : []));

  test('is reported as one event', async () => {
    const { directory, begin, changed, items } = start({ engine: splitting() });
    writeFileSync(join(directory, 'old/a'), '1');
    mkdirSync(join(directory, 'old/d'));
    writeFileSync(join(directory, 'old/d/inside'), '1');
    begin();
    renameSync(join(directory, 'old/a'), join(directory, 'b'));
    await vi.waitUntil(() => changed('b'), wait);
    renameSync(join(directory, 'old/d'), join(directory, 'e'));
    await vi.waitUntil(() => changed('e/inside'), wait);
    writeFileSync(join(directory, 'e/later'), '1');
    await vi.waitUntil(() => changed('e/later'), wait);
    expect(storyOf(items)).toEqual(['rename b', 'rename e', 'rename e/inside', 'create e/later']);
  });

  test('is reported as a deletion if the entry leaves the tree', async () => {
    const { directory, begin, changed, items } = start();
    writeFileSync(join(directory, 'old/a'), '1');
    begin();
    renameSync(join(directory, 'old/a'), join(tmpdir(), `tidemark-moved-${process.pid}`));
    await vi.waitUntil(() => changed('old/a'), wait);
    expect(storyOf(items)).toEqual(['delete old/a']);
    rmSync(join(tmpdir(), `tidemark-moved-${process.pid}`));
  });
});
