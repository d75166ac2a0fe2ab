/**
 * Two agents take 200 tasks through two gateways on one real Redis, while an agent, a gateway and Redis are killed at random and started
 * again. Redis keeps every acknowledged write. The test checks the log that is left, and what the agents printed.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { HandoffLog } from '../agents/handoff-log.ts';
import { offerWork } from '../agents/handoff.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner } from '../testing/cli-process.ts';
import type { CliProcess } from '../testing/cli-process.ts';
import { freePort } from '../testing/free-port.ts';
import type { AgentStep } from '../testing/handoff-agent-program.ts';
import { clientOf } from '../testing/rig.ts';

const TASKS = 200;
const LEASE_MS = 5_000;
const SESSION = 'kills';
/** Longer than the lease of a node, after which the other nodes give the node up. */
const GIVEN_UP_MS = 30_000;
const PATIENCE = { timeout: 90_000, interval: 50 };
const PROGRAM = join(import.meta.dirname, '../testing/handoff-agent-program.ts');

let home: string;
let cli: CliRunner;
let redis: RedisProcess;
const agents: ChildProcess[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-kills-'));
  cli = new CliRunner(home);
  redis = await RedisProcess.start({ settings: { appendonly: 'yes', appendfsync: 'always' } });
});
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.kill('SIGKILL');
  await cli.close();
});
afterAll(async () => {
  await redis.stop();
  await rm(home, { recursive: true });
});

/** A process that is killed and started again. */
interface Victim {
  readonly name: 'agent' | 'gateway' | 'redis';
  kill(): Promise<void> | void;
  start(): Promise<void> | void;
  /** Resolves once the process works again. */
  recovered(): Promise<void> | void;
}

class Gateway implements Victim {
  readonly name = 'gateway';
  readonly url: string;
  readonly #argv: readonly string[];
  #cli: CliProcess | undefined;

  constructor(nodeId: string, port: number) {
    this.url = `ws://127.0.0.1:${port}/ws`;
    const options = ['--redis', redis.url, '--node-id', nodeId, '--port', String(port)];
    this.#argv = ['serve', ...options, '--broadcast', 'on', '--json'];
  }

  start(): void {
    this.#cli = cli.start(this.#argv);
  }

  /** Resolves once the gateway listens and is connected to Redis. */
  async recovered(): Promise<void> {
    const health = this.url.replace('ws:', 'http:').replace(/ws$/, 'readyz');
    await vi.waitUntil(async () => (await fetch(health).catch(() => undefined))?.status === 200, PATIENCE);
  }

  kill(): void {
    this.#cli?.process.kill('SIGKILL');
  }
}

class Agent implements Victim {
  readonly name = 'agent';
  readonly steps: AgentStep[] = [];
  readonly #options: string;
  #process: ChildProcess | undefined;

  constructor(actor: string, urls: readonly string[]) {
    this.#options = JSON.stringify({ session: SESSION, actor, urls });
  }

  start(): void {
    const child = spawn(process.execPath, [PROGRAM, this.#options], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => this.steps.push(JSON.parse(line) as AgentStep));
    agents.push(child);
    this.#process = child;
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  recovered(): void {
    // In the meantime, another agent takes the work of the killed agent.
  }
}

/**
 * Kills the processes one after the other. Redis is killed only after the nodes have given up the killed gateways. Before that, no node
 * could know whether a killed gateway had seen more than Redis has kept, so the session would begin a new epoch (docs/decisions/0007).
 */
async function trouble(victims: readonly Victim[], over: AbortSignal): Promise<readonly string[]> {
  const killed: string[] = [];
  let quietFrom = 0;
  while (!over.aborted) {
    // In each round, every process is killed once, in a random order.
    for (const victim of victims.toSorted(() => Math.random() - 0.5)) {
      await sleep(1_000 + Math.random() * 3_000);
      if (victim.name === 'redis') await sleep(Math.max(0, quietFrom - performance.now()));
      if (over.aborted) break;
      await victim.kill();
      killed.push(victim.name);
      await sleep(Math.random() * 1_500);
      await victim.start();
      await victim.recovered();
      if (victim.name === 'gateway') quietFrom = performance.now() + GIVEN_UP_MS;
    }
  }
  return killed;
}

test('each of 200 tasks is done, and no two agents have the same task at the same time', async () => {
  const gateways = [new Gateway('north', await freePort()), new Gateway('south', await freePort())];
  for (const gateway of gateways) gateway.start();
  await Promise.all(gateways.map((gateway) => gateway.recovered()));
  const urls = gateways.map(({ url }) => url);
  const [first = ''] = urls;
  const offers = Array.from({ length: TASKS }, (_, n) => `o${n}`);
  const over = new AbortController();
  const log = await HandoffLog.open(clientOf(first), SESSION, over.signal);
  for (const offer of offers)
    await offerWork(log, { offer, task: offer, leaseMs: LEASE_MS }, { actor: 'lead', signal: over.signal });
  const workers = [new Agent('ana', urls), new Agent('ben', urls.toReversed())];
  for (const worker of workers) worker.start();
  const restartedRedis: Victim = {
    name: 'redis',
    kill: () => redis.kill(),
    start: () => redis.launch(),
    recovered: async () => {
      await Promise.all(gateways.map((gateway) => gateway.recovered()));
    },
  };
  const killing = trouble([...gateways, ...workers, restartedRedis], over.signal);
  while ([...log.offers.values()].some(({ isDone }) => !isDone)) await log.change(over.signal, 60_000);
  over.abort();
  const killed = await killing;

  const taken = workers.flatMap(({ steps }) => steps.filter((step) => step.kind === 'taken'));
  expect(new Set(killed)).toEqual(new Set(['agent', 'gateway', 'redis']));
  expect([...log.offers.keys()].toSorted()).toEqual(offers.toSorted());
  // All takes must be in one epoch, so that every fence is a position in the same log.
  expect(new Set(taken.map(({ epoch }) => epoch)).size).toBe(1);
  const overlaps = taken.flatMap((take) =>
    taken.filter(
      ({ offer, fence, until }) => offer === take.offer && fence < take.fence && until > take.until - LEASE_MS,
    ),
  );
  expect(overlaps).toEqual([]);
  const counted = workers.flatMap(({ steps }) => steps.filter((step) => step.kind === 'done' && step.hasCounted));
  const doneOnce = Map.groupBy(counted, (step) => (step.kind === 'done' ? step.offer : ''));
  expect([...doneOnce.values()].filter((steps) => steps.length > 1)).toEqual([]);
}, 900_000);
