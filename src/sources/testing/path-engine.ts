/**
 * An engine that covers the whole tree and reports paths, as on macOS and Windows. It finds changes by comparing the tree with its state at
 * the last call of {@link PathEngine.observe}. Like a real engine, it reports only the two paths of a renamed directory, not the entries
 * below that directory.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, ReportKind, Reports, WatchId } from '../engine/engine.ts';
import { toByteString } from '../names.ts';

export class PathEngine implements Engine {
  readonly coversTree = true;
  readonly #directory: string;
  #state = new Map<string, string>();
  #reports: { readonly path: string; readonly kind: ReportKind }[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    this.#state = this.#read();
  }

  /** Must be called after each operation. */
  observe(): void {
    const before = this.#state;
    this.#state = this.#read();
    for (const [path, what] of this.#state)
      if (!before.has(path)) this.#report(path, 'name');
      else if (before.get(path) !== what) this.#report(path, 'content');
    for (const path of before.keys()) if (!this.#state.has(path)) this.#report(path, 'name');
  }

  /** Must be called after each rename, before any other operation. */
  renamed(from: string, to: string): void {
    for (const path of [from, to])
      if (path.startsWith(`${this.#directory}/`)) this.#report(path.slice(this.#directory.length + 1), 'name');
    this.#state = this.#read();
  }

  add(): WatchId {
    return 1;
  }

  addGuard(): undefined {
    return undefined;
  }

  remove(): void {
    // There are no watches to remove.
  }

  drain(reports: Reports): boolean {
    const taken = this.#reports;
    this.#reports = [];
    for (const { path, kind } of taken) reports.onPath(toByteString(path), kind);
    return taken.length > 0;
  }

  wait(): Promise<void> {
    return delay(1);
  }

  close(): void {
    // There is nothing to close.
  }

  #report(path: string, kind: ReportKind): void {
    this.#reports.push({ path, kind });
  }

  #read(path = '', into = new Map<string, string>()): Map<string, string> {
    for (const name of readdirSync(join(this.#directory, path))) {
      const below = path === '' ? name : `${path}/${name}`;
      const { ino, size, ctimeMs, mode } = lstatSync(join(this.#directory, below));
      const isDirectory = lstatSync(join(this.#directory, below)).isDirectory();
      into.set(below, [ino, mode, ...(isDirectory ? [] : [size, ctimeMs])].join());
      if (isDirectory) this.#read(below, into);
    }
    return into;
  }
}
