/** The names of entries that the system has reported and that the source has not examined yet. */
import type { Directory } from './directory.ts';
import type { ReportKind } from './engine/engine.ts';
import type { ByteString } from './names.ts';

/** Selects one of two reports about the same entry. `attributes` has the highest precedence and `closed` the lowest. */
export function decisive(one: ReportKind | undefined, other: ReportKind | undefined): ReportKind | undefined {
  if (one === undefined || (one === 'closed' && other !== undefined) || other === 'attributes') return other;
  return one;
}

export class DirtyNames {
  readonly byDirectory = new Map<Directory, Map<ByteString, ReportKind>>();
  count = 0;

  add(directory: Directory, name: ByteString, kind: ReportKind): void {
    let names = this.byDirectory.get(directory);
    if (names === undefined) this.byDirectory.set(directory, (names = new Map<ByteString, ReportKind>()));
    const before = names.get(name);
    if (before === undefined) this.count += 1;
    names.set(name, decisive(before, kind) ?? kind);
  }

  /** Adds the entry at a path below a root. If a directory on the path is unknown, adds the first unknown directory instead. */
  addPath(root: Directory, path: ByteString, kind: ReportKind): void {
    const segments = path.split('/');
    const last = segments.pop() ?? '';
    let at = root;
    for (const segment of segments) {
      const next = at.directories.get(segment);
      if (next === undefined) return this.add(at, segment, 'name');
      at = next;
    }
    this.add(at, last, kind);
  }

  /** Whether the entry, or a directory above it, was reported. */
  holds(directory: Directory, name: ByteString): boolean {
    if (this.byDirectory.get(directory)?.has(name) === true) return true;
    return directory.parent !== undefined && this.holds(directory.parent, directory.name);
  }
}
