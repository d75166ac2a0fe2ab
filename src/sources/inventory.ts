/**
 * What was last known of the files below a watched root. It tells a new file from a changed one, what a deleted one was, and
 * by the inode, that a vanished path and a new one are the same file.
 */
import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileChangePayload } from '../../generated/types.ts';
import type { IgnoreRules } from './ignore-rules.ts';

export interface FileFacts {
  /**
   * Device, inode and birth: the same for the same file under another name. A new file often gets the inode of one that was
   * just deleted (ext4 gives it out again at once); its time of birth tells the two apart where the file system keeps one.
   */
  readonly identity: string;
  readonly fileType: FileChangePayload['fileType'];
  /** In bytes. */
  readonly size: number;
  /** Milliseconds since the Unix epoch. */
  readonly mtimeMs: number;
}

export type Inventory = Map<string, FileFacts>;

function typeOf(entry: Stats | Dirent): FileChangePayload['fileType'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

/** The facts of one path, of a link itself rather than of its target, or undefined when there is nothing. */
export async function factsOf(absolute: string): Promise<FileFacts | undefined> {
  try {
    const stats = await lstat(absolute);
    const { dev, ino, birthtimeMs, size, mtimeMs } = stats;
    return { identity: `${dev}:${ino}:${birthtimeMs}`, fileType: typeOf(stats), size, mtimeMs };
  } catch {
    return undefined;
  }
}

export interface Scan {
  readonly inventory: Inventory;
  /** Directories that may not be read. */
  readonly unreadable: readonly string[];
}

/** Files looked at in parallel: enough to keep the file system busy, few enough for other work to get its turn. */
const PARALLEL = 64;

/** Codes of system errors. */
export const FORBIDDEN: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM']);

export interface ScanOptions {
  /** Where it begins, relative to the root; `''` is the root. */
  readonly from: string;
  /** Called for every directory before it is read; false leaves it out. */
  readonly enter: (path: string) => boolean;
}

/** Walks the tree below a directory, ignored directories and links left out. Loads the ignore files on its way. */
export async function scan(directory: string, rules: IgnoreRules, { from, enter }: ScanOptions): Promise<Scan> {
  const inventory: Inventory = new Map();
  const unreadable: string[] = [];
  const pending = [from];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (!enter(path)) continue;
    await rules.load(path);
    let entries: Dirent[];
    try {
      entries = await readdir(join(directory, path), { withFileTypes: true });
    } catch (error) {
      // One that is gone by now is not there, and that is all.
      if (error instanceof Error && 'code' in error && FORBIDDEN.has(error.code)) unreadable.push(path);
      continue;
    }
    const here = entries.map((entry) => ({ entry, below: path === '' ? entry.name : `${path}/${entry.name}` }));
    const visible = here.filter(
      ({ entry, below }) => !rules.ignores(below, entry.isDirectory() ? 'directory' : 'file'),
    );
    for (let start = 0; start < visible.length; start += PARALLEL) {
      await Promise.all(
        visible.slice(start, start + PARALLEL).map(async ({ below }) => {
          const facts = await factsOf(join(directory, below));
          if (facts !== undefined) inventory.set(below, facts);
        }),
      );
    }
    pending.push(...visible.filter(({ entry }) => entry.isDirectory()).map(({ below }) => below));
  }
  return { inventory, unreadable };
}

/** Whether one of the directories is somewhere above a path. */
export function liesBelow(path: string, directories: ReadonlySet<string>): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
    if (directories.has(path.slice(0, end))) return true;
  return false;
}
