/** Reads ignore files. Only regular files of limited size are read. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { toBuffer } from '../names.ts';
import type { ByteString } from '../names.ts';
import { isGone } from '../errors.ts';
import { parsePattern } from './pattern.ts';
import type { IgnorePattern, PatternOptions } from './pattern.ts';

/** Maximum size of an ignore file in bytes. Real ignore files are far smaller. */
const LARGEST = 1024 * 1024;
/** Maximum number of patterns that are used of one file. It is limited because every path is compared with every pattern. */
const MOST_PATTERNS = 10_000;

export interface RuleFile {
  readonly patterns: readonly IgnorePattern[];
  /** Identifies the state of the file; `none` if the file does not exist. */
  readonly version: string;
  /** The reason why the file is not used, for a warning; undefined if the file is used. */
  readonly problem: string | undefined;
}

export const NO_RULES: RuleFile = { patterns: [], version: 'none', problem: undefined };
export const UNREAD_RULES: RuleFile = { patterns: [], version: 'unknown', problem: 'it cannot be read' };

function unusable(version: string, problem: string): RuleFile {
  return { patterns: [], version, problem };
}

/** Identifies the state of a file by its facts, without reading it. */
export function versionOf(path: ByteString): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = lstatSync(toBuffer(path));
    return [dev, ino, size, mtimeMs, ctimeMs].join(':');
  } catch (error) {
    return isGone(error) ? 'none' : 'unknown';
  }
}

/** Whether the path is that of a regular file, not of a link to one. @throws {Error} of the file system */
export function isRegularFile(path: ByteString): boolean {
  return lstatSync(toBuffer(path)).isFile();
}

/** The coarsest precision of file times in any file system, in milliseconds. */
const COARSEST_TIME_MS = 2_000;

/**
 * Identifies the state of a file that was not changed recently. Undefined if the file was changed so recently that a further change could
 * leave its size and times equal.
 */
export function settledVersionOf(path: ByteString): string | undefined {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = lstatSync(toBuffer(path));
    if (Math.abs(Date.now() - ctimeMs) < COARSEST_TIME_MS) return undefined;
    return [dev, ino, size, mtimeMs, ctimeMs].join(':');
  } catch (error) {
    return isGone(error) ? 'none' : 'unknown';
  }
}

/**
 * Reads a small regular file. Does not follow a link. Does not block if the file is a FIFO that no process writes to.
 * @throws {Error} of the file system; or if the file is not regular or too large, with this reason as its message
 */
export function readSmallFile(path: ByteString): ByteString {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const descriptor = openSync(toBuffer(path), O_RDONLY | (O_NONBLOCK ?? 0) | (O_NOFOLLOW ?? 0));
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new Error('it is not a regular file');
    if (stats.size > LARGEST) throw new Error(`it has ${stats.size} bytes; at most ${LARGEST} are read`);
    const buffer = Buffer.alloc(LARGEST + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (length > LARGEST) throw new Error(`it has more than ${LARGEST} bytes`);
      if (count === 0) return buffer.toString('latin1', 0, length);
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads an ignore file.
 * @throws {Error} of the file system if the file cannot be read; the caller then keeps its old rules and tries again
 */
export function readRuleFile(path: ByteString, options: PatternOptions): RuleFile {
  const version = versionOf(path);
  if (version === 'none') return NO_RULES;
  try {
    // Git does not follow a symbolic link with this name either.
    if (!isRegularFile(path)) return unusable(version, 'it is not a regular file');
    const text = readSmallFile(path);
    // The version includes the hash of the text, because a second change within the same tick of the clock may leave all file times equal.
    const hash = createHash('sha1').update(text, 'latin1').digest('base64');
    return { patterns: parse(text, options), version: `${version}:${hash}`, problem: undefined };
  } catch (error) {
    // ELOOP: a symbolic link has replaced the file after it was looked up.
    const isLink = error instanceof Error && 'code' in error && error.code === 'ELOOP';
    if (isGone(error) && !isLink) return NO_RULES;
    if (error instanceof Error && 'code' in error && !isLink) throw error;
    return unusable(version, error instanceof Error ? error.message : 'it cannot be read');
  }
}

function parse(text: ByteString, options: PatternOptions): readonly IgnorePattern[] {
  const patterns: IgnorePattern[] = [];
  // Remove a byte order mark at the start, and a carriage return at the end of each line.
  for (const line of text.replace(/^\u00ef\u00bb\u00bf/, '').split('\n')) {
    const pattern = parsePattern(line.replace(/\r$/, ''), options);
    if (pattern !== undefined) patterns.push(pattern);
    if (patterns.length >= MOST_PATTERNS) break;
  }
  return patterns;
}
