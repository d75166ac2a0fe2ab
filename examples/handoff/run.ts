/**
 * Runs a handoff: one Redis, two gateways, and an agent at each. Starts everything on free ports, and stops it at the end.
 *
 *     node examples/handoff/run.ts [--redis redis://127.0.0.1:6379]
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { redis: { type: 'string' } } });
const started: ChildProcess[] = [];
try {
  const redis = values.redis ?? (await startRedis());
  const [north, south] = [await startGateway('north', redis), await startGateway('south', redis)];
  const id = `demo-${process.pid}`;
  const starter = startAgent('starter', north, id);
  // The second agent starts when half of the work is done. It still receives every event of the session.
  await printed(starter, 'handed over');
  const finisher = startAgent('finisher', south, id);
  await Promise.all([starter, finisher].map(succeeded));
} finally {
  for (const child of started) child.kill();
}

async function startRedis(): Promise<string> {
  const port = await freePort();
  const child = start('redis', 'redis-server', ['--port', String(port), '--save', '', '--loglevel', 'notice']);
  await printed(child, 'Ready to accept connections').catch((cause: unknown) => {
    throw new Error(
      'redis-server did not start. Install it (Debian: apt-get install redis-server), or pass --redis URL.',
      {
        cause,
      },
    );
  });
  return `redis://127.0.0.1:${port}`;
}

/** Resolves to the address of the gateway when it is ready. */
async function startGateway(name: string, redis: string): Promise<string> {
  const tidemark = fileURLToPath(new URL('../../bin/tidemark.js', import.meta.url));
  const options = ['--redis', redis, '--node-id', name, '--port', '0', '--broadcast', 'on', '--json'];
  const line = await printed(start(name, process.execPath, [tidemark, 'serve', ...options]), '"url"');
  const { url } = JSON.parse(line) as { readonly url: string };
  console.log(`${name.padEnd(8)} | serves ${url}`);
  return url;
}

function startAgent(name: 'starter' | 'finisher', url: string, sessionId: string): ChildProcess {
  const [clone, agent] = ['../clone.ts', `${name}.ts`].map((path) => new URL(path, import.meta.url));
  const child = start(name, process.execPath, [
    '--import',
    String(clone),
    fileURLToPath(String(agent)),
    url,
    sessionId,
  ]);
  lines(child, (line) => console.log(`${name.padEnd(8)} | ${line}`));
  return child;
}

function start(name: string, command: string, parameters: readonly string[]): ChildProcess {
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.on('error', () => undefined);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.on('exit', (code) => {
    if (code !== null && code > 0) console.error(`${name} failed:\n${output}`);
  });
  started.push(child);
  return child;
}

function lines({ stdout }: ChildProcess, onLine: (line: string) => void): void {
  if (stdout !== null) createInterface({ input: stdout }).on('line', onLine);
}

/** Resolves to the first line of a program's output that contains a text. */
function printed(child: ChildProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    lines(child, (line) => line.includes(text) && resolve(line));
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`The program exited before it printed "${text}".`)));
  });
}

async function succeeded(child: ChildProcess): Promise<void> {
  const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number | null]) : [child.exitCode];
  if (code !== 0) throw new Error('An agent failed.');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
