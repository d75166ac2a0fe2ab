/** Processes that tests start: the suite itself, and gateways to run it against. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Tests run the suite in its own process, so that the suite and the gateway communicate only over a socket. */
const SUITE = path('../command/main.ts');
const TIDEMARK = path('../../bin/tidemark.js');
const SERVE = path('../../src/testing/serve-gateway.ts');
const PYTHON = path('../servers/python');

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program until it exits, and collects what it prints. */
export async function finish(program: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

/** Runs the suite until it exits. */
export function suite(...args: readonly string[]): Promise<Ended> {
  return finish(process.execPath, [SUITE, ...args]);
}

export function tidemark(...args: readonly string[]): Promise<Ended> {
  return finish(process.execPath, [TIDEMARK, ...args]);
}

export interface Served {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Maximum number of characters of a server's error output that a failed start shows. */
const ERRORS_SHOWN = 2_000;

async function serve(file: string, args: readonly string[], program = process.execPath): Promise<Served> {
  const child = spawn(program, [file, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors = `${errors}${chunk}`.slice(-ERRORS_SHOWN)));
  // `close` comes after the last line of output.
  const ended = once(child, 'close').then(() => Promise.reject(new Error(`${file} ended at its start: ${errors}`)));
  const started = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
  const [line] = await Promise.race([started, ended]);
  const { url, pid } = JSON.parse(line) as { readonly url: string; readonly pid: number };
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return { url, pid, stop };
}

/** Small limits, which tests reach within seconds. */
const SMALL_LIMITS = {
  heartbeatIntervalMs: 1000,
  sendQueueBytes: 262_144,
  sessionHistoryEvents: 50,
  sessionTtlMs: 5000,
} as const;

/** A gateway without credentials. */
export function serveOpen(options: { readonly broadcast?: 'on' | 'off' } = {}): Promise<Served> {
  return serve(SERVE, [JSON.stringify({ limits: SMALL_LIMITS, broadcast: 'on', ...options })]);
}

/**
 * A gateway that serves a team's own events. @param contract path of an own-events document, or of the directory that
 * `tidemark contract build` wrote
 */
export function serveContract(contract: string): Promise<Served> {
  const file = join(mkdtempSync(join(tmpdir(), 'conformance-')), 'tidemark.yaml');
  writeFileSync(file, JSON.stringify({ port: 0, broadcast: 'on', contract, limits: SMALL_LIMITS }));
  return serve(TIDEMARK, ['serve', '--config', file, '--json']);
}

/** A gateway that watches a directory, with broadcast on. Its limits have their defaults, except for those that are given. */
export function serveWatching(directory: string, limits: Readonly<Record<string, number>> = {}): Promise<Served> {
  const file = join(mkdtempSync(join(tmpdir(), 'conformance-')), 'tidemark.yaml');
  writeFileSync(file, JSON.stringify({ port: 0, broadcast: 'on', limits }));
  return serve(TIDEMARK, ['serve', '--config', file, '--watch', directory, '--json']);
}

/** The independent Python server. With `--mutant` it is wrong on purpose. */
export function servePython(...options: readonly string[]): Promise<Served> {
  return serve(PYTHON, ['--port', '0', '--broadcast', ...options], 'python3');
}

export interface Secured extends Served {
  /** Path of a suite configuration that meets the needs of all tapes. */
  readonly config: string;
}

/** A gateway that requires credentials, and the suite's configuration for it. */
export async function serveSecured(): Promise<Secured> {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  const at = (name: string): string => join(directory, name);
  const secret = at('secret');
  writeFileSync(secret, 'a secret of forty-eight characters for the tests');
  const issuer = { issuer: 'suite', audience: 'tidemark', kind: 'service', algorithms: ['HS256'], secretFile: secret };
  const auth = { issuers: [issuer], apiKeysFile: at('keys.json') };
  const limits = { ...SMALL_LIMITS, authTimeoutMs: 1500 };
  writeFileSync(at('tidemark.yaml'), JSON.stringify({ host: '127.0.0.1', port: 0, broadcast: 'on', limits, auth }));

  const token = (subject: string, scopes: readonly string[], ...more: readonly string[]): readonly string[] => [
    ...['token', 'create', '--issuer', 'suite', '--subject', subject, '--secret-file', secret],
    ...scopes.flatMap((scope) => ['--scope', scope]),
    ...more,
  ];
  const [all, reader, confined, key] = await Promise.all([
    tidemark(...token('all', ['subscribe:*', 'publish:*', 'admin:read', 'admin:write'])),
    tidemark(...token('reader', ['subscribe:entity_*'])),
    tidemark(...token('confined', ['subscribe:entity_*@session:confined'])),
    tidemark('key', 'create', 'suite', '--file', at('keys.json'), '--scope', 'subscribe:*', '--json'),
  ]);
  const { key: apiKey, id } = JSON.parse(key.stdout) as { readonly key: string; readonly id: string };
  writeFileSync(at('all'), all.stdout);
  writeFileSync(at('reader'), reader.stdout);
  writeFileSync(at('confined'), confined.stdout);
  writeFileSync(at('revocable'), apiKey);

  mkdirSync(at('watched'));
  const served = await serve(TIDEMARK, ['serve', '--config', at('tidemark.yaml'), '--watch', at('watched'), '--json']);
  const expiring = [process.execPath, TIDEMARK, ...token('short', ['subscribe:*'], '--expires', '3s')];
  const config = {
    url: served.url,
    claims: ['auth'],
    credentials: {
      default: { token: { file: at('all') } },
      reader: { token: { file: at('reader') } },
      confined: { token: { file: at('confined') } },
      expiring: { token: { command: expiring } },
      revocable: { apiKey: { file: at('revocable') } },
    },
    control: {
      // Replaces the watched directory, so that the gateway cannot know which changes it missed.
      overflow: ['sh', '-c', `cd '${directory}' && mkdir next && mv -T watched before.$$ && mv -T next watched`],
      revoke: [process.execPath, TIDEMARK, 'key', 'revoke', id, '--file', at('keys.json')],
      shutdown: ['kill', '-TERM', String(served.pid)],
    },
  };
  writeFileSync(at('conformance.json'), JSON.stringify(config));
  return { ...served, config: at('conformance.json') };
}
