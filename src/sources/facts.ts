/** The facts of a file, such as its size and times. They are read from the file system, and stored in a compact table. */
import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { FileChangePayload } from '../../generated/types.ts';
import { toBuffer } from './names.ts';
import type { ByteString } from './names.ts';

export interface Facts {
  readonly fileType: FileChangePayload['fileType'];
  readonly dev: number;
  readonly ino: number;
  /**
   * Creation time; 0 if the file system does not store it. It distinguishes a new file from a deleted file that had the same inode number.
   */
  readonly birthMs: number;
  /** The permissions, as in chmod(2). */
  readonly mode: number;
  /** Size of the file in bytes. */
  readonly size: number;
  readonly mtimeMs: number;
  /** The time of the last change of content or attributes. Unlike `mtimeMs`, a program cannot set it to another time. */
  readonly ctimeMs: number;
  /**
   * Whether a change after this read could leave `ctimeMs` equal. The clock of the file system is coarse, so this is true if the last
   * change was very recent: the next change may get the same time.
   */
  readonly racy: boolean;
}

/** Assumed precision of file times. On Linux, the clock for file times advances every 1 to 10 ms; this value is larger, to be safe. */
const TICK_MS = 20;
/** Assumed precision of times without a fraction of a second. Some file systems (FAT, old NFS servers) store only whole seconds. */
const COARSE_TICK_MS = 2_000;

function typeOf(stats: Stats): FileChangePayload['fileType'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

export function factsFrom(stats: Stats, nowMs: number): Facts {
  const { dev, ino, birthtimeMs, mode, size, mtimeMs, ctimeMs } = stats;
  const tick = ctimeMs % 1000 === 0 ? COARSE_TICK_MS : TICK_MS;
  return {
    fileType: typeOf(stats),
    dev,
    ino,
    birthMs: birthtimeMs,
    mode: mode % MODES,
    size,
    mtimeMs,
    ctimeMs,
    racy: nowMs - ctimeMs < tick,
  };
}

/**
 * Reads the facts of the entry at a path. If it is a symbolic link, these are the facts of the link, not of its target.
 * @throws {Error} of the file system; ENOENT or ENOTDIR if the path does not exist
 */
export function lookAt(path: ByteString): Facts {
  return factsFrom(lstatSync(toBuffer(path)), Date.now());
}

/** Whether both are facts of the same file, which may have been read under two names or at two times. */
export function isSameFile(one: Facts, other: Facts): boolean {
  return (
    one.ino === other.ino && one.dev === other.dev && one.birthMs === other.birthMs && one.fileType === other.fileType
  );
}

/** Whether both are facts of the same directory, with the same permissions. Its entries may have changed in between. */
export function isSameDirectory(one: Facts, other: Facts): boolean {
  return isSameFile(one, other) && one.fileType === 'directory' && one.mode === other.mode;
}

export function identityOf({ dev, ino, birthMs }: Facts): string {
  return `${dev}:${ino}:${birthMs}`;
}

/** Whether both are facts of the same file, with equal size and times. If `before` is not `racy`, the file did not change in between. */
export function isUnchanged(before: Facts, now: Facts): boolean {
  return (
    isSameFile(before, now) &&
    before.ctimeMs === now.ctimeMs &&
    before.size === now.size &&
    before.mtimeMs === now.mtimeMs
  );
}

const TYPES = ['file', 'directory', 'symlink', 'other'] as const;
/** How many numbers a row has: inode, birth time, size, mtime and ctime. */
const NUMBERS = 5;
const HIDDEN = 8;
const RACY = 4;
/** Number of different values of the permissions. */
const MODES = 4096;
const MODE_SHIFT = 16;
const DEVICE_SHIFT = MODE_SHIFT * MODES;

/**
 * Stores facts in rows of 44 bytes; as an object, the same facts would need about 200 bytes. Times are stored as doubles, with a precision
 * of a quarter of a microsecond.
 */
export class FactsTable {
  #numbers = new Float64Array(NUMBERS * 256);
  /**
   * The other facts of each row. From the upper to the lower bits: 16 bits for the index of the device, 12 for the permissions, 2 for
   * flags, 2 for the type.
   */
  #flags = new Uint32Array(256);
  readonly #devices: number[] = [];
  readonly #free: number[] = [];
  #rows = 0;

  /** Memory used by the table, in bytes. */
  get bytes(): number {
    return this.#numbers.byteLength + this.#flags.byteLength;
  }

  add(facts: Facts): number {
    const row = this.#free.pop() ?? this.#rows++;
    if (row * NUMBERS >= this.#numbers.length) this.#grow();
    this.set(row, facts);
    return row;
  }

  /** Stores facts in a row, and makes the row visible if it was hidden. */
  set(row: number, { fileType, dev, ino, birthMs, mode, size, mtimeMs, ctimeMs, racy }: Facts): void {
    this.#numbers.set([ino, birthMs, size, mtimeMs, ctimeMs], row * NUMBERS);
    this.#flags[row] =
      this.#device(dev) * DEVICE_SHIFT + mode * MODE_SHIFT + (racy ? RACY : 0) + TYPES.indexOf(fileType);
  }

  get(row: number): Facts {
    const at = row * NUMBERS;
    const number = (index: number): number => this.#numbers[at + index] ?? 0;
    const flags = this.#flags[row] ?? 0;
    return {
      fileType: TYPES[flags % 4] ?? 'other',
      dev: this.#devices[Math.floor(flags / DEVICE_SHIFT)] ?? 0,
      ino: number(0),
      birthMs: number(1),
      mode: Math.floor(flags / MODE_SHIFT) % MODES,
      size: number(2),
      mtimeMs: number(3),
      ctimeMs: number(4),
      racy: (flags & RACY) !== 0,
    };
  }

  isDirectory(row: number): boolean {
    return (this.#flags[row] ?? 0) % 4 === 1;
  }

  /** Whether the row is hidden. A row is hidden when its file becomes ignored: the facts are kept, but the file is treated as unknown. */
  isHidden(row: number): boolean {
    return ((this.#flags[row] ?? 0) & HIDDEN) !== 0;
  }

  hide(row: number): void {
    this.#flags[row] = (this.#flags[row] ?? 0) | HIDDEN;
  }

  remove(row: number): void {
    this.#free.push(row);
  }

  #device(dev: number): number {
    const known = this.#devices.indexOf(dev);
    return known < 0 ? this.#devices.push(dev) - 1 : known;
  }

  #grow(): void {
    const numbers = new Float64Array(this.#numbers.length * 2);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const flags = new Uint32Array(this.#flags.length * 2);
    flags.set(this.#flags);
    this.#flags = flags;
  }
}
