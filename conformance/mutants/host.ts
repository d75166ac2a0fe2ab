/**
 * The server that can be wrong on purpose: the independent one in Python, which knows its mutants by name. A run of the suite against it
 * is a process of its own, as a user would start it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../servers/python', import.meta.url));
/** In the package the suite is compiled, in a clone it runs as it stands. */
const SUITE = fileURLToPath(new URL(`../main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));

/** One way of being wrong, and the clause that it breaks. */
export interface Mutant {
  readonly name: string;
  readonly clause: string;
  readonly what: string;
}

/** One unusual way of being right. */
export interface Variant {
  readonly name: string;
  readonly what: string;
}

/** How a target is served: to everyone, or with credentials that decide. */
export type Door = 'open' | 'secured';

export interface Check {
  readonly id: string;
  readonly clauses: readonly string[];
  readonly level: 'must' | 'should';
  readonly verdict: string;
}

export interface Judgement {
  readonly exit: number;
  /** Empty when the suite could not begin. */
  readonly checks: readonly Check[];
  /** What the suite said where it did not come to an end. */
  readonly text: string;
}

/** So small that what happens at them can be seen within seconds. */
const LIMITS = ['heartbeatIntervalMs=1000', 'sendQueueBytes=262144', 'sessionHistoryEvents=50', 'authTimeoutMs=1500'];
/** Many tapes wait at a server that does not answer: they wait together. */
const JOBS = '16';

const TOKENS = {
  'token-of-everyone-who-may-all': { principal: 'service:suite', scopes: ['subscribe:*', 'publish:*', 'admin:read'] },
  'token-of-a-reader-of-entities': { principal: 'service:reader', scopes: ['subscribe:entity_*'] },
};

async function outputOf(
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

export async function listMutants(): Promise<readonly Mutant[]> {
  return JSON.parse((await outputOf('python3', [SERVER, '--list-mutants'])).stdout) as Mutant[];
}

export async function listVariants(): Promise<readonly Variant[]> {
  return JSON.parse((await outputOf('python3', [SERVER, '--list-benign'])).stdout) as Variant[];
}

/** Runs the whole suite against the server. Without a deviation the server is right. */
export async function judge(door: Door, deviation: readonly string[]): Promise<Judgement> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-mutant-'));
  const at = (name: string): string => join(directory, name);
  await writeFile(at('tokens.json'), JSON.stringify(TOKENS));
  const [all, reader] = Object.keys(TOKENS);
  await Promise.all([writeFile(at('all'), all ?? ''), writeFile(at('reader'), reader ?? '')]);
  const credentials = door === 'open' ? [] : ['--tokens', at('tokens.json')];
  const limits = LIMITS.flatMap((limit) => ['--limit', limit]);
  const server = spawn('python3', [SERVER, '--port', '0', '--broadcast', ...limits, ...credentials, ...deviation], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    const { url } = JSON.parse(line) as { readonly url: string };
    const known = { default: { token: { file: at('all') } }, reader: { token: { file: at('reader') } } };
    await writeFile(at('suite.json'), JSON.stringify({ url, ...(door === 'open' ? {} : { credentials: known }) }));
    const options = ['--config', at('suite.json'), '--jobs', JOBS, '--json'];
    // What a run leaves behind, such as the tape of a counterexample, goes with the directory.
    const ended = await outputOf(process.execPath, [SUITE, 'run', ...options], directory);
    return { exit: ended.exit, checks: checksOf(ended.stdout), text: ended.text };
  } finally {
    server.kill('SIGKILL');
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
