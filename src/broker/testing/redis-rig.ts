/** Runs several broker nodes on one Redis under load, and then checks what each node received. */
import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError } from '../../errors.ts';
import { eventTable } from '../../catalogue/event-table.ts';
import type { BrokerLimits, BrokerLog, PublishResult } from '../broker.ts';
import { SUITE_LIMITS } from './suite-limits.ts';
import { RedisBroker } from '../redis/redis-broker.ts';
import { checkHistories, NodeHistory } from './history-checker.ts';
import type { HistoryReport } from './history-checker.ts';

export interface RigOptions {
  readonly url: string;
  readonly nodes: number;
  readonly limits?: Partial<BrokerLimits>;
  readonly stream?: string;
  readonly log?: BrokerLog;
  readonly leaseMs?: number;
  /** Increases time limits, for tests in which no publish may be rejected: on a busy machine, an answer of Redis can take seconds. */
  readonly patient?: true;
}

export interface RigNode {
  readonly broker: RedisBroker;
  readonly history: NodeHistory;
}

const EVENTS = eventTable();
/** A time limit that only prevents a test from hanging. It is long, because everything takes longer on a busy machine. */
const PATIENCE_MS = 40_000;

export class RedisRig {
  readonly nodes: RigNode[] = [];
  readonly acknowledged: PublishResult[] = [];
  /** Number of rejected publishes, by `details.outcome`. */
  readonly refused = { not_stored: 0, unknown: 0 };
  readonly stream: string;
  readonly #options: RigOptions;
  #publishing: Promise<void>[] = [];
  #stopped = false;
  #published = 0;

  private constructor(options: RigOptions) {
    this.#options = options;
    this.stream = options.stream ?? 'main';
  }

  static async start(options: RigOptions): Promise<RedisRig> {
    const rig = new RedisRig(options);
    for (let index = 0; index < options.nodes; index += 1) await rig.join(`node${index}`);
    return rig;
  }

  async join(name: string, url: string = this.#options.url): Promise<RigNode> {
    const limits = { ...SUITE_LIMITS, ...this.#options.limits };
    const { log, leaseMs, patient } = this.#options;
    const broker = new RedisBroker({
      url,
      limits,
      events: EVENTS,
      nodeId: name,
      ...(log === undefined ? {} : { log }),
      ...(leaseMs === undefined ? {} : { leaseMs }),
      ...(patient === undefined ? {} : { commandTimeoutMs: 30_000, deadAfterMs: 30_000 }),
    });
    const history = new NodeHistory(name);
    await broker.start(history);
    await broker.attach(this.stream);
    history.start = broker.snapshot(this.stream).head;
    const node = { broker, history };
    this.nodes.push(node);
    return node;
  }

  /**
   * Starts publishers, which are distributed over the nodes. Each publisher waits for a publish before the next one, until {@link finish}.
   */
  load({ publishers, pauseMs }: { readonly publishers: number; readonly pauseMs: number }): void {
    for (let index = 0; index < publishers; index += 1) {
      const node = this.nodes[index % this.nodes.length];
      if (node !== undefined) this.#publishing.push(this.#publishAlways(node, pauseMs));
    }
  }

  /** Publishes `count` events from each of the given number of publishers, which are distributed over the nodes. */
  async burst({ publishers, count }: { readonly publishers: number; readonly count: number }): Promise<void> {
    const one = async (index: number): Promise<void> => {
      for (let turn = 0; turn < count; turn += 1) await this.#publish(this.nodes[index % this.nodes.length]);
    };
    await Promise.all(Array.from({ length: publishers }, (_, index) => one(index)));
  }

  /** Resolves when this number of further publishes was acknowledged. */
  async progress(count: number, withinMs = PATIENCE_MS): Promise<void> {
    const goal = this.acknowledged.length + count;
    await until(() => this.acknowledged.length >= goal, withinMs, `${count} more publishes`);
  }

  async allConnected(withinMs = PATIENCE_MS): Promise<void> {
    await until(() => this.nodes.every(({ broker }) => broker.health().connected), withinMs, 'all nodes connected');
  }

  async stopLoad(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#publishing);
    this.#publishing = [];
  }

  /** Stops the load, waits until each node has received the last event, and checks what the nodes received. */
  async finish(): Promise<HistoryReport> {
    await this.stopLoad();
    await Promise.all(this.nodes.map(({ broker }) => this.#sync(broker)));
    const report = checkHistories(
      this.nodes.map(({ history }) => history),
      this.acknowledged,
    );
    const heads = new Set(this.nodes.map(({ broker }) => JSON.stringify(broker.snapshot(this.stream).head)));
    return heads.size <= 1
      ? report
      : { ...report, violations: [...report.violations, `heads differ: ${[...heads].join(' ')}`] };
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.nodes.map(({ broker }) => broker.close()));
    await Promise.allSettled(this.#publishing);
  }

  /** Repeats the `sync` until it succeeds, because the node may still be reconnecting to Redis. */
  async #sync(broker: RedisBroker, withinMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      try {
        return await broker.sync(this.stream);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(50);
      }
    }
  }

  async #publishAlways(node: RigNode, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      await this.#publish(node);
      await delay(pauseMs);
    }
  }

  async #publish(node: RigNode | undefined): Promise<void> {
    if (node === undefined) return;
    const number = (this.#published += 1);
    try {
      this.acknowledged.push(
        await node.broker.publish({
          stream: this.stream,
          event: 'session_event',
          source: { name: node.history.name, principal: 'user:ana' },
          payload: { number },
        }),
      );
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== 'broker_unavailable') throw error;
      this.refused[error.details?.['outcome'] === 'unknown' ? 'unknown' : 'not_stored'] += 1;
    }
  }
}

/** Resolves when the condition is true. @param what description of the condition, for the error @throws {Error} after the time limit */
export async function until(condition: () => boolean, withinMs: number, what: string): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out after ${withinMs} ms waiting for: ${what}`);
    await delay(10);
  }
}
