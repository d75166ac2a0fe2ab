/** The file system calls of a source. Tests replace some of them by calls that fail. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { factsFrom, isSameFile, lookAt } from './facts.ts';
import type { Facts } from './facts.ts';
import { toBuffer } from './names.ts';
import type { ByteString } from './names.ts';

export interface Disk {
  /** The facts of the entry at a path. If it is a symbolic link, these are the facts of the link. @throws {Error} of the file system */
  look(path: ByteString): Facts;
  /** The names in a directory. @throws {Error} of the file system */
  list(path: ByteString): readonly ByteString[];
  /** The facts of the entry at a path, after following symbolic links. @throws {Error} of the file system */
  follow(path: ByteString): Facts;
  /** The path without symbolic links. @throws {Error} of the file system */
  resolve(path: ByteString): ByteString;
  /** The system's table of mount points; empty if the system has none. */
  mounts(): string;
}

export const realDisk: Disk = {
  look: lookAt,
  list: (path) => readdirSync(toBuffer(path), { encoding: 'latin1' }),
  follow: (path) => factsFrom(statSync(toBuffer(path)), Date.now()),
  resolve: (path) => {
    const resolved = realpathSync(toBuffer(path), 'buffer').toString('latin1');
    return process.platform === 'win32' ? resolved.replaceAll('\\', '/') : resolved;
  },
  mounts: () => {
    try {
      return readFileSync('/proc/self/mountinfo', 'latin1');
    } catch {
      return '';
    }
  },
};

/** The mount points below a directory, as paths relative to the directory. */
export function mountsBelow(table: string, root: ByteString): ByteString[] {
  const prefix = root === '/' ? '/' : `${root}/`;
  return table
    .split('\n')
    .map((line) => unescape(line.split(' ')[4] ?? ''))
    .filter((place) => place.startsWith(prefix) && place !== prefix)
    .map((place) => place.slice(prefix.length));
}

/** The mount table encodes space, tab, newline and backslash as three octal digits. */
function unescape(text: string): ByteString {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Whether a file system is case-insensitive: the directory is also found if the case of each letter in its path is exchanged. */
export function foldsCase(disk: Disk, directory: ByteString, facts: Facts): boolean {
  const other = directory.replaceAll(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  try {
    return other !== directory && isSameFile(disk.follow(other), facts);
  } catch {
    return false;
  }
}
