/**
 * Many tasks through two gateways on one real Redis, while agents and gateways are killed. No task is lost, and no task is held by two
 * agents at the same time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { freePort } from '../testing/free-port.ts';
import { CliRunner } from '../testing/cli-process.ts';
import { onCleanup } from '../testing/rig.ts';

const TASKS = 24;
const LEASE_S = 3;

let home: string;
let cli: CliRunner;
let redis: RedisProcess;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-handoffs-'));
  cli = new CliRunner(home);
  redis = await RedisProcess.start();
});
afterEach(() => cli.close());
afterAll(async () => {
  await redis.stop();
  await rm(home, { recursive: true });
});

interface Taken {
  readonly offer: string;
  readonly fence: string;
  readonly leaseUntil: string;
}

/** A gateway as a process on a fixed port, which can be killed and started again. */
class Node {
  readonly #nodeId: string;
  readonly #port: number;
  #process: ReturnType<CliRunner['start']> | undefined;

  constructor(nodeId: string, port: number) {
    this.#nodeId = nodeId;
    this.#port = port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/ws`;
  }

  start(): void {
    const options = ['--redis', redis.url, '--node-id', this.#nodeId, '--port', String(this.#port)];
    this.#process = cli.start(['serve', ...options, '--broadcast', 'on', '--json']);
  }

  kill(): void {
    this.#process?.process.kill('SIGKILL');
  }
}

test('each task is done once, and no two agents have the same task at the same time', async () => {
  const nodes = [new Node('north', await freePort()), new Node('south', await freePort())] as const;
  for (const node of nodes) node.start();
  const call = async (url: string, name: string, ...rest: readonly string[]) =>
    cli.finish(['handoff', name, '--url', url, '--session', 'many', '--timeout', '20', ...rest]);
  /** Repeats the command until it succeeds, because the gateway may be down at the moment. */
  const insist = async (name: string, ...rest: readonly string[]) => {
    for (let attempt = 0; ; attempt += 1) {
      const ended = await call(nodes[attempt % 2 === 0 ? 0 : 1].url, name, ...rest);
      if (ended.code === 0 || ended.code === 3) return ended;
      if (attempt > 30) throw new Error(`${name}: ${ended.stderr}`);
      await sleep(200);
    }
  };
  for (let n = 0; n < TASKS; n += 1)
    await insist('offer', '--offer', `o${n}`, '--task', String(n), '--lease', String(LEASE_S));
  const takes: Taken[] = [];
  const finished: string[] = [];
  const over = new AbortController();
  /**
   * An agent that takes tasks and completes them. Every few tasks, it is killed while it takes a task, or it abandons a task that it has
   * taken.
   */
  const work = async (agent: number): Promise<void> => {
    for (let turn = agent; finished.length < TASKS; turn += 1) {
      const node = nodes[(agent + turn) % 2 === 0 ? 0 : 1];
      const taking = cli.start(['handoff', 'take', '--url', node.url, '--session', 'many', '--timeout', '5']);
      const killer = turn % 5 === 3 ? setTimeout(() => taking.process.kill('SIGKILL'), 300 + turn * 7) : undefined;
      const code = await taking.ended;
      clearTimeout(killer);
      if (code !== 0) continue;
      const taken = JSON.parse(taking.stdout) as Taken;
      takes.push(taken);
      if (turn % 7 === 5) continue;
      const { code: counted } = await insist('done', '--offer', taken.offer, '--fence', taken.fence);
      if (counted === 0) finished.push(taken.offer);
    }
    over.abort();
  };
  const trouble = async (): Promise<void> => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      await sleep(4_000);
      const node = nodes[turn % 2 === 0 ? 0 : 1];
      node.kill();
      await sleep(1_000);
      node.start();
    }
  };
  onCleanup(() => over.abort());
  await Promise.all([trouble(), work(0), work(1)]);
  expect(finished.toSorted()).toEqual(Array.from({ length: TASKS }, (_, n) => `o${n}`).toSorted());
  const list = (await insist('list')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { state: string });
  expect(list.map(({ state }) => state)).toEqual(Array.from({ length: TASKS }, () => 'done'));
  // Check the leases that the agents printed, independently of the state that `list` computes: a lease must not begin before the earlier
  // leases of the same task have ended.
  const place = ({ fence }: Taken): number => Number(fence.split(':')[1]);
  const overlaps = takes.flatMap((taken) => {
    const earlier = takes.filter((each) => each.offer === taken.offer && place(each) < place(taken));
    const begin = Date.parse(taken.leaseUntil) - LEASE_S * 1000;
    return earlier.filter(({ leaseUntil }) => Date.parse(leaseUntil) > begin);
  });
  expect(overlaps).toEqual([]);
});
