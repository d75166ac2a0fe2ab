/**
 * Two gateways on one Redis behind a load balancer. They are restarted one after the other while clients are connected and events are
 * published.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { resolveOptions } from '../options.ts';
import type { Limits } from '../options.ts';
import { Balancer } from './balancer.ts';
import { freePort } from './free-port.ts';
import { ReaderFleet } from './reader-fleet.ts';
import type { ReaderReport } from './reader.ts';

export interface RollingRestartOptions {
  readonly redisUrl: string;
  readonly clients: number;
  readonly limits: Partial<Limits>;
  /** Milliseconds between two published events. */
  readonly everyMs: number;
}

export interface RollingRestartResult {
  readonly published: number;
  readonly reports: readonly ReaderReport[];
  /** The largest number of connections that the load balancer received within any second after the first restart began. */
  readonly peakArrivalsPerSecond: number;
  /** Number of all connections, including the initial ones. */
  readonly arrivals: number;
  /** Number of connections that no gateway accepted. */
  readonly failedAttempts: number;
  /** How long each drain took, in milliseconds. */
  readonly drainMs: readonly number[];
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await delay(10);
  }
}

class Nodes {
  readonly ports: readonly number[];
  readonly running: (Gateway | undefined)[] = [];
  readonly #options: RollingRestartOptions;

  constructor(options: RollingRestartOptions, ports: readonly number[]) {
    this.#options = options;
    this.ports = ports;
  }

  async start(at: number): Promise<void> {
    const { redisUrl, limits } = this.#options;
    const resolved = resolveOptions({ limits });
    const broker = new RedisBroker({ url: redisUrl, limits: resolved.limits, events: resolved.events });
    const gateway = createGateway({ nodeId: `node-${at}`, limits, broker });
    await gateway.listen({ port: this.ports[at] ?? 0 });
    this.running[at] = gateway;
  }

  /** Drains a node. @returns the duration in milliseconds */
  async stop(at: number): Promise<number> {
    const gateway = this.running[at];
    if (gateway === undefined) return 0;
    this.running[at] = undefined;
    const start = performance.now();
    await gateway.close();
    return performance.now() - start;
  }

  get alive(): Gateway {
    const alive = this.running.find((each) => each !== undefined);
    if (alive === undefined) throw new Error('no running node to publish on');
    return alive;
  }
}

function peakPerSecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((each) => each >= from && each < from + 1000).length));
}

export async function rollingRestart(options: RollingRestartOptions): Promise<RollingRestartResult> {
  const nodes = new Nodes(options, [await freePort(), await freePort()]);
  await Promise.all([nodes.start(0), nodes.start(1)]);
  const balancer = await Balancer.before(
    nodes.ports.map((port) => `http://127.0.0.1:${port}`),
    { probeMs: 20 },
  );
  const fleet = await ReaderFleet.start();
  let published = 0;
  const stop = new AbortController();
  const publishing = (async () => {
    while (!stop.signal.aborted) {
      await nodes.alive.publish('tick', { n: published });
      published += 1;
      await delay(options.everyMs);
    }
  })();
  try {
    return await run();
  } finally {
    stop.abort();
    await publishing;
    await fleet.end();
    await balancer.close();
    await Promise.all(nodes.running.map(async (each) => each?.close({ drainMs: 0 })));
  }

  async function run(): Promise<RollingRestartResult> {
    const readers = Array.from({ length: options.clients }, () => ({
      kind: 'sdk' as const,
      id: 'r',
      streams: ['main'],
    }));
    await fleet.open(balancer.url, readers);
    const restartedAt = performance.now();
    const drainMs: number[] = [];
    for (const at of [0, 1]) {
      drainMs.push(await nodes.stop(at));
      await nodes.start(at);
      await until(async () => {
        const open = nodes.running.reduce((sum, each) => sum + (each?.health().connections ?? 0), 0);
        return open === options.clients;
      }, 'all clients to reconnect');
    }
    stop.abort();
    await publishing;
    await until(async () => (await fleet.reports()).every((each) => each.last['main'] === published), 'the last event');
    const reports = await fleet.reports();
    return {
      published,
      reports,
      peakArrivalsPerSecond: peakPerSecond(balancer.arrivals.filter((each) => each >= restartedAt)),
      arrivals: balancer.arrivals.length,
      failedAttempts: balancer.arrivals.length - reports.reduce((sum, each) => sum + each.connections, 0),
      drainMs,
    };
  }
}
