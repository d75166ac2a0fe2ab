/**
 * Decides which files a source does not report: files with fixed names, and files that Git would ignore. As in Git, the rules come from the
 * `.gitignore` files of a directory and of all directories above it up to the root of its repository, and from the repository's
 * `.git/info/exclude`. The nearest file takes precedence; `.git/info/exclude` comes last.
 */
import { basename, dirname } from 'node:path';
import type { ByteString } from '../names.ts';
import type { IgnorePattern, PatternOptions } from './pattern.ts';
import { NO_RULES, readRuleFile, readSmallFile, versionOf } from './rule-file.ts';
import type { RuleFile } from './rule-file.ts';

/** Never watched, because they contain thousands of files that users do not edit. */
export const ALWAYS_IGNORED: ReadonlySet<ByteString> = new Set(['node_modules', '.git']);
export const IGNORE_FILE = '.gitignore';

/** The rules of one ignore file. If no pattern of the file matches, the rules of `parent` decide. */
export class IgnoreRules {
  readonly #literals = new Map<ByteString, number[]>();
  /** The patterns that cannot be found by looking up a literal name, each with its index in the file. */
  readonly #others: (readonly [place: number, pattern: IgnorePattern])[] = [];
  readonly #patterns: readonly IgnorePattern[];
  readonly parent: IgnoreRules | undefined;
  /**
   * The directory of the ignore file, ending with `/` unless it is empty. This prefix is removed from a path before the path is matched.
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
   * Whether this entry is ignored. The caller must ensure that no directory above the entry is ignored.
   * @param path path relative to the directory to which the bases of these rules are relative
   */
  ignores(path: ByteString, kind: 'file' | 'directory'): boolean {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (ALWAYS_IGNORED.has(name)) return true;
    return this.#verdict(path.slice(this.base.length), name, kind) ?? this.parent?.ignores(path, kind) ?? false;
  }

  /** The decision of the last matching pattern; undefined if no pattern matches. */
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
  /** The text to put before a path relative to the root, to get the path that {@link IgnoreRules.ignores} expects. */
  readonly prefix: ByteString;
  /** Identifies the state of all ignore files that were read. If it changes, the rules must be read again. */
  readonly version: string;
  readonly problems: readonly string[];
}

/** Finds the repository that contains a directory, and reads the ignore rules from the root of the repository down to this directory. */
export function rulesAbove(root: ByteString, options: PatternOptions): RulesAbove {
  const above: ByteString[] = [];
  const seen: string[] = [];
  let top: ByteString | undefined;
  for (let at = root; ; at = dirname(at)) {
    const git = versionOf(`${at}/.git`);
    seen.push(git === 'none' || git === 'unknown' ? git : 'there');
    if (git !== 'none' && git !== 'unknown') {
      top = at;
      break;
    }
    if (dirname(at) === at) break;
    above.unshift(dirname(at));
  }
  const problems: string[] = [];
  const read = (path: ByteString, shown: string): RuleFile => {
    const file = attempt(path, options, (problem) => problems.push(`${shown} is not used: ${problem}.`));
    seen.push(file.version);
    return file;
  };
  if (top === undefined)
    return { rules: new IgnoreRules('', NO_RULES, undefined), prefix: '', version: seen.join(), problems };
  const prefix = root === top ? '' : `${root.slice(top === '/' ? 1 : top.length + 1)}/`;
  let rules = new IgnoreRules('', read(excludeFile(top), '.git/info/exclude'), undefined);
  for (const directory of above) {
    const base = directory === top ? '' : `${directory.slice(top === '/' ? 1 : top.length + 1)}/`;
    rules = new IgnoreRules(
      base,
      read(`${directory}/${IGNORE_FILE}`, `the ${IGNORE_FILE} of a directory above the root`),
      rules,
    );
  }
  return { rules, prefix, version: seen.join(), problems };
}

/** The rules of a repository that is inside the watched root. Rules from outside this repository do not apply in it. */
export function rulesOfRepository(directory: ByteString, base: ByteString, options: PatternOptions): IgnoreRules {
  return new IgnoreRules(base, attempt(excludeFile(directory), options), undefined);
}

function attempt(path: ByteString, options: PatternOptions, onProblem?: (text: string) => void): RuleFile {
  try {
    const file = readRuleFile(path, options);
    if (file.problem !== undefined) onProblem?.(file.problem);
    return file;
  } catch {
    onProblem?.('it cannot be read');
    return { ...NO_RULES, version: 'unknown' };
  }
}

/**
 * The path of the exclude file. `.git` is a directory, except in a linked work tree: there it is a file that names a directory, and the
 * `commondir` file in that directory names the repository.
 */
function excludeFile(top: ByteString): ByteString {
  const git = `${top}/.git`;
  try {
    const named = /^gitdir: (.+?)\s*$/.exec(readSmallFile(git))?.[1];
    if (named === undefined) return `${git}/info/exclude`;
    const own = absolute(named, top);
    try {
      return `${absolute(readSmallFile(`${own}/commondir`).trim(), own)}/info/exclude`;
    } catch {
      return `${own}/info/exclude`;
    }
  } catch {
    return `${git}/info/exclude`;
  }
}

function absolute(path: ByteString, from: ByteString): ByteString {
  return path.startsWith('/') || basename(path) === '' ? path : `${from}/${path}`;
}
