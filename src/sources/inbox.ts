/** Receives the reports of the system about a tree, and records which entries must be examined, until the source takes them. */
import { dirname } from 'node:path';
import { DirtyNames } from './dirty-names.ts';
import type { Tree } from './directory.ts';
import type { Displacements } from './displacements.ts';
import type { Engine, Move, ReportKind, Reports, WatchId } from './engine/engine.ts';
import type { ByteString } from './names.ts';
import { OpenMoves } from './open-moves.ts';

export class Inbox implements Reports {
  readonly #tree: Tree;
  readonly #displacements: Displacements;
  /** The watches of the directories above the root, which report only moves. */
  readonly #guards = new Set<WatchId>();
  readonly moves = new OpenMoves();
  #dirty = new DirtyNames();
  overflowed = false;
  /** Whether the root, or a directory above it, was moved, and possibly moved back, since the root was last checked. */
  rootWasMoved = false;
  #rootWasReported = false;

  constructor(tree: Tree, displacements: Displacements) {
    this.#tree = tree;
    this.#displacements = displacements;
  }

  /** The reported entries that were not taken yet. */
  get dirty(): DirtyNames {
    return this.#dirty;
  }

  takeDirty(): DirtyNames {
    const taken = this.#dirty;
    this.#dirty = new DirtyNames();
    return taken;
  }

  /**
   * Whether one of these reports has arrived since the last call: the root, or a directory above it, was moved; or the watch of the root
   * has ended.
   */
  takeRootReport(): boolean {
    const wasReported = this.#rootWasReported;
    this.#rootWasReported = false;
    return wasReported;
  }

  noteRootMoved(): void {
    this.rootWasMoved = true;
    this.#rootWasReported = true;
  }

  /** From now on, moves of the directories above the root are reported. @param root the path of the root */
  guard(engine: Engine, root: ByteString): void {
    for (let at = root; dirname(at) !== at;) {
      at = dirname(at);
      const guard = engine.addGuard(at);
      if (guard !== undefined) this.#guards.add(guard);
    }
  }

  /** Ends all watches. */
  release(engine: Engine): void {
    for (const watch of [...this.#tree.watchers.keys(), ...this.#guards]) engine.remove(watch);
    this.#tree.watchers.clear();
    this.#guards.clear();
  }

  onName(watch: WatchId, name: ByteString, kind: ReportKind, move: Move | undefined): void {
    for (const each of this.#tree.watchers.get(watch) ?? []) {
      this.#dirty.add(each, name, kind);
      const known = each.directories.get(name);
      if (known !== undefined && kind === 'name') this.#displacements.note(known);
      const origin = move === undefined ? undefined : this.moves.note(each, name, move);
      // Add the previous name as well, so that both halves of a rename are examined in the same batch.
      if (origin !== undefined) this.#dirty.add(origin.directory, origin.name, 'name');
    }
  }

  onPath(path: ByteString, kind: ReportKind): void {
    this.#dirty.addPath(this.#tree.root, path, kind);
    const known = kind === 'name' ? this.#tree.find(path) : undefined;
    if (known !== undefined) this.#displacements.note(known);
  }

  onMoved(watch: WatchId): void {
    if (this.#guards.has(watch)) this.noteRootMoved();
    for (const each of this.#tree.watchers.get(watch) ?? []) {
      if (each.parent === undefined) {
        this.noteRootMoved();
      } else {
        this.#displacements.note(each);
        this.#dirty.add(each.parent, each.name, 'name');
      }
    }
  }

  onEnd(watch: WatchId): void {
    for (const each of [...(this.#tree.watchers.get(watch) ?? [])]) {
      this.#tree.unlisten(each);
      each.state = 'lost';
      each.doubt = 'reports';
      if (each.parent === undefined) this.#rootWasReported = true;
      else this.#dirty.add(each.parent, each.name, 'content');
    }
  }

  onOverflow(): void {
    this.overflowed = true;
  }
}
