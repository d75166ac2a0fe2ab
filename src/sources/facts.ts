/** The facts of one file: read from the file system and stored in a compact table. */
import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { FileChangePayload } from '../../generated/types.ts';
import { toBuffer } from './names.ts';
import type { ByteString } from './names.ts';

export interface Facts {
  readonly fileType: FileChangePayload['fileType'];
  readonly dev: number;
  readonly ino: number;
  /** Creation time; distinguishes a new file from a deleted one with the same inode number. 0 if the file system has none. */
  readonly birthMs: number;
  /** Size of the file in bytes. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Changed by every change of content or attributes, and cannot be set by a program. */
  readonly ctimeMs: number;
  /** Whether a change right after this read could leave `ctimeMs` unchanged, because the clock of the file system is coarse. */
  readonly racy: boolean;
}

/** On Linux, the clock for file times ticks every 1 to 10 ms. */
const TICK_MS = 20;
/** Some file systems (FAT, old NFS servers) store whole seconds. */
const COARSE_TICK_MS = 2_000;

function typeOf(stats: Stats): FileChangePayload['fileType'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

export function factsFrom(stats: Stats, nowMs: number): Facts {
  const { dev, ino, birthtimeMs, size, mtimeMs, ctimeMs } = stats;
  const tick = ctimeMs % 1000 === 0 ? COARSE_TICK_MS : TICK_MS;
  return {
    fileType: typeOf(stats),
    dev,
    ino,
    birthMs: birthtimeMs,
    size,
    mtimeMs,
    ctimeMs,
    racy: nowMs - ctimeMs < tick,
  };
}

/**
 * Reads the facts of one path; for a link, of the link itself, not of its target.
 * @throws {Error} of the file system; ENOENT and ENOTDIR if the path does not exist
 */
export function lookAt(path: ByteString): Facts {
  return factsFrom(lstatSync(toBuffer(path)), Date.now());
}

/** Whether both are the same file, possibly under two names or at two times. */
export function isSameFile(one: Facts, other: Facts): boolean {
  return (
    one.ino === other.ino && one.dev === other.dev && one.birthMs === other.birthMs && one.fileType === other.fileType
  );
}

export function identityOf({ dev, ino, birthMs }: Facts): string {
  return `${dev}:${ino}:${birthMs}`;
}

/** Whether the file certainly did not change between the two reads, as far as the file system shows. */
export function isUnchanged(before: Facts, now: Facts): boolean {
  return (
    isSameFile(before, now) &&
    before.ctimeMs === now.ctimeMs &&
    before.size === now.size &&
    before.mtimeMs === now.mtimeMs
  );
}

const TYPES = ['file', 'directory', 'symlink', 'other'] as const;
/** ino, birth, size, mtime, ctime. */
const NUMBERS = 5;
const HIDDEN = 8;
const RACY = 4;

/**
 * Facts by row: 45 bytes each; an object with the same numbers takes about 200. Numbers are doubles, which store a time with a
 * precision of a quarter of a microsecond.
 */
export class FactsTable {
  #numbers = new Float64Array(NUMBERS * 256);
  /** Device in the upper bits (an index), flags and type in the lowest four. */
  #flags = new Uint32Array(256);
  readonly #devices: number[] = [];
  readonly #free: number[] = [];
  #rows = 0;

  /** Size of the table itself, in bytes. */
  get bytes(): number {
    return this.#numbers.byteLength + this.#flags.byteLength;
  }

  add(facts: Facts): number {
    const row = this.#free.pop() ?? this.#rows++;
    if (row * NUMBERS >= this.#numbers.length) this.#grow();
    this.set(row, facts);
    return row;
  }

  /** Also makes the row visible. */
  set(row: number, { fileType, dev, ino, birthMs, size, mtimeMs, ctimeMs, racy }: Facts): void {
    this.#numbers.set([ino, birthMs, size, mtimeMs, ctimeMs], row * NUMBERS);
    this.#flags[row] = this.#device(dev) * 16 + (racy ? RACY : 0) + TYPES.indexOf(fileType);
  }

  get(row: number): Facts {
    const at = row * NUMBERS;
    const number = (index: number): number => this.#numbers[at + index] ?? 0;
    const flags = this.#flags[row] ?? 0;
    return {
      fileType: TYPES[flags % 4] ?? 'other',
      dev: this.#devices[Math.floor(flags / 16)] ?? 0,
      ino: number(0),
      birthMs: number(1),
      size: number(2),
      mtimeMs: number(3),
      ctimeMs: number(4),
      racy: (flags & RACY) !== 0,
    };
  }

  isDirectory(row: number): boolean {
    return (this.#flags[row] ?? 0) % 4 === 1;
  }

  /** A hidden row is kept but treated as unknown, because its file became ignored. */
  isHidden(row: number): boolean {
    return ((this.#flags[row] ?? 0) & HIDDEN) !== 0;
  }

  hide(row: number): void {
    this.#flags[row] = (this.#flags[row] ?? 0) | HIDDEN;
  }

  reveal(row: number): void {
    this.#flags[row] = (this.#flags[row] ?? 0) & ~HIDDEN;
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
