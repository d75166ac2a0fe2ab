/** The names that the system has reported since they were last examined. */
import type { Directory } from './directory.ts';
import type { ReportKind } from './engine/engine.ts';
import type { ByteString } from './names.ts';

export class DirtyNames {
  readonly byDirectory = new Map<Directory, Map<ByteString, ReportKind>>();
  count = 0;

  add(directory: Directory, name: ByteString, kind: ReportKind): void {
    let names = this.byDirectory.get(directory);
    if (names === undefined) this.byDirectory.set(directory, (names = new Map<ByteString, ReportKind>()));
    const before = names.get(name);
    if (before === undefined) this.count += 1;
    if (before === undefined || before === 'closed' || kind === 'attributes') names.set(name, kind);
  }

  /** Adds a path below a root, or its first unknown ancestor directory. */
  addPath(root: Directory, path: ByteString): void {
    const segments = path.split('/');
    const last = segments.pop() ?? '';
    let at = root;
    for (const segment of segments) {
      const next = at.directories.get(segment);
      if (next === undefined) return this.add(at, segment, 'content');
      at = next;
    }
    this.add(at, last, 'content');
  }

  /** Whether an entry, or a directory that it is in, is among them. */
  holds(directory: Directory, name: ByteString): boolean {
    if (this.byDirectory.get(directory)?.has(name) === true) return true;
    return directory.parent !== undefined && this.holds(directory.parent, directory.name);
  }
}
