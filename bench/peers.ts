/** The servers that the benchmarks compare. Each of them runs in its own process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../scripts/processes.ts';
import { compile } from './load/client.ts';
import type { Server } from './load/client.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** The size of an event frame of the other servers, in bytes. Frames of the gateway have about this size in these scenarios. */
const FRAME_BYTES = 330;

export interface Peer {
  readonly name: string;
  readonly what: string;
  readonly command: (ports: { readonly port: number; readonly controlPort: number }) => readonly [string, ...string[]];
  readonly path: string;
  /** The frame that each connection sends first. @param epoch the epoch, which the server prints after `ready` */
  readonly hello: (epoch: string) => string;
}

function subscribe(replay: object): string {
  const data = { subscriptionId: 'ready', events: ['bench.tick'], replay };
  return JSON.stringify({ type: 'subscribe', id: '1', data });
}

/**
 * @param options.other the directory of another checkout whose gateway is compared as well, if any
 * @param options.prefill number of events of history
 */
export function peersOf(options: { readonly other: string | undefined; readonly prefill: number }): readonly Peer[] {
  const { other, prefill } = options;
  const loop = compile('write-loop');
  const hello = (epoch: string): string =>
    subscribe(prefill > 0 ? { mode: 'resume', after: { epoch, sequenceId: 0 } } : { mode: 'none' });
  const gateway = (name: string, what: string, checkout: string): Peer => ({
    name,
    what,
    command: ({ port, controlPort }) => [
      process.execPath,
      `${HERE}servers/gateway.ts`,
      ...[port, controlPort, checkout, prefill].map(String),
    ],
    path: '/ws',
    hello,
  });
  const peers: Peer[] = [
    {
      name: 'frames',
      what: '`ws`: builds each frame once, writes once per socket and turn of the event loop; no filters, no history',
      command: ({ port, controlPort }) => [
        process.execPath,
        `${HERE}servers/frames.ts`,
        ...[port, controlPort, FRAME_BYTES, prefill].map(String),
      ],
      path: '/',
      hello: () => (prefill > 0 ? 'replay' : ''),
    },
    gateway('gateway', 'this gateway', `${HERE}..`),
  ];
  if (loop !== undefined && prefill === 0)
    peers.unshift({
      name: 'write-loop',
      what: 'C, nothing but `write()`',
      command: ({ port, controlPort }) => [loop, ...[port, controlPort, FRAME_BYTES].map(String)],
      path: '/',
      hello: () => '',
    });
  const library = prefill === 0 ? compile('send-loop', 'library') : undefined;
  if (library !== undefined)
    peers.push({
      name: 'native',
      what: 'like `frames`, but one call of a C function writes to all sockets',
      command: ({ port, controlPort }) => [
        process.execPath,
        `${HERE}servers/native.ts`,
        ...[port, controlPort, FRAME_BYTES].map(String),
        library,
      ],
      path: '/',
      hello: () => '',
    });
  if (other !== undefined) peers.push(gateway('other', `the gateway of ${other}`, other));
  return peers;
}

/**
 * A server that delivers the messages published in Redis: a gateway, or a program that uses only `ws` and `ioredis`.
 */
export function redisPeer(name: string, redisUrl: string): Peer {
  const isGateway = name === 'gateway';
  return {
    name,
    what: isGateway ? 'this gateway' : 'sends each message of Redis to each socket',
    command: ({ port, controlPort }) => [
      process.execPath,
      `${HERE}servers/${isGateway ? 'gateway' : 'redis-frames'}.ts`,
      ...(isGateway ? [port, controlPort, `${HERE}..`, 0, `${redisUrl}?prefix=latency`] : [port, redisUrl]).map(String),
    ],
    path: isGateway ? '/ws' : '/',
    hello: () => (isGateway ? subscribe({ mode: 'none' }) : ''),
  };
}

/** Servers that accept events over HTTP. */
export function httpPeersOf(other: string | undefined): readonly Peer[] {
  const peer = (name: string, what: string, program: string, rest: readonly string[]): Peer => ({
    name,
    what,
    command: ({ port, controlPort }) => [
      process.execPath,
      `${HERE}servers/${program}.ts`,
      `${port}`,
      `${controlPort}`,
      ...rest,
    ],
    path: '/ws/broadcast',
    hello: () => '',
  });
  return [
    peer('node', '`node:http` alone', 'http', []),
    peer('gateway', 'this gateway', 'gateway', [`${HERE}..`]),
    ...(other === undefined ? [] : [peer('other', `the gateway of ${other}`, 'gateway', [other])]),
  ];
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) return '';
  for await (const line of createInterface({ input: stdout })) return line;
  return '';
}

const START_MS = 30_000;

export class RunningPeer {
  readonly peer: Peer;
  readonly server: Server;
  readonly #process: ChildProcess;

  private constructor(peer: Peer, server: Server, child: ChildProcess) {
    this.peer = peer;
    this.server = server;
    this.#process = child;
  }

  static async start(peer: Peer): Promise<RunningPeer> {
    const ports = { port: await freePort(), controlPort: await freePort() };
    const [program, ...args] = peer.command(ports);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ready = await Promise.race([firstLine(child), once(child, 'exit'), delay(START_MS)]);
    if (typeof ready !== 'string') {
      child.kill('SIGKILL');
      throw new Error(`${peer.name} did not start.`);
    }
    const hello = peer.hello(ready.split(' ')[1] ?? '');
    return new RunningPeer(peer, { ...ports, pid: child.pid ?? 0, path: peer.path, hello }, child);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}
