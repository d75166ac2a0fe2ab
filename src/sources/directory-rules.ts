/** The ignore rules of each directory in the tree, and of each repository inside the root. */
import type { Directory, Tree } from './directory.ts';
import { isExhausted } from './errors.ts';
import { ALWAYS_IGNORED, EXCLUDE_FILE, IGNORE_FILE, IgnoreRules, excludeFile } from './ignore/ignore-rules.ts';
import type { PatternOptions } from './ignore/pattern.ts';
import { NO_RULES, UNREAD_RULES, readRuleFile, settledVersionOf } from './ignore/rule-file.ts';
import type { RuleFile } from './ignore/rule-file.ts';
import type { ByteString } from './names.ts';
import type { Reporter } from './reporter.ts';
import { displayName } from './unread-directories.ts';

/** The ignore rules of the directories above the root. */
export interface OuterRules {
  readonly rules: IgnoreRules;
  /** The prefix for paths relative to the root. The rules match paths relative to the repository that contains the root. */
  readonly prefix: ByteString;
}

export interface DirectoryRulesOptions {
  /** The path of the root; empty for the root of the file system. */
  readonly root: ByteString;
  readonly tree: Tree;
  readonly reporter: Reporter;
  readonly outer: OuterRules;
  readonly foldCase: boolean;
}

/** A repository inside the root. Rules from outside this repository do not apply in it. */
interface Repository {
  readonly rules: IgnoreRules;
  /** The version of the exclude file when it was read; undefined if the file may have been changing at that time. */
  readonly seen: string | undefined;
}

/** Maximum number of repositories per check, so that a check takes little time even if the tree contains thousands of repositories. */
const REPOSITORIES_PER_CHECK = 64;

export class DirectoryRules {
  readonly #options: DirectoryRulesOptions;
  #outer: OuterRules;
  readonly #repositories = new Map<Directory, Repository>();

  constructor(options: DirectoryRulesOptions) {
    this.#options = options;
    this.#outer = options.outer;
  }

  /** Called when the ignore rules above the root have changed. */
  useOuter(outer: OuterRules): void {
    this.#outer = outer;
  }

  /** Whether an entry of the directory is ignored. @param path path of the entry, relative to the root */
  ignores(directory: Directory, path: ByteString, kind: 'file' | 'directory'): boolean {
    return directory.rules?.ignores(this.#outer.prefix + path, kind) === true;
  }

  /** Whether an entry is ignored regardless of its type. */
  ignoresAnyKind(directory: Directory, path: ByteString, name: ByteString): boolean {
    if (ALWAYS_IGNORED.has(name)) return true;
    return this.ignores(directory, path, 'file') && this.ignores(directory, path, 'directory');
  }

  /**
   * Reads the ignore rules for the entries of a directory.
   * @param path the path on the disk
   * @param names the names in the directory
   * @returns whether the directory had other rules before
   * @throws {Error} if the rules cannot be read; the directory then keeps its old rules
   */
  read(directory: Directory, path: ByteString, names: readonly ByteString[]): boolean {
    const { rules: before } = directory;
    const base = this.#baseOf(directory);
    const parent = this.#parentOf(directory, path, names);
    const file: RuleFile = names.includes(IGNORE_FILE)
      ? readRuleFile(`${path}/${IGNORE_FILE}`, this.#options)
      : NO_RULES;
    if (file.version === 'none') {
      directory.rules = parent;
      return before !== undefined && before !== parent;
    }
    if (before?.parent === parent && before.version === file.version && before.base === base) return false;
    directory.rules = new IgnoreRules(base, file, parent);
    if (before?.version !== file.version) this.#reportProblem(directory, IGNORE_FILE, file);
    return before !== undefined;
  }

  /**
   * Checks the exclude files of some repositories inside the root. This is needed because nothing in `.git` is watched.
   * @returns the repositories whose rules must be read again
   */
  changedRepositories(): readonly Directory[] {
    const changed: Directory[] = [];
    for (const [directory, repository] of [...this.#repositories].slice(0, REPOSITORIES_PER_CHECK)) {
      // A checked repository is moved to the end of the map, so that the next check begins with those that were checked longest ago.
      this.#repositories.delete(directory);
      if (!this.#options.tree.contains(directory) || directory.state === 'ignored') continue;
      this.#repositories.set(directory, repository);
      const seen = seenOf(`${this.#options.root}/${directory.path}`);
      if (seen === undefined || seen !== repository.seen) changed.push(directory);
    }
    return changed;
  }

  #baseOf(directory: Directory): ByteString {
    return directory.parent === undefined ? this.#outer.prefix : `${this.#outer.prefix}${directory.path}/`;
  }

  /** The rules that apply if no pattern in the ignore file of the directory itself matches. */
  #parentOf(directory: Directory, path: ByteString, names: readonly ByteString[]): IgnoreRules {
    if (directory.parent === undefined) return this.#outer.rules;
    if (names.includes('.git')) return this.#rulesOfRepository(directory, path);
    this.#repositories.delete(directory);
    return directory.parent.rules ?? this.#outer.rules;
  }

  #rulesOfRepository(directory: Directory, path: ByteString): IgnoreRules {
    const base = this.#baseOf(directory);
    const known = this.#repositories.get(directory);
    const seen = seenOf(path);
    if (known?.rules.base === base && seen !== undefined && seen === known.seen) return known.rules;
    const file = readExcludeFile(path, this.#options);
    const isSame = known?.rules.base === base && known.rules.version === file.version;
    const rules = isSame ? known.rules : new IgnoreRules(base, file, undefined);
    this.#repositories.set(directory, { rules, seen });
    if (!isSame && known?.rules.version !== file.version) this.#reportProblem(directory, EXCLUDE_FILE, file);
    return rules;
  }

  #reportProblem(directory: Directory, name: string, { problem }: RuleFile): void {
    if (problem === undefined) return;
    this.#options.reporter.warn(`${name} in ${displayName(directory)} is not used: ${problem}.`);
    this.#options.reporter.reportLoss([directory]);
  }
}

/** Identifies the state of a repository's exclude file; undefined if the file may be changing, or cannot be found. */
function seenOf(repository: ByteString): string | undefined {
  try {
    return settledVersionOf(excludeFile(repository));
  } catch {
    return undefined;
  }
}

/**
 * Reads an exclude file. If it cannot be read, it counts as empty: otherwise, no entry of the whole repository could be reported.
 * @throws {Error} if a resource of the system is exhausted; the caller then tries again
 */
function readExcludeFile(repository: ByteString, options: PatternOptions): RuleFile {
  try {
    return readRuleFile(excludeFile(repository), options);
  } catch (error) {
    if (isExhausted(error)) throw error;
    return UNREAD_RULES;
  }
}
