/**
 * Runs a schedule of the fence's model (redis/fence/testing/) with real nodes on a real redis-server. The fence decides whether a stream
 * may continue on another run of Redis. Only the publishes and the faults of the schedule are executed, because real nodes take the other
 * steps by themselves.
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventTable } from '../../catalogue/event-table.ts';
import type { BrokerListener, PublishResult } from '../broker.ts';
import { SUITE_LIMITS } from './suite-limits.ts';
import { RedisBroker } from '../redis/redis-broker.ts';
import type { Action } from '../redis/fence/testing/model-steps.ts';
import { checkHistories, NodeHistory } from './history-checker.ts';
import { RedisProcess } from './redis-process.ts';
import { until } from './redis-rig.ts';
import { TcpProxy } from './tcp-proxy.ts';

const STREAMS = { s: 'workspace:s', t: 'workspace:t' } as const;
/** The lease of the nodes, in milliseconds. It is short, so that a node that cannot reach Redis for a moment loses its lease. */
const LEASE_MS = 2_000;
const PATIENCE_MS = 60_000;

export interface ScheduleReport {
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly epochs: number;
}

interface RealNode {
  readonly broker: RedisBroker;
  readonly link: TcpProxy;
  readonly histories: Readonly<Record<keyof typeof STREAMS, NodeHistory>>;
}

export async function runOnRedis(actions: readonly Action[]): Promise<ScheduleReport> {
  const run = new ScheduleRun(await RedisProcess.start());
  try {
    for (const action of actions) await run.act(action);
    return await run.finish();
  } finally {
    await run.close();
  }
}

class ScheduleRun {
  readonly #redis: RedisProcess;
  readonly #nodes = new Map<number, RealNode>();
  readonly #ended: RealNode[] = [];
  readonly #acknowledged: PublishResult[] = [];
  readonly #publishing: Promise<void>[] = [];
  #started = 0;

  constructor(redis: RedisProcess) {
    this.#redis = redis;
  }

  async act(action: Action): Promise<void> {
    if (action.kind === 'save') return this.#save();
    if (action.kind === 'restart') return this.#restart(action.data);
    if (action.kind === 'start') return this.#start(action.node);
    const node = this.#nodes.get(action.node);
    if (node === undefined) return;
    if (action.kind === 'pause') node.link.holdBack();
    else if (action.kind === 'resume') node.link.forward();
    else if (action.kind === 'oversleep') await delay(LEASE_MS * 1.1);
    else if (action.kind === 'crash' || action.kind === 'leave') await this.#end(action.node, action.kind);
    else if (action.kind === 'drop') await this.#redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    else if (action.kind === 'publish' || action.kind === 'publish unanswered') this.#publish(node, action.stream);
    else await delay(2);
  }

  /** Restores all connections, waits until each node has received the last event, and checks what the nodes received. */
  async finish(): Promise<ScheduleReport> {
    for (const { link } of this.#nodes.values()) link.forward();
    await Promise.all(this.#publishing);
    const running = [...this.#nodes.values()];
    await until(() => running.every(({ broker }) => broker.health().connected), PATIENCE_MS, 'all nodes connected');
    for (const stream of ['s', 't'] as const) {
      for (const node of running) await this.#publishUntilStored(node, stream);
      for (const { broker } of running) await broker.sync(STREAMS[stream]);
    }
    const violations = (['s', 't'] as const).flatMap((stream) => {
      const of = this.#acknowledged.filter((result) => result.stream === STREAMS[stream]);
      return checkHistories(
        running.map(({ histories }) => histories[stream]),
        of,
      ).violations;
    });
    const epochs = new Set(this.#acknowledged.map(({ epoch }) => epoch)).size;
    return { violations, acknowledged: this.#acknowledged.length, epochs };
  }

  async close(): Promise<void> {
    for (const { broker, link } of [...this.#nodes.values(), ...this.#ended]) {
      await broker.close();
      await link.close();
    }
    await this.#redis.stop();
  }

  async #start(index: number): Promise<void> {
    const link = await TcpProxy.start(this.#redis.port);
    const name = `node${index}.${(this.#started += 1)}`;
    const url = `redis://127.0.0.1:${link.port}`;
    const broker = new RedisBroker({
      url,
      limits: SUITE_LIMITS,
      events: eventTable(),
      nodeId: name,
      leaseMs: LEASE_MS,
    });
    const node: RealNode = { broker, link, histories: { s: new NodeHistory(name), t: new NodeHistory(name) } };
    this.#nodes.set(index, node);
    // Joining may take long: if other nodes are cut off, the new node waits for their leases.
    const starting = this.#join(node);
    this.#publishing.push(starting);
    await Promise.race([starting, delay(500)]);
  }

  async #join({ broker, histories }: RealNode): Promise<void> {
    const listener: BrokerListener = {
      nodeId: histories.s.name,
      onEvent: (record) => histories[record.stream === STREAMS.s ? 's' : 't'].onEvent(record),
      onLoss: (loss) => histories[loss.stream === STREAMS.s ? 's' : 't'].onLoss(loss),
      onUnnamedLoss: () => undefined,
      onSourceLoss: () => undefined,
      onEnded: () => undefined,
      onHealth: () => undefined,
      onQuestion: () => undefined,
    };
    for (let joined = false; !joined;) {
      try {
        if (histories.s.start === undefined) await broker.start(listener);
        for (const stream of ['s', 't'] as const) {
          if (histories[stream].start !== undefined) continue;
          await broker.attach(STREAMS[stream]);
          histories[stream].start = broker.snapshot(STREAMS[stream]).head;
          histories[stream].joinedAfter = new Set(this.#acknowledged.map(({ eventId }) => eventId));
        }
        joined = true;
      } catch {
        // The attempt failed, because Redis or the connection is unavailable at the moment. It is repeated while the node is in use.
        if (![...this.#nodes.values()].some((node) => node.broker === broker)) return;
        await delay(50);
      }
    }
  }

  async #end(index: number, how: 'crash' | 'leave'): Promise<void> {
    const node = this.#nodes.get(index);
    if (node === undefined) return;
    // To simulate a crash, stop the connection first. The node then cannot report to the other nodes that it is leaving.
    if (how === 'crash') {
      node.link.holdBack();
      node.link.cut();
    }
    this.#nodes.delete(index);
    this.#ended.push(node);
    await node.broker.close();
  }

  #publish(node: RealNode, stream: keyof typeof STREAMS): void {
    this.#publishing.push(this.#publishOnce(node, stream).then(() => undefined));
  }

  async #publishOnce({ broker, histories }: RealNode, stream: keyof typeof STREAMS): Promise<boolean> {
    try {
      const source = { name: histories.s.name, principal: 'user:ana' };
      const draft = { stream: STREAMS[stream], event: 'session_event', source, payload: {} };
      this.#acknowledged.push(await broker.publish(draft));
      return true;
    } catch {
      return false;
    }
  }

  async #publishUntilStored(node: RealNode, stream: keyof typeof STREAMS): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await this.#publishOnce(node, stream))) {
      if (performance.now() > deadline) throw new Error(`${node.histories.s.name} cannot publish`);
      await delay(50);
    }
  }

  get #dump(): string {
    return join(this.#redis.directory, 'dump.rdb');
  }

  async #save(): Promise<void> {
    await this.#redis.command('SAVE');
    copyFileSync(this.#dump, `${this.#dump}.saved`);
  }

  async #restart(data: 'kept' | 'saved' | 'empty'): Promise<void> {
    if (data === 'kept') await this.#redis.command('SAVE');
    await this.#redis.kill();
    if (data === 'saved' && existsSync(`${this.#dump}.saved`)) copyFileSync(`${this.#dump}.saved`, this.#dump);
    if (data === 'empty') rmSync(this.#dump, { force: true });
    await this.#redis.launch();
  }
}
