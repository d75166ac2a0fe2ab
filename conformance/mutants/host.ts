/** Runs the independent Python server: unchanged, as one of its mutants, or as one of its benign variants. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../trace/json.ts';
import { outputOf } from './suite.ts';

const SERVER = fileURLToPath(new URL('../servers/python', import.meta.url));

/** A server that is wrong in one way, and the clause that it breaks. */
export interface Mutant {
  readonly name: string;
  readonly clause: string;
  readonly what: string;
}

/** How a server is configured. */
export type Setup = 'open' | 'secured' | 'mute';

const SETUP_TEXTS: Readonly<Record<Setup, string>> = {
  open: 'no credentials required',
  secured: 'credentials required',
  mute: 'no credentials required, broadcast command off',
};

/** The set-ups in which a mutant is tested, in this order. */
export const SETUPS: readonly Setup[] = ['open', 'secured', 'mute'];

/** A correct server, unchanged or unusual. The suite must pass it. */
export interface Variant {
  readonly name: string;
  readonly what: string;
  readonly setup: Setup;
  readonly deviation: readonly string[];
}

/** A running server. */
export interface Served {
  /** The suite's configuration for the server. */
  readonly config: JsonObject;
  readonly stop: () => Promise<void>;
}

/** Small limits, which a run reaches within seconds. */
const LIMITS = [
  'heartbeatIntervalMs=1000',
  'sendQueueBytes=262144',
  'sessionHistoryEvents=50',
  'authTimeoutMs=1500',
  'payloadBytes=32768',
  'sessionTtlMs=5000',
];

const LASTING = {
  'token-of-everyone-who-may-all': {
    principal: 'service:suite',
    scopes: ['subscribe:*', 'publish:*', 'admin:read', 'admin:write'],
  },
  'token-of-a-reader-of-entities': { principal: 'service:reader', scopes: ['subscribe:entity_*'] },
  'token-of-one-session': { principal: 'service:confined', scopes: ['subscribe:entity_*@session:confined'] },
  'token-of-a-short-life': { principal: 'service:short', scopes: ['subscribe:*'], lifetimeMs: 3000 },
};
const REVOCABLE = { 'token-that-is-revoked': { principal: 'key:suite', scopes: ['subscribe:*'] } };

export async function listMutants(): Promise<readonly Mutant[]> {
  return JSON.parse((await outputOf('python3', [SERVER, '--list-mutants'])).stdout) as Mutant[];
}

/**
 * Lists the correct servers. The unchanged server comes first, in every set-up: if it fails in a set-up, a mutant that
 * fails in that set-up proves nothing.
 */
export async function listVariants(): Promise<readonly Variant[]> {
  const itself = SETUPS.map((setup): Variant => ({
    name: `itself-${setup}`,
    what: SETUP_TEXTS[setup],
    setup,
    deviation: [],
  }));
  const { stdout } = await outputOf('python3', [SERVER, '--list-benign']);
  const unusual = JSON.parse(stdout) as readonly Pick<Variant, 'name' | 'what'>[];
  return [
    ...itself,
    ...unusual.map((each): Variant => ({ ...each, setup: 'open', deviation: ['--benign', each.name] })),
  ];
}

interface Files {
  readonly all: string;
  /** The tokens that remain valid after the revocation. */
  readonly rest: string;
  readonly credentials: JsonObject;
}

async function writeTokens(directory: string): Promise<Files> {
  const at = (name: string): string => join(directory, name);
  await writeFile(at('tokens.json'), JSON.stringify({ ...LASTING, ...REVOCABLE }));
  await writeFile(at('rest.json'), JSON.stringify(LASTING));
  const [all, reader, confined, expiring] = Object.keys(LASTING);
  const [revocable] = Object.keys(REVOCABLE);
  const named = Object.entries({ default: all, reader, confined, expiring, revocable });
  await Promise.all(named.map(([name, token]) => writeFile(at(name), token ?? '')));
  const credentials = Object.fromEntries(named.map(([name]) => [name, { token: { file: at(name) } }]));
  return { all: at('tokens.json'), rest: at('rest.json'), credentials };
}

/** The address that a server prints at its start. Rejects if the server cannot be started, or ends before. */
async function addressOf(server: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  const ended = new Promise<never>((_resolve, reject) => {
    server.once('error', reject);
    server.once('close', (code) => reject(new Error(`The Python server ended at its start, with exit code ${code}.`)));
  });
  const line = once(createInterface({ input: server.stdout }), 'line') as Promise<[string]>;
  const [text] = await Promise.race([line, ended]);
  return (JSON.parse(text) as { readonly url: string }).url;
}

/** Starts the server; without a deviation it is correct. */
export async function serve(deviation: readonly string[], setup: Setup): Promise<Served> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-mutant-'));
  const { all, rest, credentials } = await writeTokens(directory);
  const limits = LIMITS.flatMap((limit) => ['--limit', limit]);
  const options = [
    ...(setup === 'mute' ? [] : ['--broadcast']),
    ...(setup === 'secured' ? ['--tokens', all] : []),
    ...limits,
    ...deviation,
  ];
  const server = spawn('python3', [SERVER, '--port', '0', ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    await rm(directory, { recursive: true });
  };
  try {
    const url = await addressOf(server);
    const pid = String(server.pid);
    const control = {
      shutdown: ['kill', '-TERM', pid],
      overflow: ['kill', '-USR2', pid],
      renew: ['kill', '-USR1', pid],
    };
    const revoke = ['sh', '-c', `cp '${rest}' '${all}' && kill -HUP ${pid}`];
    const config = setup === 'secured' ? { url, credentials, control: { ...control, revoke } } : { url, control };
    return { config, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
