/** The server that can be wrong on purpose: the independent one in Python, which knows its mutants by name. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../trace/json.ts';
import { outputOf } from './suite.ts';

const SERVER = fileURLToPath(new URL('../servers/python', import.meta.url));

/** One way of being wrong, and the clause that it breaks. */
export interface Mutant {
  readonly name: string;
  readonly clause: string;
  readonly what: string;
}

/** How a target is served. */
export type Door = 'open' | 'secured' | 'mute';

const BEHIND: Readonly<Record<Door, string>> = {
  open: 'served to everyone',
  secured: 'served to those whose credentials allow it',
  mute: 'served to everyone, but without the broadcast command',
};

/** What is not seen at one is looked for at the next. */
export const DOORS: readonly Door[] = ['open', 'secured', 'mute'];

/** A server that is right, and has to pass: as it is, or in an unusual way. */
export interface Variant {
  readonly name: string;
  readonly what: string;
  readonly door: Door;
  readonly deviation: readonly string[];
}

/** A server that runs. */
export interface Served {
  /** What the suite has to know of it. */
  readonly config: JsonObject;
  readonly stop: () => Promise<void>;
}

/** So small that what happens at them can be seen within seconds. */
const LIMITS = [
  'heartbeatIntervalMs=1000',
  'sendQueueBytes=262144',
  'sessionHistoryEvents=50',
  'authTimeoutMs=1500',
  'payloadBytes=32768',
];

const LASTING = {
  'token-of-everyone-who-may-all': { principal: 'service:suite', scopes: ['subscribe:*', 'publish:*', 'admin:read'] },
  'token-of-a-reader-of-entities': { principal: 'service:reader', scopes: ['subscribe:entity_*'] },
  'token-of-one-session': { principal: 'service:confined', scopes: ['subscribe:entity_*@session:confined'] },
  'token-of-a-short-life': { principal: 'service:short', scopes: ['subscribe:*'], lifetimeMs: 3000 },
};
const REVOCABLE = { 'token-that-is-revoked': { principal: 'key:suite', scopes: ['subscribe:*'] } };

export async function listMutants(): Promise<readonly Mutant[]> {
  return JSON.parse((await outputOf('python3', [SERVER, '--list-mutants'])).stdout) as Mutant[];
}

/** First of all the server itself behind every door: where that fails, what a mutant is caught with there proves nothing. */
export async function listVariants(): Promise<readonly Variant[]> {
  const itself = DOORS.map((door): Variant => ({ name: `itself-${door}`, what: BEHIND[door], door, deviation: [] }));
  const { stdout } = await outputOf('python3', [SERVER, '--list-benign']);
  const unusual = JSON.parse(stdout) as readonly Pick<Variant, 'name' | 'what'>[];
  return [
    ...itself,
    ...unusual.map((each): Variant => ({ ...each, door: 'open', deviation: ['--benign', each.name] })),
  ];
}

interface Files {
  readonly all: string;
  /** What is left of them after the revocation. */
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

/** Without a deviation the server is right. */
export async function serve(deviation: readonly string[], door: Door): Promise<Served> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-mutant-'));
  const { all, rest, credentials } = await writeTokens(directory);
  const limits = LIMITS.flatMap((limit) => ['--limit', limit]);
  const options = [
    ...(door === 'mute' ? [] : ['--broadcast']),
    ...(door === 'secured' ? ['--tokens', all] : []),
    ...limits,
    ...deviation,
  ];
  const server = spawn('python3', [SERVER, '--port', '0', ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
  const { url } = JSON.parse(line) as { readonly url: string };
  const pid = String(server.pid);
  const control = { shutdown: ['kill', '-TERM', pid], overflow: ['kill', '-USR2', pid] };
  const revoke = ['sh', '-c', `cp '${rest}' '${all}' && kill -HUP ${pid}`];
  return {
    config: door === 'secured' ? { url, credentials, control: { ...control, revoke } } : { url, control },
    stop: async () => {
      server.kill('SIGKILL');
      await rm(directory, { recursive: true });
    },
  };
}
