/**
 * Runs random operations in a watched directory between the steps of its source: before and after the source's calls of the disk and the
 * engine. Sometimes it moves a directory away before a call, and back a few calls later.
 */
import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { realDisk } from '../disk.ts';
import type { Disk } from '../disk.ts';
import type { Engine } from '../engine/engine.ts';
import { reasonOf } from '../errors.ts';
import { toText } from '../names.ts';
import type { Operations } from './operations.ts';
import type { Random } from './random.ts';

export interface DisturberOptions {
  readonly operations: Operations;
  readonly random: Random;
  /** The watched directory. */
  readonly directory: string;
  /** Whether the watched directory itself, and the directory above it, are moved away, too. */
  readonly movesRoot: boolean;
  /** Called after each operation. */
  readonly onOperation: () => void;
  /** Called after each rename. */
  readonly onRename: (from: string, to: string) => void;
}

interface Away {
  readonly from: string;
  readonly to: string;
  /** After how many further calls the directory is moved back. */
  calls: number;
}

export class Disturber {
  readonly #options: DisturberOptions;
  #budget = 0;
  readonly #away: Away[] = [];
  /** All operations, and all calls with their results, of the current round. */
  #log: string[] = [];

  constructor(options: DisturberOptions) {
    this.#options = options;
  }

  get log(): readonly string[] {
    return this.#log;
  }

  /** Begins a round. @param budget the number of operations between calls in this round */
  begin(budget: number): void {
    this.#log = [];
    this.#budget = budget;
  }

  get isIdle(): boolean {
    return this.#budget === 0 && this.#away.length === 0;
  }

  /** Runs no more operations in this round. */
  stop(): void {
    this.#budget = 0;
    for (const { from, to } of this.#away.splice(0).toReversed()) this.#move(to, from);
  }

  note(text: string): void {
    this.#log.push(text);
  }

  operate(): void {
    const { operations, onOperation } = this.#options;
    this.note(`  * ${operations.run()} ${operations.last}`);
    onOperation();
  }

  disk(): Disk {
    return {
      ...realDisk,
      look: (path) => this.#around('look', path, () => realDisk.look(path)),
      list: (path) => this.#around('list', path, () => realDisk.list(path)),
      follow: (path) => this.#around('follow', '', () => realDisk.follow(path)),
    };
  }

  engine(inner: Engine): Engine {
    return {
      coversTree: inner.coversTree,
      add: (path) => this.#around('watch', path, () => inner.add(path)),
      addGuard: (path) => inner.addGuard(path),
      remove: (watch) => this.#around('unwatch', '', () => inner.remove(watch)),
      drain: (reports) => this.#around('drain', '', () => inner.drain(reports)),
      wait: (timeoutMs) => inner.wait(timeoutMs),
      close: () => inner.close(),
    };
  }

  #around<T>(what: string, path: string, call: () => T): T {
    this.#disturb(path);
    try {
      const result = call();
      if (what !== 'drain') this.note(`${what} ${path.slice(this.#options.directory.length + 1)}: ${describe(result)}`);
      return result;
    } catch (error) {
      this.note(`${what} ${path.slice(this.#options.directory.length + 1)}: ${reasonOf(error)}`);
      throw error;
    } finally {
      this.#disturb(path);
    }
  }

  #disturb(path: string): void {
    for (const each of [...this.#away]) {
      each.calls -= 1;
      if (each.calls > 0) continue;
      // If the directory cannot be moved back, because a directory above it is also moved away, the move is tried again later.
      if (this.#move(each.to, each.from)) this.#away.splice(this.#away.indexOf(each), 1);
    }
    const { random } = this.#options;
    while (this.#budget > 0 && random.below(3) === 0) {
      this.#budget -= 1;
      if (path !== '' && random.below(3) === 0) this.#moveAway(toText(path) ?? '');
      else this.operate();
    }
  }

  /** Moves the entry at the path, or a directory above it. */
  #moveAway(path: string): void {
    const { directory, random, movesRoot } = this.#options;
    const below = path.slice(directory.length + 1).split('/');
    const depth = 1 + random.below(below.length);
    let from = join(directory, ...below.slice(0, depth));
    let to = random.below(2) === 0 ? join(dirname(from), 'away') : join(directory, 'away2');
    if (movesRoot && random.below(3) === 0) {
      from = random.below(2) === 0 ? directory : dirname(directory);
      to = `${from}-away`;
    }
    if (from !== to && this.#move(from, to)) this.#away.push({ from, to, calls: 1 + random.below(6) });
  }

  #move(from: string, to: string): boolean {
    try {
      renameSync(from, to);
    } catch {
      return false;
    }
    this.note(`  * move ${from} ${to}`);
    this.#options.onRename(from, to);
    return true;
  }
}

function describe(result: unknown): string {
  if (typeof result === 'object' && result !== null && 'ino' in result && 'fileType' in result)
    return `${String(result.fileType)} ${String(result.ino)}`;
  return inspect(result, { breakLength: Infinity });
}
