/** Converts the changes of a source to events of the contract. If no event can express a change, it is reported as a loss. */
import type { FileChangePayload } from '../../generated/types.ts';
import type { Directory } from './directory.ts';
import type { Facts } from './facts.ts';
import { toDisplay, toReportablePath } from './names.ts';
import type { ByteString } from './names.ts';

/** The reports of a source to the gateway, in order. */
export type SourceItem =
  | { readonly kind: 'change'; readonly change: FileChangePayload }
  /** Changes may have been missed. `paths` are the directories to read again, relative to the root; `''` is the root itself. */
  | { readonly kind: 'loss'; readonly paths: readonly string[] }
  | { readonly kind: 'warning'; readonly text: string };

/**
 * If no event can contain the name of a changed entry, a loss of its directory is reported. This is the minimum time between two such
 * losses of one directory, in milliseconds.
 */
const UNREPORTABLE_PAUSE_MS = 60_000;
/** Maximum number of names for which a warning is written. */
const MOST_NAMES_WARNED = 1_000;
/** The latest timestamp that the contract allows, at the end of the year 9999. */
const LAST_TIMESTAMP_MS = 253_402_300_799_999;

/** Returns the hash of the content of an entry; undefined if the content is not hashed. */
export type HashOf = (path: ByteString, facts: Facts) => string | undefined;

export class Reporter {
  readonly #root: string;
  readonly #send: (item: SourceItem) => void;
  readonly #hash: HashOf;
  /** For each directory, the time of the last loss that was reported because no event can contain a name. */
  readonly #lastLoss = new Map<string, number>();
  readonly #pendingLosses = new Set<string>();
  readonly #warnedNames = new Set<ByteString>();

  constructor(root: string, send: (item: SourceItem) => void, hash: HashOf = () => undefined) {
    this.#root = root;
    this.#send = send;
    this.#hash = hash;
  }

  warn(text: string): void {
    this.#send({ kind: 'warning', text });
  }

  /** Reports that changes in or below these directories may have been missed. */
  reportLoss(directories: readonly Directory[]): void {
    if (directories.length === 0) return;
    this.#send({ kind: 'loss', paths: [...new Set(directories.map(nameableAncestor))] });
  }

  change(changeType: 'create' | 'modify' | 'delete', directory: Directory, name: ByteString, facts: Facts): void {
    const path = this.#text(directory, name);
    if (path === undefined) return;
    const hash = changeType === 'delete' ? undefined : this.#hash(directory.pathOf(name), facts);
    this.#send({ kind: 'change', change: this.#payload(path, changeType, facts, hash) });
  }

  /** Reports a rename. @param previous the previous path of the entry, relative to the root */
  rename(previous: ByteString, directory: Directory, name: ByteString, facts: Facts): void {
    const path = this.#text(directory, name);
    if (path === undefined) return this.deletion(previous, facts);
    const previousPath = toReportablePath(previous);
    const hash = this.#hash(directory.pathOf(name), facts);
    const change = this.#payload(path, previousPath === undefined ? 'create' : 'rename', facts, hash);
    this.#send({ kind: 'change', change: previousPath === undefined ? change : { ...change, previousPath } });
  }

  /**
   * Reports that an entry was deleted. If no event can contain its path, nothing is reported, because subscribers do not know the entry.
   */
  deletion(path: ByteString, facts: Facts): void {
    const text = toReportablePath(path);
    if (text !== undefined) this.#send({ kind: 'change', change: this.#payload(text, 'delete', facts) });
  }

  /** If no event can contain the name, writes a warning. */
  noteName(directory: Directory, name: ByteString): void {
    this.#warnOfName(directory.pathOf(name));
  }

  /** Reports delayed losses that are now due. */
  reportPending(nowMs: number): void {
    for (const path of this.#pendingLosses) this.#reportUnnameable(path, nowMs);
  }

  #text(directory: Directory, name: ByteString): string | undefined {
    const path = directory.pathOf(name);
    const text = toReportablePath(path);
    if (text !== undefined) return text;
    this.#warnOfName(path);
    this.#reportUnnameable(nameableAncestor(directory), Date.now());
    return undefined;
  }

  #warnOfName(path: ByteString): void {
    if (toReportablePath(path) !== undefined || this.#warnedNames.has(path)) return;
    if (this.#warnedNames.size >= MOST_NAMES_WARNED) return;
    this.#warnedNames.add(path);
    this.warn(
      `No event can contain the name ${toDisplay(path)}. Its changes are reported as a loss of its directory, at most once a minute.`,
    );
  }

  #reportUnnameable(path: string, nowMs: number): void {
    if (nowMs - (this.#lastLoss.get(path) ?? -UNREPORTABLE_PAUSE_MS) < UNREPORTABLE_PAUSE_MS) {
      this.#pendingLosses.add(path);
      return;
    }
    this.#pendingLosses.delete(path);
    this.#lastLoss.set(path, nowMs);
    this.#send({ kind: 'loss', paths: [path] });
  }

  #payload(path: string, changeType: FileChangePayload['changeType'], facts: Facts, hash?: string): FileChangePayload {
    const base = { path, root: this.#root, changeType, fileType: facts.fileType };
    if (changeType === 'delete') return base;
    return { ...base, ...measuresOf(facts), ...(hash === undefined ? {} : { hash }) };
  }
}

/** The size and the modification time of a file. The time is left out if the contract cannot express it. */
export function measuresOf({ size, mtimeMs }: Facts): Pick<FileChangePayload, 'size' | 'mtime'> {
  if (!(mtimeMs >= 0 && mtimeMs <= LAST_TIMESTAMP_MS)) return { size };
  return { size, mtime: new Date(mtimeMs).toISOString() };
}

/** The path of the directory, if an event can contain it. Otherwise the path of the nearest directory above for which this is true. */
export function nameableAncestor(directory: Directory): string {
  for (let at: Directory | undefined = directory; at?.parent !== undefined; at = at.parent) {
    const text = toReportablePath(at.path);
    if (text !== undefined) return text;
  }
  return '';
}
