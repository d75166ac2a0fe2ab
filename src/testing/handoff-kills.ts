/** The processes that take part in a handoff, and that a test kills: gateways, agents and Redis. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner } from './cli-process.ts';
import type { CliProcess } from './cli-process.ts';
import { freePort } from './free-port.ts';
import type { AgentOptions, AgentStep } from './handoff-agent-program.ts';

export const PATIENCE = { timeout: 90_000, interval: 50 };
/** The time after which a supervisor starts a gateway again, in milliseconds. */
const RESTART_MS = 300;
const PROGRAM = join(import.meta.dirname, 'handoff-agent-program.ts');

/** A process that is killed and started again. */
export interface Victim {
  readonly name: 'agent' | 'gateway' | 'redis';
  kill(): Promise<void> | void;
  start(): Promise<void> | void;
  /** Resolves once the process works again. */
  recovered(): Promise<void> | void;
}

export class GatewayVictim implements Victim {
  readonly name = 'gateway';
  readonly url: string;
  readonly #argv: readonly string[];
  readonly #cli: CliRunner;
  #running: CliProcess | undefined;

  constructor(cli: CliRunner, { redis, nodeId, port }: { redis: RedisProcess; nodeId: string; port: number }) {
    this.#cli = cli;
    this.url = `ws://127.0.0.1:${port}/ws`;
    const options = ['--redis', redis.url, '--node-id', nodeId, '--port', String(port)];
    this.#argv = ['serve', ...options, '--broadcast', 'on', '--json'];
  }

  /** Starts the gateway. Like a supervisor, starts it again if it ends by itself, for example because Redis does not answer. */
  start(): void {
    const running = this.#cli.start(this.#argv);
    this.#running = running;
    void this.#restartAfter(running);
  }

  async #restartAfter(running: CliProcess): Promise<void> {
    await running.ended;
    await sleep(RESTART_MS);
    // After `kill`, `#running` differs: the test starts the gateway again itself, or has ended.
    if (this.#running === running) this.start();
  }

  /** Resolves once the gateway listens and is connected to Redis. */
  async recovered(): Promise<void> {
    const ready = this.url.replace('ws:', 'http:').replace(/ws$/, 'readyz');
    await vi.waitUntil(async () => (await fetch(ready).catch(() => undefined))?.status === 200, PATIENCE);
  }

  kill(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.process.kill('SIGKILL');
  }
}

export class AgentVictim implements Victim {
  readonly name = 'agent';
  readonly steps: AgentStep[] = [];
  readonly #options: string;
  #process: ChildProcess | undefined;

  constructor(options: AgentOptions) {
    this.#options = JSON.stringify(options);
  }

  start(): void {
    const child = spawn(process.execPath, [PROGRAM, this.#options], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => this.steps.push(JSON.parse(line) as AgentStep));
    this.#process = child;
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  recovered(): void {
    // There is nothing to wait for, because another agent takes the work of the killed agent.
  }
}

export interface HandoffRigOptions {
  /** Whether a killed Redis has every acknowledged write after its restart, or has lost everything. */
  readonly redis: 'durable' | 'in memory only';
  readonly workMs: number;
}

/** Two gateways on one Redis, and two agents. */
export class HandoffRig {
  readonly gateways: readonly GatewayVictim[];
  readonly agents: readonly AgentVictim[];
  readonly redis: Victim;
  readonly #home: string;
  readonly #cli: CliRunner;
  readonly #server: RedisProcess;

  private constructor(home: string, server: RedisProcess, ports: readonly number[], { workMs }: HandoffRigOptions) {
    this.#home = home;
    this.#server = server;
    this.#cli = new CliRunner(home);
    this.gateways = ports.map(
      (port, at) => new GatewayVictim(this.#cli, { redis: server, nodeId: `node-${at}`, port }),
    );
    const { urls, sessionFile } = this;
    this.agents = [
      new AgentVictim({ sessionFile, actor: 'ana', urls, workMs }),
      new AgentVictim({ sessionFile, actor: 'ben', urls: urls.toReversed(), workMs }),
    ];
    this.redis = {
      name: 'redis',
      kill: () => server.kill(),
      start: () => server.launch(),
      recovered: async () => {
        await Promise.all(this.gateways.map((gateway) => gateway.recovered()));
      },
    };
  }

  /** Starts Redis and the gateways. The agents are not started. */
  static async start(options: HandoffRigOptions): Promise<HandoffRig> {
    const home = await mkdtemp(join(tmpdir(), 'tidemark-kills-'));
    const durable = { appendonly: 'yes', appendfsync: 'always' };
    const server = await RedisProcess.start(options.redis === 'durable' ? { settings: durable } : {});
    const rig = new HandoffRig(home, server, [await freePort(), await freePort()], options);
    for (const gateway of rig.gateways) gateway.start();
    await Promise.all(rig.gateways.map((gateway) => gateway.recovered()));
    return rig;
  }

  get urls(): readonly string[] {
    return this.gateways.map(({ url }) => url);
  }

  get sessionFile(): string {
    return join(this.#home, 'session');
  }

  get victims(): readonly Victim[] {
    return [...this.gateways, ...this.agents, this.redis];
  }

  /** Writes to a file in which session the tasks are offered. Each agent reads this file when it connects. */
  async nameSession(session: string): Promise<void> {
    await writeFile(this.sessionFile, session);
  }

  async end(): Promise<void> {
    for (const each of [...this.agents, ...this.gateways]) each.kill();
    await this.#cli.close();
    await this.#server.stop();
    await rm(this.#home, { recursive: true });
  }
}
