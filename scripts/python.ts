/** Names the Python that the tests use, and runs its type checker. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

/** Debian's Python. It is not looked up in PATH, because another Python there may lack the packages that `ensure-tools.ts` installs. */
export const PYTHON_PROGRAM = '/usr/bin/python3';
const MYPY = '/usr/bin/mypy';
const CACHE = resolve(import.meta.dirname, '../node_modules/.cache/mypy');

export interface TypeCheck {
  readonly cwd: string;
  /** The directories in which mypy finds modules that the checked modules import (`MYPYPATH`). */
  readonly path?: string;
}

/** Checks Python modules with `mypy --strict`. @returns what mypy printed if it found a fault, otherwise an empty string */
export async function typeFaults(modules: readonly string[], { cwd, path }: TypeCheck): Promise<string> {
  const env = path === undefined ? process.env : { ...process.env, MYPYPATH: path };
  try {
    await promisify(execFile)(MYPY, ['--strict', '--cache-dir', CACHE, ...modules], { cwd, env });
    return '';
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    return `${stdout}${stderr}` || String(error);
  }
}
