/**
 * The attached streams of a node, each reference-counted, subscribed once and mirrored once. Only streams with local subscribers
 * use resources. Subscriptions of one turn are sent to Redis together. A stream stays attached for a moment after its last
 * subscriber, who often reconnects.
 */
import { BROKER_RETRY_MS } from '../broker.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError } from '../../errors.ts';
import { Budget } from '../../replay/budget.ts';
import { shrinkHistories } from '../../replay/history-budget.ts';
import type { BudgetedStream } from '../../replay/history-budget.ts';
import { StreamHistory } from '../../replay/history.ts';
import type { EventTable } from '../../catalogue/event-table.ts';
import type { Losses } from '../../replay/losses.ts';
import { historyBounds } from '../history-bounds.ts';
import type { BrokerLimits, BrokerListener, BrokerLog, Snapshot, StreamInfo } from '../broker.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts, parseLine, parsePublished, parseState } from './line.ts';
import type { Line } from './line.ts';
import { StreamMirror } from './mirror.ts';
import { SourceLosses } from './source-losses.ts';
import type { HistorySeed, LogPage, MirrorHistory, MirrorSource } from './mirror.ts';

export interface AttachedStreamsOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
  readonly limits: BrokerLimits;
  readonly events: EventTable;
  /** TTL of a stream's keys in milliseconds, 0 for none. */
  readonly ttlOf: (stream: string) => number;
  /** TTL of the keys of a stream without events, in milliseconds, if `ttlOf` gives none. */
  readonly blankTtlMs: number;
  readonly listener: () => BrokerListener | undefined;
  readonly log: BrokerLog;
}

interface Attached {
  readonly mirror: StreamMirror;
  readonly sourceLosses: SourceLosses;
  count: number;
  /** Resolves once the mirror is loaded and subscribed. */
  ready: Promise<void>;
  /** The time of the last detach, by the performance clock. */
  leftAt: number;
  /** When the TTL was last renewed, by the performance clock. */
  renewedAt: number;
  /** Whether a message has arrived since the mirror was last found behind. */
  heard: boolean;
}

const PAGE_EVENTS = 512;
const LINGER_MS = 5_000;
/** A message in transit arrives within this time; after it, the log is read. */
const PATIENCE_MS = 20;

export class AttachedStreams {
  readonly #options: AttachedStreamsOptions;
  /** Memory of all mirrors of this node. */
  readonly budget: Budget;
  readonly #attached = new Map<string, Attached>();
  readonly #subscribed = new Set<string>();
  #subscribing: Promise<void> | undefined;

  constructor(options: AttachedStreamsOptions) {
    this.#options = options;
    this.budget = new Budget(options.limits.historyBudgetBytes);
  }

  async attach(stream: string): Promise<void> {
    const attached = this.#attached.get(stream) ?? this.#begin(stream);
    attached.count += 1;
    try {
      await attached.ready;
    } catch (error) {
      this.detach(stream);
      if (attached.count === 0 && this.#attached.get(stream) === attached) this.#attached.delete(stream);
      throw new ProtocolError('broker_unavailable', 'the history of the stream could not be read from Redis', {
        retryAfterMs: BROKER_RETRY_MS,
        cause: error,
      });
    }
  }

  detach(stream: string): void {
    const attached = this.#attached.get(stream);
    if (attached === undefined || attached.count === 0) return;
    attached.count -= 1;
    attached.leftAt = performance.now();
  }

  snapshot(stream: string): Snapshot {
    const attached = this.#attached.get(stream);
    const history = attached?.mirror.history;
    if (attached === undefined || attached.count === 0 || history === undefined) {
      throw new Error(`stream ${stream} is not attached`);
    }
    history.expire(Date.now());
    return history.snapshot();
  }

  async sync(stream: string): Promise<void> {
    const attached = this.#attached.get(stream);
    if (attached === undefined) throw new Error(`stream ${stream} is not attached`);
    try {
      const text = await this.#options.connection.get(this.#options.keys.of(stream).meta);
      if (text !== null && attached.mirror.covers(parseState(text))) return;
      if (text !== null) await delay(PATIENCE_MS);
      if (text === null || !attached.mirror.covers(parseState(text))) await attached.mirror.catchUp();
    } catch (error) {
      throw new ProtocolError('broker_unavailable', 'the head of the stream could not be read from Redis', {
        retryAfterMs: BROKER_RETRY_MS,
        cause: error,
      });
    }
  }

  infos(): readonly StreamInfo[] {
    const infos: StreamInfo[] = [];
    for (const [stream, { mirror, count }] of this.#attached) {
      const { head, history } = mirror;
      if (count === 0 || head === undefined || history === undefined) continue;
      const { epoch, sequenceId } = head;
      infos.push({ stream, head: { epoch, sequenceId }, historyEvents: history.events, historyBytes: history.bytes });
    }
    return infos;
  }

  /** A message on a stream's channel: lines, `!` or a loss (redis-keys.ts). */
  receive(channel: string, text: string): void {
    const stream = this.#options.keys.streamOf(channel);
    const attached = stream === undefined ? undefined : this.#attached.get(stream);
    if (stream === undefined || attached === undefined) return;
    attached.heard = true;
    if (text === '!') {
      this.#catchUp(attached);
    } else if (text.startsWith('?')) {
      attached.sourceLosses.receive(text);
    } else {
      const { incarnation, lines } = parsePublished(text);
      for (const line of lines) attached.mirror.receive(line, incarnation);
    }
  }

  /** Called after the subscriber has connected: nothing is subscribed, and messages may have been missed. */
  async resubscribe(): Promise<void> {
    this.#subscribed.clear();
    await this.#subscribe();
    for (const attached of this.#attached.values()) this.#catchUp(attached);
  }

  /** @throws {Error} if a stream could not be read */
  async catchUpAll(): Promise<void> {
    await Promise.all([...this.#attached.values()].map(({ mirror }) => mirror.catchUp()));
  }

  /** Compares every mirror with its stream, releases unused streams, and keeps attached sessions alive. */
  lookAtHeads(): void {
    const now = performance.now();
    for (const [stream, attached] of this.#attached) {
      if (attached.count > 0 || now - attached.leftAt <= LINGER_MS) {
        void this.#lookAtHead(stream, attached);
        continue;
      }
      this.#attached.delete(stream);
      attached.mirror.history?.close();
    }
    shrinkHistories(this.budget, () => this.#mirrored());
    this.#subscribe().catch((error: unknown) => this.#options.log.warn({ err: error }, 'could not subscribe in Redis'));
  }

  *#mirrored(): Generator<BudgetedStream> {
    for (const [name, { mirror }] of this.#attached)
      if (mirror.history !== undefined) yield { name, history: mirror.history };
  }

  close(): void {
    this.#attached.clear();
  }

  #begin(stream: string): Attached {
    const { connection, keys, fence, log, listener } = this.#options;
    const sourceLosses = new SourceLosses({
      read: (from) => connection.range(keys.of(stream).losses, from),
      report: ({ paths }) => {
        if (attached.count > 0) listener()?.onSourceLoss({ stream, paths });
      },
      onUnreadable: (error) => log.warn({ err: error, stream }, 'A source loss cannot be read yet'),
    });
    const mirror = new StreamMirror({
      stream,
      source: this.#sourceOf(stream),
      createHistory: (seed) => this.#createHistory(stream, { ...seed, losses: sourceLosses.kept }),
      onEvent: (record) => {
        if (attached.count > 0) listener()?.onEvent(record);
      },
      onLoss: (loss) => {
        log.warn({ ...loss }, 'Events were lost between Redis and this node');
        if (attached.count > 0) listener()?.onLoss(loss);
      },
      onKnown: (place) => fence.know(stream, place),
      onRead: ({ state, departures }) => {
        if (state !== undefined) fence.adopt(stream, state, departures);
      },
      accepts: (incarnation) => fence.accepts(stream, incarnation),
    });
    const attached: Attached = {
      mirror,
      sourceLosses,
      count: 0,
      ready: Promise.resolve(),
      leftAt: 0,
      renewedAt: 0,
      heard: true,
    };
    this.#attached.set(stream, attached);
    attached.ready = this.#load(stream, attached);
    return attached;
  }

  /** Subscribes first, then reads, so that events published in between arrive by one of the two. */
  async #load(stream: string, { mirror, sourceLosses }: Attached): Promise<void> {
    await this.#subscribe();
    await mirror.catchUp();
    const { connection, keys } = this.#options;
    const text = await connection.get(keys.of(stream).meta);
    if (text !== null) await sourceLosses.load(parseState(text));
  }

  #createHistory(stream: string, seed: HistorySeed & { readonly losses: Losses }): MirrorHistory {
    const { limits, events } = this.#options;
    return new StreamHistory({ bounds: historyBounds(stream, limits), events, budget: this.budget, ...seed });
  }

  #sourceOf(stream: string): MirrorSource {
    const { connection, keys, fence } = this.#options;
    const { meta, log } = keys.of(stream);
    return {
      readLog: async (from) => {
        await fence.incarnation(stream);
        const { departures } = fence;
        const id = from === undefined ? '-' : `${from.at}-${from.sequenceId}`;
        return toPage(await connection.run('read', [meta, log], [id, PAGE_EVENTS]), departures);
      },
      readRetained: () => this.#readRetained(stream),
      open: () => fence.open(stream),
      settle: () => fence.settle(stream),
      isSettled: (state) => fence.isCurrent(stream, state),
    };
  }

  async #readRetained(stream: string): Promise<readonly Line[]> {
    const { connection, keys } = this.#options;
    const { meta, latest, order } = keys.of(stream);
    const lines: Line[] = [];
    for (let from = '-inf'; from !== '';) {
      const reply = await connection.run('retained', [meta, latest, order], [from, PAGE_EVENTS]);
      const [, next = '', ...page] = asTexts(reply);
      lines.push(...page.map(parseLine));
      from = next;
    }
    return lines;
  }

  /** Subscribes and unsubscribes in Redis until it matches the attached streams; calls of one turn share one run. */
  #subscribe(): Promise<void> {
    this.#subscribing ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      this.#subscribing = undefined;
      return this.#reconcileSubscriptions();
    });
    return this.#subscribing;
  }

  async #reconcileSubscriptions(): Promise<void> {
    const { connection, keys } = this.#options;
    const missing = [...this.#attached.keys()].filter((stream) => !this.#subscribed.has(stream));
    const left = [...this.#subscribed].filter((stream) => !this.#attached.has(stream));
    for (const stream of missing) this.#subscribed.add(stream);
    for (const stream of left) this.#subscribed.delete(stream);
    try {
      await connection.subscribeStreams(missing.map((stream) => keys.of(stream).channel));
    } catch (error) {
      for (const stream of missing) this.#subscribed.delete(stream);
      throw error;
    }
    await connection.unsubscribeStreams(left.map((stream) => keys.of(stream).channel));
  }

  #catchUp(attached: Attached): void {
    attached.mirror.catchUp().catch((error: unknown) => {
      this.#options.log.warn({ err: error, stream: attached.mirror.stream }, 'the log cannot be read yet');
    });
  }

  async #lookAtHead(stream: string, attached: Attached): Promise<void> {
    const { connection, keys, fence, ttlOf } = this.#options;
    const { meta } = keys.of(stream);
    const ttl = ttlOf(stream);
    const renew = ttl > 0 && attached.count > 0 && performance.now() - attached.renewedAt > ttl / 4;
    try {
      if (renew) attached.renewedAt = performance.now();
      const { departures } = fence;
      const text = renew ? await connection.getAndExpire(meta, ttl) : await connection.get(meta);
      const state = text === null ? undefined : parseState(text);
      if (state !== undefined) await attached.sourceLosses.look(state);
      const behind = state === undefined || !attached.mirror.covers(state);
      if (behind) this.#suspect(stream, attached);
      if (behind || (await fence.isSuspicious(stream, state))) await attached.mirror.catchUp();
      else fence.adopt(stream, state, departures);
      if (state?.sequenceId === 0 && ttl === 0) await this.#keepBlank(stream, attached);
    } catch (error) {
      this.#options.log.warn({ err: error, stream }, 'The head of a stream cannot be read');
    }
  }

  /** Keeps a stream without events while it has subscribers. The script renews the TTL only if the stream is still blank. */
  async #keepBlank(stream: string, attached: Attached): Promise<void> {
    const due = performance.now() - attached.renewedAt > this.#options.blankTtlMs / 4;
    if (attached.count === 0 || !due) return;
    attached.renewedAt = performance.now();
    await this.#options.fence.open(stream);
  }

  /** The stream has new events but no message has arrived since the last check: the subscription may have been lost unnoticed. */
  #suspect(stream: string, attached: Attached): void {
    if (!attached.heard) this.#subscribed.delete(stream);
    attached.heard = false;
  }
}

function toPage(reply: unknown, departures: number): LogPage {
  const [state = '', more, ...lines] = asTexts(reply);
  const parsed = state === '' ? undefined : parseState(state);
  return { state: parsed, departures, more: more === '1', lines: lines.map(parseLine) };
}
