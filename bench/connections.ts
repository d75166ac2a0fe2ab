/**
 * Measures a node with many connections, which are idle and have three subscriptions each: memory per connection, cost of the heartbeats,
 * time to drain, and time to reconnect after a restart. Memory is compared with a server on `ws` that only accepts connections.
 *
 *     node bench/connections.ts [--connections 10000] [--json FILE]
 *
 * The clients are those of `tidemark-client`. After the restart, each client must receive an event through each of its three subscriptions;
 * otherwise the program exits with 1. Linux allows about 28,000 connections from one address to one port.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { createClient } from '../generated/client.ts';
import { freePort } from '../scripts/processes.ts';
import { table } from './report.ts';
import type { Figures, Request } from './connections/server.ts';

const SERVER = fileURLToPath(new URL('connections/server.ts', import.meta.url));
const { values } = parseArgs({
  options: { connections: { type: 'string', default: '10000' }, json: { type: 'string' } },
});
const count = Number(values.connections);
const HEARTBEAT_MS = 5_000;
/** How many heartbeats of each connection are measured. */
const HEARTBEATS = 4;
/** Number of connections that are opened at the same time. The gateway accepts only a limited number per second. */
const AT_A_TIME = 100;
const PATIENCE_MS = 300_000;

class ServerProcess {
  readonly #child: ChildProcess;
  #last: Promise<Figures>;

  constructor(kind: 'gateway' | 'ws', port: number) {
    this.#child = fork(SERVER, [kind, String(port), String(HEARTBEAT_MS)], { execArgv: ['--expose-gc'] });
    this.#last = this.#reply();
  }

  /** The figures that the server reported last: after its start, or after the last request. */
  figures(): Promise<Figures> {
    return this.#last;
  }

  ask(kind: Request['kind']): Promise<Figures> {
    this.#last = this.#reply();
    this.#child.send({ kind } satisfies Request);
    return this.#last;
  }

  async #reply(): Promise<Figures> {
    const [reply] = (await Promise.race([
      once(this.#child, 'message'),
      once(this.#child, 'exit').then(() => Promise.reject(new Error('The server ended.'))),
    ])) as [Figures];
    return reply;
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}

/** A client with three subscriptions. All of them match the event that is published after the restart. */
class Subscriber {
  readonly #client;
  readonly #subscriptions;
  /** The number of events that each subscription received. */
  readonly received = [0, 0, 0];
  gaps = 0;

  constructor(url: string, number: number) {
    this.#client = createClient({ url, WebSocket, openTimeoutMs: PATIENCE_MS, commandTimeoutMs: PATIENCE_MS });
    const filters = [
      { paths: ['src/common', `src/${number}`] },
      { extensions: ['.ts', '.tsx'] },
      { changeTypes: ['modify' as const] },
    ];
    this.#subscriptions = filters.map((filter, at) =>
      this.#client.subscribe({
        events: ['file_change'],
        filter,
        replay: { mode: 'none' },
        onItem: () => (this.received[at] = (this.received[at] ?? 0) + 1),
        onGap: () => (this.gaps += 1),
      }),
    );
  }

  async ready(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.ready));
  }

  get isLive(): boolean {
    return this.#client.state === 'open' && this.#subscriptions.every(({ state }) => state === 'live');
  }

  get isConnected(): boolean {
    return this.#client.state === 'open';
  }

  close(): void {
    void this.#client.close();
  }
}

/** Waits until the condition is true. @param what the condition, for the error @returns the duration of the wait, in seconds */
async function until(what: string, condition: () => boolean): Promise<number> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > PATIENCE_MS) throw new Error(`Timed out waiting until ${what}.`);
    await delay(10);
  }
  return (performance.now() - start) / 1_000;
}

interface PerConnection {
  readonly residentKib: number;
  /**
   * Resident memory without V8's young generation. The young generation has a maximum size per process, so its size does not depend on the
   * number of connections.
   */
  readonly settledKib: number;
  readonly heapKib: number;
}

function perConnection(before: Figures, after: Figures): PerConnection {
  const kib = (bytes: number): number => bytes / 1_024 / count;
  const resident = after.resident - before.resident;
  return {
    residentKib: kib(resident),
    settledKib: kib(resident - (after.young - before.young)),
    heapKib: kib(after.heap - before.heap),
  };
}

/** Measures the memory of a connection in a server on `ws` that only accepts connections. */
async function measureWs(): Promise<PerConnection> {
  const port = await freePort();
  const server = new ServerProcess('ws', port);
  const before = await server.figures();
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const opened = Array.from(
      { length: AT_A_TIME },
      () => new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false }),
    );
    await Promise.all(opened.map((socket) => once(socket, 'open')));
    sockets.push(...opened);
  }
  await delay(HEARTBEAT_MS);
  const after = await server.ask('figures');
  for (const socket of sockets) socket.terminate();
  await server.stop();
  return perConnection(before, after);
}

interface Results {
  readonly connections: number;
  readonly load: number;
  readonly ws: PerConnection;
  readonly gateway: PerConnection;
  /** Processing time of the gateway, in microseconds: for a connection with its three subscriptions, and for one heartbeat. */
  readonly connectUs: number;
  readonly heartbeatUs: number;
  readonly drainSeconds: number;
  /** The time from the start of the new gateway until every subscription is live again. */
  readonly reconnectSeconds: number;
  /** The processing time of the new gateway during `reconnectSeconds`. */
  readonly reconnectCpuSeconds: number;
  /** The number of clients that did not receive every event after the restart. */
  readonly lackingEvents: number;
}

async function measure(): Promise<Results> {
  const ws = await measureWs();
  const port = await freePort();
  const url = `ws://127.0.0.1:${port}/ws`;
  const first = new ServerProcess('gateway', port);
  const before = await first.figures();
  const subscribers: Subscriber[] = [];
  while (subscribers.length < count) {
    const opened = Array.from({ length: AT_A_TIME }, (_, n) => new Subscriber(url, subscribers.length + n));
    await Promise.all(opened.map((subscriber) => subscriber.ready()));
    subscribers.push(...opened);
    progress(`${subscribers.length} connections`);
  }
  const connected = await first.ask('figures');
  await delay(HEARTBEATS * HEARTBEAT_MS);
  const idle = await first.ask('figures');
  progress('draining');
  const [, drainSeconds] = await Promise.all([
    first.ask('close'),
    until('every client is disconnected', () => subscribers.every(({ isConnected }) => !isConnected)),
  ]);
  await first.stop();
  const second = new ServerProcess('gateway', port);
  const fresh = await second.figures();
  progress('reconnecting');
  const reconnectSeconds = await until('every subscription is live again', () =>
    subscribers.every(({ isLive }) => isLive),
  );
  const reconnected = await second.ask('figures');
  await second.ask('publish');
  const complete = ({ received }: Subscriber): boolean => received.every((events) => events === 1);
  await until('every subscription has received the event', () => subscribers.every(complete)).catch(() => undefined);
  for (const subscriber of subscribers) subscriber.close();
  await second.stop();
  return {
    connections: count,
    load: loadavg()[0] ?? Number.NaN,
    ws,
    gateway: perConnection(before, idle),
    connectUs: (connected.cpuUs - before.cpuUs) / count,
    heartbeatUs: (idle.cpuUs - connected.cpuUs) / count / HEARTBEATS,
    drainSeconds,
    reconnectSeconds,
    reconnectCpuSeconds: (reconnected.cpuUs - fresh.cpuUs) / 1e6,
    lackingEvents: subscribers.filter((subscriber) => !complete(subscriber)).length,
  };
}

function progress(text: string): void {
  process.stderr.write(`\r\u001B[K${text} `);
}

const results = await measure();
progress('');
const { ws, gateway } = results;
console.log(`Node ${process.version}, ${cpus().length} cores, load ${results.load.toFixed(1)}, ${count} connections`);
const kib = (figure: number): string => `${figure.toFixed(1)} KiB`;
console.log(
  table(
    ['what', 'gateway, three subscriptions', '`ws` alone'],
    [
      ['resident memory per idle connection', kib(gateway.residentKib), kib(ws.residentKib)],
      ['the same without V8’s young generation', kib(gateway.settledKib), kib(ws.settledKib)],
      ['live heap per idle connection', kib(gateway.heapKib), kib(ws.heapKib)],
      ['processing time per connection with its subscriptions', `${results.connectUs.toFixed(0)} µs`, ''],
      ['processing time per heartbeat', `${results.heartbeatUs.toFixed(1)} µs`, ''],
      ['time to drain', `${results.drainSeconds.toFixed(1)} s`, ''],
      ['time until all subscriptions are live after a restart', `${results.reconnectSeconds.toFixed(1)} s`, ''],
      ['processing time of the gateway until then', `${results.reconnectCpuSeconds.toFixed(1)} s`, ''],
      ['clients that did not receive every event afterwards', String(results.lackingEvents), ''],
    ],
  ),
);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
process.exit(results.lackingEvents > 0 ? 1 : 0);
