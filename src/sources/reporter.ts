/** Converts the changes of a source to events of the contract. A change that no event can express is reported as a loss. */
import type { FileChangePayload } from '../../generated/types.ts';
import type { Directory } from './directory.ts';
import type { Facts } from './facts.ts';
import { toDisplay, toReportablePath } from './names.ts';
import type { ByteString } from './names.ts';

/** The reports of a source to its host, in order. */
export type SourceItem =
  | { readonly kind: 'change'; readonly change: FileChangePayload }
  /** Directories to rescan, relative to the root; `''` is the root itself. */
  | { readonly kind: 'loss'; readonly paths: readonly string[] }
  | { readonly kind: 'warning'; readonly text: string };

/** Changes of names that no event can contain are reported at most once a minute for each directory. */
const UNREPORTABLE_PAUSE_MS = 60_000;
/** Most names about which a source warns. */
const MOST_NAMES_WARNED = 1_000;
/** The contract's timestamps cover the years 1970 to 9999. */
const LAST_TIMESTAMP_MS = 253_402_300_799_999;

/** The hash of the content of an entry; undefined if it has none. */
export type HashOf = (path: ByteString, facts: Facts) => string | undefined;

export class Reporter {
  readonly #root: string;
  readonly #send: (item: SourceItem) => void;
  readonly #hash: HashOf;
  /** Time of the last reported loss of each directory because of names in it. */
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

  /** Reports that changes below these directories may have been missed. */
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

  /** @param previous the previous path, relative to the root */
  rename(previous: ByteString, directory: Directory, name: ByteString, facts: Facts): void {
    const path = this.#text(directory, name);
    const previousPath = toReportablePath(previous);
    if (path === undefined) {
      if (previousPath !== undefined)
        this.#send({ kind: 'change', change: this.#payload(previousPath, 'delete', facts) });
      return;
    }
    const hash = this.#hash(directory.pathOf(name), facts);
    const change = this.#payload(path, previousPath === undefined ? 'create' : 'rename', facts, hash);
    this.#send({ kind: 'change', change: previousPath === undefined ? change : { ...change, previousPath } });
  }

  /** Warns about a name that no event can contain. */
  noteName(directory: Directory, name: ByteString): void {
    this.#warnOfName(directory.pathOf(name));
  }

  /** Reports losses whose pause of a minute is over. */
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

/** Size and modification time; without the time if the contract cannot express it. */
export function measuresOf({ size, mtimeMs }: Facts): Pick<FileChangePayload, 'size' | 'mtime'> {
  if (!(mtimeMs >= 0 && mtimeMs <= LAST_TIMESTAMP_MS)) return { size };
  return { size, mtime: new Date(mtimeMs).toISOString() };
}

/** The path of a directory, or of its nearest ancestor that an event can name. */
export function nameableAncestor(directory: Directory): string {
  for (let at: Directory | undefined = directory; at?.parent !== undefined; at = at.parent) {
    const text = toReportablePath(at.path);
    if (text !== undefined) return text;
  }
  return '';
}
