/** A tree source that runs in the thread of the test. The test can replace its calls of the disk and the engine. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { realDisk } from '../disk.ts';
import type { Disk } from '../disk.ts';
import type { Engine, Reports } from '../engine/engine.ts';
import { InotifyEngine } from '../engine/inotify.ts';
import type { SourceItem } from '../reporter.ts';
import { TreeSource } from '../tree-source.ts';
import { temporary } from './explore.ts';
import { cleanups } from './watched.ts';

/** Returns the same receiver of reports, except that each report of a name is passed to the given `onName`. */
export function intercepted(reports: Reports, onName: Reports['onName']): Reports {
  return {
    onName,
    onPath: (path, kind) => reports.onPath(path, kind),
    onMoved: (watch) => reports.onMoved(watch),
    onEnd: (watch) => reports.onEnd(watch),
    onOverflow: () => reports.onOverflow(),
  };
}

/** The inotify engine, modified so that its waits do not block the event loop. */
export function inotify(onReport: (text: string) => void = () => undefined): Engine {
  const engine = new InotifyEngine();
  const traced = (reports: Reports): Reports =>
    intercepted(reports, (watch, name, kind, move) => {
      onReport(`report ${watch} ${name} ${kind} ${move?.half ?? ''}`);
      reports.onName(watch, name, kind, move);
    });
  return {
    coversTree: false,
    add: (path) => engine.add(path),
    addGuard: (path) => engine.addGuard(path),
    remove: (watch) => engine.remove(watch),
    drain: (reports) => engine.drain(traced(reports)),
    wait: () => delay(2),
    close: () => engine.close(),
  };
}

export interface StartedTree {
  /** The watched directory. At the beginning, it contains only the directory `old`. */
  readonly directory: string;
  readonly begin: () => void;
  readonly changed: (path: string) => boolean;
  readonly losses: () => unknown[];
  readonly warnings: () => string[];
  readonly items: readonly SourceItem[];
  /** Returns the changes so far, one short text for each change. */
  readonly story: () => string[];
}

export function startTree(
  options: { readonly disk?: Partial<Disk>; readonly engine?: Partial<Engine> } = {},
): StartedTree {
  const directory = join(temporary('tidemark-tree-'), 'above', 'root');
  mkdirSync(join(directory, 'old'), { recursive: true });
  const items: SourceItem[] = [];
  const source = new TreeSource({
    directory,
    root: 'r',
    engine: { ...inotify(), ...options.engine },
    disk: { ...realDisk, ...options.disk },
    send: (item) => void items.push(item),
    rootCheckMs: 20,
  });
  const begin = (): void => {
    source.begin();
    const ended = source.run();
    cleanups.push(async () => {
      source.close();
      await ended;
    });
  };
  const changes = () => items.flatMap((each) => (each.kind === 'change' ? [each.change] : []));
  return {
    directory,
    begin,
    changed: (path) => changes().some((each) => each.path === path),
    losses: () => items.flatMap((each) => (each.kind === 'loss' ? [each.paths] : [])),
    warnings: () => items.flatMap((each) => (each.kind === 'warning' ? [each.text] : [])),
    items,
    story: () => changes().map(({ changeType, path, size }) => `${changeType} ${path} ${size ?? ''}`.trim()),
  };
}
