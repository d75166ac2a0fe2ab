/**
 * Two states of a tree that must be equal: the state that a subscriber computes from the events of a source, and the state that is found by
 * reading the tree.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FileChangePayload } from '../../../generated/types.ts';

/** For each path, the type of the entry and, for a file, also its size and modification time. */
export type Picture = Map<string, string>;

/** Replaces the description of a file with several names, because only the path of such a file is compared. */
const LINKED = 'file with several names';

function describeEntry(fileType: string, size: number | undefined, mtime: string | undefined): string {
  return fileType === 'file' ? `${fileType} ${size} ${mtime}` : fileType;
}

/** Reads everything below a directory, except entries that are always ignored. */
export function walk(
  directory: string,
  linked: ReadonlySet<number> = new Set(),
  path = '',
  into: Picture = new Map(),
): Picture {
  for (const name of readdirSync(join(directory, path))) {
    if (name === '.git' || name === 'node_modules') continue;
    const below = path === '' ? name : `${path}/${name}`;
    const stats = lstatSync(join(directory, below));
    const type = stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'symlink'
          : 'other';
    into.set(
      below,
      linked.has(stats.ino) && type === 'file'
        ? LINKED
        : describeEntry(type, stats.size, new Date(stats.mtimeMs).toISOString()),
    );
    if (type === 'directory') walk(directory, linked, below, into);
  }
  return into;
}

/** Does what a subscriber does after a reported loss (GAP-2): reads the directory again. */
export function rescan(picture: Picture, directory: string, path: string, linked: ReadonlySet<number>): void {
  const prefix = path === '' ? '' : `${path}/`;
  for (const each of picture.keys()) if (each.startsWith(prefix)) picture.delete(each);
  if (isDirectory(join(directory, path))) walk(directory, linked, path, picture);
}

function isDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch (error) {
    // The directory does not exist. ENOTDIR means that a file has replaced a directory above it.
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(String(error.code)))
      return false;
    throw error;
  }
}

export function apply(
  picture: Picture,
  { path, previousPath, changeType, fileType, size, mtime }: FileChangePayload,
): void {
  if (changeType === 'delete') {
    picture.delete(path);
    return;
  }
  if (previousPath !== undefined) picture.delete(previousPath);
  picture.set(path, describeEntry(fileType, size, mtime));
}

/** The paths at which the computed state differs from the state on the disk. */
export function differences(believed: Picture, real: Picture): string[] {
  const lines: string[] = [];
  for (const [path, what] of real)
    if (believed.get(path) !== what && !(what === LINKED && believed.get(path)?.startsWith('file') === true))
      lines.push(`${path}: is ${what}, reported as ${believed.get(path) ?? 'absent'}`);
  for (const path of believed.keys())
    if (!real.has(path)) lines.push(`${path}: does not exist, but is reported as existing`);
  return lines;
}
