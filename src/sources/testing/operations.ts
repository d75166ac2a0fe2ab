/** Random operations in a directory, like those of people, editors and tools. The same seed always leads to the same operations. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Random } from './random.ts';

export interface OperationHooks {
  /** Called after each rename. */
  readonly renamed?: (from: string, to: string) => void;
  /** Whether to change ignore files, too. */
  readonly rules?: boolean;
}

export class Operations {
  readonly #directory: string;
  readonly #outside: string;
  readonly #random: Random;
  readonly #hooks: OperationHooks;
  /**
   * Inodes of files with two names. If such a file is changed through one name, the system does not report the change for the other name.
   */
  readonly linked = new Set<number>();
  /** The paths that the last operation used, for the description of a failure. */
  #used: string[] = [];

  /** @param outside a directory on the same file system; entries are moved from it into the tree and back */
  constructor(directory: string, outside: string, seed: number, hooks: OperationHooks = {}) {
    this.#directory = directory;
    this.#outside = outside;
    this.#random = new Random(seed);
    this.#hooks = hooks;
    if (hooks.rules === true) Object.assign(this.#operations, this.#ruleOperations);
  }

  get last(): string {
    return this.#used.map((each) => each.slice(this.#directory.length + 1)).join(' ');
  }

  /** Runs one random operation and returns its name. If the operation is impossible in the current tree, it has no effect. */
  run(): string {
    const kinds = Object.keys(this.#operations);
    const kind = kinds[this.#number(kinds.length)] ?? '';
    this.#used = [];
    try {
      this.#operations[kind]?.();
    } catch {
      // Errors are expected in random operations. For example, there may be a directory where a file is needed, or a name may already
      // exist.
    }
    return kind;
  }

  readonly #ruleOperations: Readonly<Record<string, () => void>> = {
    rules: () => this.#writeRules(),
    moreRules: () => this.#writeRules(),
    noRules: () => rmSync(this.#use(join(this.#below(), '.gitignore'))),
  };

  readonly #operations: Record<string, () => void> = {
    write: () => writeFileSync(this.#place(), 'x'.repeat(this.#number(50))),
    writeOld: () => writeFileSync(this.#some(), 'y'.repeat(this.#number(50))),
    append: () => appendFileSync(this.#some(), 'z'),
    sameSize: () => writeFileSync(this.#some(), String(this.#number(10))),
    touchOldTime: () => this.#touchOldTime(this.#some()),
    chmod: () => chmodSync(this.#some(), 0o700 + this.#number(8)),
    mkdir: () => mkdirSync(this.#place(), { recursive: true }),
    mkdirDeep: () => {
      const deep = join(this.#place(), this.#name(), this.#name());
      mkdirSync(deep, { recursive: true });
      writeFileSync(join(deep, this.#name()), '1');
    },
    remove: () => rmSync(this.#some()),
    removeTree: () => rmSync(this.#some(), { recursive: true, force: true }),
    rename: () => this.#rename(this.#some(), this.#place()),
    renameOver: () => this.#rename(this.#some(), this.#some()),
    thereAndBack: () => {
      const [from, to] = [this.#some(), this.#place()];
      if (existsSync(to)) return;
      this.#rename(from, to);
      this.#rename(to, from);
      if (lstatSync(from).isDirectory()) writeFileSync(join(from, this.#name()), 'back');
    },
    moveOut: () => this.#rename(this.#some(), join(this.#outside, this.#name())),
    moveIn: () => {
      const name = readdirSync(this.#outside)[0];
      if (name !== undefined) this.#rename(join(this.#outside, name), this.#place());
    },
    copyTree: () => void spawnSync('cp', ['-r', this.#some(), this.#place()]),
    copyWithTimes: () => void spawnSync('cp', ['-p', this.#some(), this.#some()]),
    hardLink: () => {
      const file = this.#some();
      linkSync(file, this.#place());
      this.linked.add(lstatSync(file).ino);
    },
    symlink: () => symlinkSync('somewhere', this.#place()),
    editorSave: () => {
      const file = this.#some();
      writeFileSync(`${file}~tmp`, `saved ${this.#number(1000)}`);
      this.#rename(`${file}~tmp`, file);
    },
    swap: () => {
      const [one, other] = [this.#some(), this.#some()];
      this.#rename(one, `${this.#directory}/swap`);
      this.#rename(other, one);
      this.#rename(`${this.#directory}/swap`, other);
    },
    replaceByDirectory: () => {
      const file = this.#some();
      rmSync(file, { recursive: true, force: true });
      mkdirSync(join(file, this.#name()), { recursive: true });
    },
  };

  #rename(from: string, to: string): void {
    renameSync(from, to);
    this.#hooks.renamed?.(from, to);
  }

  #touchOldTime(file: string): void {
    const { atime, mtime } = lstatSync(file);
    appendFileSync(file, 'q');
    utimesSync(file, atime, mtime);
  }

  #number(below: number): number {
    return this.#random.below(below);
  }

  #writeRules(): void {
    const lines = ['a', 'b/', '/c', '!a', '!b', 'd/*', '*', 'f*', '!/a/b', '**/a/b'];
    const text = Array.from({ length: 1 + this.#number(3) }, () => lines[this.#number(lines.length)] ?? '').join('\n');
    writeFileSync(this.#use(join(this.#below(), '.gitignore')), text);
  }

  #name(): string {
    return ['a', 'b', 'c', 'd', 'é', 'e\u0301', 'f g', 'back\\slash', 'new\nline'][this.#number(9)] ?? 'a';
  }

  /** The entries of a directory. `.git` is left out, so that the operations do not destroy the repository. */
  #names(directory: string): string[] {
    return readdirSync(directory).filter((each) => each !== '.git');
  }

  /** A random directory. */
  #below(): string {
    let at = this.#directory;
    for (let depth = this.#number(4); depth > 0; depth -= 1) {
      const names = this.#names(at).filter((each) => lstatSync(join(at, each)).isDirectory());
      const next = names[this.#number(names.length + 1)];
      if (next === undefined) break;
      at = join(at, next);
    }
    return at;
  }

  /** A random existing entry. */
  #some(): string {
    const directory = this.#below();
    const names = this.#names(directory);
    return this.#use(join(directory, names[this.#number(Math.max(1, names.length))] ?? this.#name()));
  }

  #place(): string {
    return this.#use(join(this.#below(), this.#name()));
  }

  #use(path: string): string {
    this.#used.push(path);
    return path;
  }
}
