/**
 * Runs a file source and random operations in one thread, so that the operations run between the steps of the source. In this way, many
 * orders of steps that are rare on a real machine are tested within seconds.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ListedPage } from '../file-list.ts';
import type { SourceItem } from '../reporter.ts';
import { TreeSource } from '../tree-source.ts';
import { temporary } from './explore.ts';
import { Disturber } from './disturber.ts';
import { apply, differences, rescan, walk } from './model.ts';
import type { Picture } from './model.ts';
import { Operations } from './operations.ts';
import { PathEngine } from './path-engine.ts';
import { Random } from './random.ts';
import { notIgnored } from './rules.ts';
import { inotify } from './tree.ts';
import { cleanups } from './watched.ts';

export interface Interleaving {
  readonly seed: number;
  readonly rounds: number;
  /** Number of operations in each round that run while the source waits. */
  readonly perRound: number;
  /** Maximum number of operations in each round that run between the steps of the source. */
  readonly between: number;
  /** `root`: the root is moved, too. `rules`: ignore files are changed, too. `paths`: one watch covers the tree. */
  readonly variant?: 'plain' | 'root' | 'rules' | 'paths';
}

/** How long to wait for a report, in milliseconds. A test waits this long only if the report is really missing. */
const PATIENCE_MS = 5_000;
/** In each round, operations run between the steps of the source only for this time, in milliseconds. */
const LONGEST_DISTURBANCE_MS = 200;

/** Runs all rounds. @returns the first difference between reports and disk; without a difference, the losses and warnings */
export async function interleave(options: Interleaving): Promise<Record<string, unknown>> {
  const { seed, rounds, perRound, between, variant = 'plain' } = options;
  const directory = join(temporary('tidemark-interleaved-'), 'above', 'root');
  mkdirSync(directory, { recursive: true });
  const paths = variant === 'paths' ? new PathEngine(directory) : undefined;
  const renamed = (from: string, to: string): void => paths?.renamed(from, to);
  const rules = variant === 'rules';
  const outside = temporary('tidemark-elsewhere-');
  const operations = new Operations(directory, outside, seed, { renamed, rules });
  const disturber = new Disturber({
    operations,
    random: new Random(seed + 1),
    directory,
    movesRoot: variant === 'root',
    onOperation: () => paths?.observe(),
    onRename: renamed,
  });
  const subscriber = new Subscriber({
    directory,
    linked: operations.linked,
    rules,
    list: () => source.list({ limit: 100_000 }),
  });
  const source = new TreeSource({
    directory,
    root: 'r',
    disk: disturber.disk(),
    engine: disturber.engine(paths ?? inotify((text) => disturber.note(`  ${text}`))),
    send: (item) => {
      disturber.note(`    > ${describe(item)}`);
      subscriber.receive(item);
    },
    rootCheckMs: 50,
  });
  source.begin();
  const ended = source.run();
  cleanups.push(async () => {
    source.close();
    await ended;
  });
  for (let round = 0; round < rounds; round += 1) {
    disturber.begin(between);
    for (let n = 0; n < perRound; n += 1) disturber.operate();
    const startMs = Date.now();
    let wrong: readonly string[] = [];
    do {
      await delay(2);
      if (Date.now() - startMs > LONGEST_DISTURBANCE_MS) disturber.stop();
      wrong = disturber.isIdle ? subscriber.mistakes() : ['the work has not ended'];
    } while (wrong.length > 0 && Date.now() - startMs < PATIENCE_MS);
    if (wrong.length > 0) return { seed, round, log: disturber.log, wrong };
  }
  return { losses: subscriber.losses, warnings: subscriber.warnings };
}

interface SubscriberOptions {
  readonly directory: string;
  readonly linked: ReadonlySet<number>;
  /** Whether ignore files exist. Ignored entries are then left out of each comparison. */
  readonly rules: boolean;
  /** Lists the entries that the source knows. */
  readonly list: () => ListedPage;
}

/** Computes the state of the directory from the reports of the source, as a client does. */
class Subscriber {
  readonly #directory: string;
  readonly #linked: ReadonlySet<number>;
  readonly #rules: boolean;
  readonly #list: () => ListedPage;
  readonly #picture: Picture = new Map();
  /** For each path, the time of its last report, and the permissions that it had then. */
  readonly #reported = new Map<string, { readonly atMs: number; readonly mode: number | undefined }>();
  readonly #pending: { readonly item: SourceItem; readonly atMs: number }[] = [];
  readonly losses: unknown[] = [];
  readonly warnings: string[] = [];

  constructor({ directory, linked, rules, list }: SubscriberOptions) {
    this.#directory = directory;
    this.#linked = linked;
    this.#rules = rules;
    this.#list = list;
  }

  receive(item: SourceItem): void {
    this.#pending.push({ item, atMs: Date.now() });
  }

  /** Compares the computed state with the directory. @returns the differences */
  mistakes(): readonly string[] {
    for (const { item, atMs } of this.#pending.splice(0)) {
      if (item.kind === 'warning') this.warnings.push(item.text);
      else if (item.kind === 'loss') this.#readAgain(item.paths);
      else {
        apply(this.#picture, item.change);
        this.#reported.set(item.change.path, { atMs, mode: this.#modeOf(item.change.path) });
      }
    }
    const real = walk(this.#directory, this.#linked);
    const isSeen = this.#rules ? notIgnored(this.#directory) : () => true;
    const visible = (picture: Picture): Picture => new Map([...picture].filter(([path]) => isSeen(path)));
    const [believed, actual] = [visible(this.#picture), visible(real)];
    const listed: Picture = new Map();
    for (const entry of this.#list().entries) apply(listed, { ...entry, changeType: 'create', root: 'r' });
    return [
      ...differences(believed, actual),
      ...this.#unreported(actual),
      ...differences(listed, actual).map((each) => `in the list, ${each}`),
    ];
  }

  #readAgain(paths: readonly string[]): void {
    this.losses.push(paths);
    if (this.#rules) this.#listAgain(paths);
    else for (const path of paths) rescan(this.#picture, this.#directory, path, this.#linked);
    for (const path of this.#picture.keys()) this.#reported.set(path, { atMs: Date.now(), mode: this.#modeOf(path) });
  }

  /** Replaces the entries below these paths by a new list from the source, which leaves out ignored entries. */
  #listAgain(paths: readonly string[]): void {
    const isBelow = (path: string): boolean => paths.some((each) => each === '' || path.startsWith(`${each}/`));
    for (const path of this.#picture.keys()) if (isBelow(path)) this.#picture.delete(path);
    for (const entry of this.#list().entries) {
      if (!isBelow(entry.path)) continue;
      apply(this.#picture, { ...entry, changeType: 'modify', root: 'r' });
    }
  }

  #modeOf(path: string): number | undefined {
    try {
      return lstatSync(join(this.#directory, path)).mode;
    } catch {
      // The entry no longer exists. Its deletion will be reported.
      return undefined;
    }
  }

  /** Entries whose last change was after their last report. */
  #unreported(real: Picture): string[] {
    return [...real].flatMap(([path, what]) => {
      const stats = lstatSync(join(this.#directory, path));
      const last = this.#reported.get(path);
      if (what.startsWith('directory')) return last?.mode === stats.mode ? [] : [`${path}: mode not reported`];
      if (this.#linked.has(stats.ino) || (last !== undefined && last.atMs >= stats.ctimeMs - 1)) return [];
      return [`${path}: changed at ${stats.ctimeMs}, reported at ${last?.atMs}`];
    });
  }
}

function describe(item: SourceItem): string {
  if (item.kind === 'warning') return item.text;
  if (item.kind === 'loss') return `loss ${item.paths.join()}`;
  const { changeType, previousPath = '', path, fileType, size, mtime } = item.change;
  return `${changeType} ${previousPath} ${path} ${fileType} ${size} ${mtime}`;
}
