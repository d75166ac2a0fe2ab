/**
 * Decides which files a source does not report: files with fixed names, and files that Git would ignore. As in Git, the rules come from the
 * `.gitignore` files of a directory and of all directories above it up to the root of its repository, and from the repository's
 * `.git/info/exclude`. The nearest file takes precedence; `.git/info/exclude` comes last.
 */
import { basename, dirname } from 'node:path';
import type { ByteString } from '../names.ts';
import type { IgnorePattern, PatternOptions } from './pattern.ts';
import { isGone } from '../errors.ts';
import { NO_RULES, UNREAD_RULES, isRegularFile, readRuleFile, readSmallFile, versionOf } from './rule-file.ts';
import type { RuleFile } from './rule-file.ts';

/** Names of entries that are never watched, because they contain thousands of files that users do not edit. */
export const ALWAYS_IGNORED: ReadonlySet<ByteString> = new Set(['node_modules', '.git']);
export const IGNORE_FILE = '.gitignore';
/** The path of the exclude file below the root of a repository, unless the repository is a linked work tree. */
export const EXCLUDE_FILE = '.git/info/exclude';

/** The rules of one ignore file. If no pattern of the file matches, the rules of `parent` decide. */
export class IgnoreRules {
  readonly #literals = new Map<ByteString, number[]>();
  /** The patterns that cannot be looked up by a literal name; each with its index in the file. */
  readonly #others: (readonly [place: number, pattern: IgnorePattern])[] = [];
  readonly #patterns: readonly IgnorePattern[];
  readonly parent: IgnoreRules | undefined;
  /**
   * The directory of the ignore file, ending with `/` unless it is empty. It is relative to the repository that contains the root, or to
   * the root if there is no repository. This prefix is removed from a path before the path is matched.
   */
  readonly base: ByteString;
  readonly version: string;

  constructor(base: ByteString, file: RuleFile, parent: IgnoreRules | undefined) {
    this.base = base;
    this.parent = parent;
    this.version = file.version;
    this.#patterns = file.patterns;
    file.patterns.forEach((pattern, place) => {
      if (pattern.literal === undefined) this.#others.push([place, pattern]);
      else this.#literals.set(pattern.literal, [...(this.#literals.get(pattern.literal) ?? []), place]);
    });
  }

  /**
   * Whether an entry is ignored. The caller must ensure that no directory above the entry is ignored.
   * @param path path of the entry, relative to the same directory as `base`
   */
  ignores(path: ByteString, kind: 'file' | 'directory'): boolean {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (ALWAYS_IGNORED.has(name)) return true;
    return this.#verdict(path.slice(this.base.length), name, kind) ?? this.parent?.ignores(path, kind) ?? false;
  }

  /** Whether the last matching pattern of this file ignores the entry; undefined if no pattern matches. */
  #verdict(path: ByteString, name: ByteString, kind: 'file' | 'directory'): boolean | undefined {
    const applies = (pattern: IgnorePattern | undefined): boolean =>
      pattern !== undefined && (kind === 'directory' || !pattern.directoryOnly);
    let best = this.#literals.get(name)?.findLast((place) => applies(this.#patterns[place])) ?? -1;
    for (let at = this.#others.length - 1; at >= 0; at -= 1) {
      const [place, pattern] = this.#others[at] ?? [-1, undefined];
      if (place < best || pattern === undefined) break;
      if (!applies(pattern) || !pattern.matches(pattern.nameOnly ? name : path)) continue;
      best = place;
      break;
    }
    return best < 0 ? undefined : this.#patterns[best]?.negated !== true;
  }
}

export interface RulesAbove {
  /** The rules that apply to the root, from the directories above it. */
  readonly rules: IgnoreRules;
  /** Put before a path relative to the root, this makes the path that {@link IgnoreRules.ignores} expects. */
  readonly prefix: ByteString;
  /** Identifies the state of all ignore files that were read. If it changes, the rules must be read again. */
  readonly version: string;
  /** For each ignore file that is not used, a text with the reason. */
  readonly problems: readonly string[];
  /** Whether an ignore file could not be read because of an error, so that its rules are unknown. */
  readonly isIncomplete: boolean;
}

/** Finds the repository that contains a directory, and reads the ignore rules from the root of the repository down to this directory. */
export function rulesAbove(root: ByteString, options: PatternOptions): RulesAbove {
  const { top, between, seen } = repositoryOf(root);
  const problems: string[] = [];
  const read = (find: () => ByteString, shown: string): RuleFile => {
    const file = attempt(() => readRuleFile(find(), options));
    if (file.problem !== undefined) problems.push(`${shown} is not used: ${file.problem}.`);
    seen.push(file.version);
    return file;
  };
  let rules = new IgnoreRules('', top === undefined ? NO_RULES : read(() => excludeFile(top), EXCLUDE_FILE), undefined);
  if (top !== undefined)
    for (const directory of between) {
      const base = directory === top ? '' : `${below(directory, top)}/`;
      const path = `${directory}/${IGNORE_FILE}`;
      rules = new IgnoreRules(
        base,
        read(() => path, `the ${IGNORE_FILE} of a directory above the root`),
        rules,
      );
    }
  const prefix = top === undefined || root === top ? '' : `${below(root, top)}/`;
  return { rules, prefix, version: seen.join(), problems, isIncomplete: seen.includes(UNREAD_RULES.version) };
}

/**
 * Finds the repository that contains a directory. `top` is the root of the repository; undefined if there is no repository. `between` has
 * the directories from `top` down to the parent of the directory. `seen` identifies the state of `.git` in all directories that were
 * visited.
 */
function repositoryOf(directory: ByteString): { top: ByteString | undefined; between: ByteString[]; seen: string[] } {
  const between: ByteString[] = [];
  const seen: string[] = [];
  for (let at = directory; ; at = dirname(at)) {
    const git = versionOf(`${at}/.git`);
    const isThere = git !== 'none' && git !== UNREAD_RULES.version;
    seen.push(isThere ? 'there' : git);
    if (isThere) return { top: at, between, seen };
    if (dirname(at) === at) return { top: undefined, between: [], seen };
    between.unshift(dirname(at));
  }
}

function below(directory: ByteString, top: ByteString): ByteString {
  return directory.slice(top === '/' ? 1 : top.length + 1);
}

function attempt(read: () => RuleFile): RuleFile {
  try {
    return read();
  } catch {
    return UNREAD_RULES;
  }
}

/**
 * The path of the exclude file of a repository. `.git` is usually a directory. In a linked work tree, it is a file that names a directory,
 * and the file `commondir` in that directory names the repository.
 * @throws {Error} of the file system if one of these files cannot be read, so that the path is unknown
 */
export function excludeFile(top: ByteString): ByteString {
  const git = `${top}/.git`;
  const named = /^gitdir: (.+?)\s*$/.exec(textOf(git) ?? '')?.[1];
  if (named === undefined) return `${git}/info/exclude`;
  const own = absolute(named, top);
  const common = textOf(`${own}/commondir`)?.trim();
  return `${common === undefined ? own : absolute(common, own)}/info/exclude`;
}

/** The content of a small file; undefined if the file does not exist. @throws {Error} of the file system if the file cannot be read */
function textOf(path: ByteString): ByteString | undefined {
  try {
    return isRegularFile(path) ? readSmallFile(path) : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function absolute(path: ByteString, from: ByteString): ByteString {
  return path.startsWith('/') || basename(path) === '' ? path : `${from}/${path}`;
}
