/** Runs the suite in a separate process, as a user would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TRACE_CHECKS } from '../invariants/checks.ts';
import { EXCHANGES } from '../exchanges/check.ts';
import type { JsonObject } from '../trace/json.ts';
import { suiteTapes } from '../tape/library.ts';

/** In the package the suite is compiled; in a clone Node runs the sources. */
const SUITE = fileURLToPath(
  new URL(`../command/main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
);
/** How many tapes run at once: many, so that their time-outs overlap if a server does not answer. */
const JOBS = '16';
/** A fixed seed, so that runs can be repeated. */
const SEED = '1';

export interface Check {
  readonly id: string;
  readonly clauses: readonly string[];
  readonly level: 'must' | 'should';
  readonly verdict: string;
}

export interface Judgement {
  readonly exit: number;
  /** Empty when the suite could not start. */
  readonly checks: readonly Check[];
  /** The error text of the suite when it did not finish. */
  readonly text: string;
}

export async function outputOf(
  program: string,
  args: readonly string[],
  cwd = '.',
): Promise<{ stdout: string; text: string; exit: number }> {
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { stdout, text: stderr.trim(), exit: code ?? 1 };
}

/** Every check of the suite, with its clauses. */
export function checksOfSuite(): readonly Pick<Check, 'id' | 'clauses'>[] {
  const tapes = suiteTapes().map(({ header: { id, clauses } }) => ({ id, clauses }));
  return [...tapes, EXCHANGES, ...TRACE_CHECKS].map(({ id, clauses }) => ({ id, clauses }));
}

/** The checks of a clause, as a value for `--only`. */
export function checksOfClause(clause: string): string {
  return checksOfSuite()
    .filter(({ clauses }) => clauses.includes(clause))
    .map(({ id }) => id)
    .join(',');
}

/** Runs the suite, or some of its checks, against a target. */
export async function judge(config: JsonObject, only?: string): Promise<Judgement> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-suite-'));
  try {
    const file = join(directory, 'suite.json');
    await writeFile(file, JSON.stringify(config));
    const some = only === undefined ? [] : ['--only', only];
    const options = ['--config', file, '--jobs', JOBS, '--seed', SEED, '--json', '--keep-going', ...some];
    const { exit, stdout, text } = await outputOf(process.execPath, [SUITE, 'run', ...options], directory);
    return { exit, checks: checksOf(stdout), text: text.split('\n').at(-1) ?? '' };
  } finally {
    // Files that the run wrote, such as a counterexample, are deleted with the directory.
    await rm(directory, { recursive: true });
  }
}

function checksOf(report: string): readonly Check[] {
  try {
    return (JSON.parse(report) as { readonly checks: readonly Check[] }).checks;
  } catch {
    return [];
  }
}
