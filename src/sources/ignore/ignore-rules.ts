/** Which files a watched directory does not speak of: fixed names, and every `.gitignore` on the way down. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ignore from 'ignore';
import type { Ignore } from 'ignore';

/** Never watched: they change by the thousand, and nobody edits them. */
export const ALWAYS_IGNORED: readonly string[] = ['node_modules', '.git'];

export const IGNORE_FILE = '.gitignore';

export class IgnoreRules {
  readonly #directory: string;
  /** By the directory that the file stands in; `''` is the root. */
  readonly #rules = new Map<string, Ignore>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads the ignore file of a directory, if it has one. The path is relative to the root. */
  async load(path: string): Promise<void> {
    try {
      const text = await readFile(join(this.#directory, path, IGNORE_FILE), 'utf8');
      this.#rules.set(path, ignore({ allowRelativePaths: false }).add(text));
    } catch {
      // No such file, or none that can be read: no rules.
      this.#rules.delete(path);
    }
  }

  /** Whether a file or directory, or one that it lies in, is ignored. */
  ignores(path: string, kind: 'file' | 'directory'): boolean {
    const segments = path.split('/');
    if (segments.some((each) => ALWAYS_IGNORED.includes(each))) return true;
    for (let depth = 1; depth <= segments.length; depth += 1) {
      const part = segments.slice(0, depth);
      if (this.#ignoresOne(part, depth < segments.length ? 'directory' : kind)) return true;
    }
    return false;
  }

  /** Git's order: rules further down overrule those above. */
  #ignoresOne(segments: readonly string[], kind: 'file' | 'directory'): boolean {
    for (let depth = segments.length - 1; depth >= 0; depth -= 1) {
      const rules = this.#rules.get(segments.slice(0, depth).join('/'));
      if (rules === undefined) continue;
      const rest = segments.slice(depth).join('/');
      const verdict = rules.test(kind === 'directory' ? `${rest}/` : rest);
      if (verdict.ignored) return true;
      if (verdict.unignored) return false;
    }
    return false;
  }
}
