/** Compiles and runs emitted text as a user's project would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { stripTypeScriptTypes } from 'node:module';

const TSC = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));

const STRICT = [
  '--noEmit',
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noUncheckedIndexedAccess',
  '--erasableSyntaxOnly',
  '--verbatimModuleSyntax',
];
const ALONE = ['--ignoreConfig', '--target', 'es2024', '--lib', 'es2024,dom', '--types', ''];

/** The compiler settings of a project whose imports have this ending. */
const RESOLUTION = {
  '.ts': ['--module', 'nodenext', '--allowImportingTsExtensions'],
  '.js': ['--module', 'nodenext'],
} as const;

export interface CompileOptions {
  readonly cwd: string;
  readonly files: readonly string[];
  readonly importEnding?: keyof typeof RESOLUTION;
}

/** @returns the errors of `tsc --strict`; empty if there are none. */
export async function compile({ cwd, files, importEnding = '.ts' }: CompileOptions): Promise<string> {
  const { output } = await run([TSC, ...STRICT, ...ALONE, ...RESOLUTION[importEnding], ...files], { cwd });
  return output;
}

export interface Ran {
  readonly code: number | null;
  /** Both output streams, in the order of their arrival. */
  readonly output: string;
}

export async function run(argv: readonly string[], { cwd }: { readonly cwd: string }): Promise<Ran> {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** The exports of a module given as text; the module must not import anything. */
export async function load(text: string): Promise<Readonly<Record<string, unknown>>> {
  const code = encodeURIComponent(stripTypeScriptTypes(text));
  return (await import(/* @vite-ignore */ `data:text/javascript,${code}`)) as Readonly<Record<string, unknown>>;
}
