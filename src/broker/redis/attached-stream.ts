/**
 * The attached streams of a node, each reference-counted, subscribed once and mirrored once. Only streams with local subscribers
 * use resources. Subscriptions of one turn are sent to Redis together. A stream stays attached for a moment after its last
 * subscriber, who often reconnects.
 */
import { BROKER_RETRY_MS } from '../broker.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError } from '../../errors.ts';
import { covers } from '../../catalogue/event-pattern.ts';
import { Budget } from '../../replay/budget.ts';
import { shrinkHistories } from '../../replay/history-budget.ts';
import type { BudgetedStream } from '../../replay/history-budget.ts';
import { StreamHistory } from '../../replay/history.ts';
import type { EventTable } from '../../catalogue/event-table.ts';
import type { Losses } from '../../replay/losses.ts';
import { historyBounds } from '../history-bounds.ts';
import type {
  BrokerLimits,
  BrokerListener,
  BrokerLog,
  FollowedStream,
  Position,
  Snapshot,
  StreamInfo,
} from '../broker.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import type { RedisKeys } from './keys.ts';
import { parsePublished, parseState } from './line.ts';
import { hasExpired, StreamMirror } from './mirror.ts';
import { FollowedStreams, followedStreams } from './followed-streams.ts';
import { SourceLosses } from './source-losses.ts';
import type { StreamIndex } from './stream-index.ts';
import type { HistorySeed, MirrorHistory } from './mirror.ts';
import { mirrorSource } from './mirror-source.ts';
import { StreamChannels } from './stream-channels.ts';

export interface AttachedStreamsOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
  readonly index: StreamIndex;
  readonly limits: BrokerLimits;
  readonly events: EventTable;
  /** TTL of a stream's keys in milliseconds; 0 if they do not expire. */
  readonly ttlOf: (stream: string) => number;
  /** TTL of the keys of a stream without events, in milliseconds. Used if `ttlOf` returns 0. */
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

/** Seconds between two looks at the head of a followed stream. */
const FOLLOWED_TURNS = 10;
const LINGER_MS = 5_000;
/** A message in transit arrives within this time; after it, the log is read. */
const PATIENCE_MS = 20;

export class AttachedStreams {
  readonly #options: AttachedStreamsOptions;
  /** Memory of all mirrors of this node. */
  readonly budget: Budget;
  readonly #attached = new Map<string, Attached>();
  readonly follows: FollowedStreams;
  #looks = 0;
  readonly #channels: StreamChannels;

  constructor(options: AttachedStreamsOptions) {
    this.#options = options;
    this.budget = new Budget(options.limits.historyBudgetBytes);
    this.#channels = new StreamChannels({ ...options, wanted: () => this.#attached.keys() });
    this.follows = new FollowedStreams({
      index: options.index,
      mirror: (stream) => this.#mirror(stream),
      loading: (selector) => this.#loading(selector),
    });
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

  headOf(stream: string): Position | undefined {
    return this.#attached.get(stream)?.mirror.history?.snapshot().head;
  }

  /** The streams with events that this node mirrors and that one of the selectors covers. */
  followed(selectors: readonly string[]): Iterable<FollowedStream> {
    return followedStreams(selectors, {
      names: this.#attached.keys(),
      historyOf: (stream) => this.#attached.get(stream)?.mirror.history,
    });
  }

  #mirror(stream: string): void {
    if (this.#attached.has(stream)) return;
    // A stream that cannot be read yet is read again with the next look at its head.
    this.#begin(stream).ready.catch(() => undefined);
  }

  #loading(selector: string): Promise<unknown> | undefined {
    const pending = [...this.#attached].flatMap(([stream, { mirror, ready }]) =>
      mirror.history === undefined && covers(selector, stream) ? [ready] : [],
    );
    return pending.length === 0 ? undefined : Promise.all(pending);
  }

  /** Whether events of the stream are delivered on this node. */
  #isWanted(stream: string, { count }: Attached): boolean {
    return count > 0 || this.follows.covers(stream);
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
    this.#channels.forget();
    await this.#channels.reconcile();
    for (const attached of this.#attached.values()) this.#catchUp(attached);
  }

  /** @throws {Error} if a stream could not be read */
  async catchUpAll(): Promise<void> {
    await Promise.all([...this.#attached.values()].map(({ mirror }) => mirror.catchUp()));
  }

  /** Compares every mirror with its stream, releases unused streams, and keeps attached sessions alive. */
  lookAtHeads(): void {
    const now = performance.now();
    this.#looks += 1;
    let place = 0;
    this.follows
      .look()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'the index of streams cannot be read'));
    for (const [stream, attached] of this.#attached) {
      if (attached.count > 0 || now - attached.leftAt <= LINGER_MS || this.follows.covers(stream)) {
        place += 1;
        // A node may follow ten thousand streams: those without subscribers of their own take turns.
        if (attached.count > 0 || place % FOLLOWED_TURNS === this.#looks % FOLLOWED_TURNS)
          void this.#lookAtHead(stream, attached);
        continue;
      }
      this.#attached.delete(stream);
      attached.mirror.history?.close();
    }
    shrinkHistories(this.budget, () => this.#mirrored());
    this.#channels
      .reconcile()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'could not subscribe in Redis'));
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
        if (this.#isWanted(stream, attached)) listener()?.onSourceLoss({ stream, paths });
      },
      onUnreadable: (error) => log.warn({ err: error, stream }, 'A source loss cannot be read yet'),
    });
    const mirror = new StreamMirror({
      stream,
      deliverFrom: this.follows.isNew(stream) ? 'beginning' : 'now',
      source: mirrorSource(stream, this.#options),
      createHistory: (seed) => this.#createHistory(stream, { ...seed, losses: sourceLosses.kept }),
      onEvent: (record) => {
        if (this.#isWanted(stream, attached)) listener()?.onEvent(record);
      },
      onLoss: (loss) => {
        log.warn({ ...loss }, 'Events were lost between Redis and this node');
        if (this.#isWanted(stream, attached)) listener()?.onLoss(loss);
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
    await this.#channels.reconcile();
    await mirror.catchUp();
    const { connection, keys } = this.#options;
    const text = await connection.get(keys.of(stream).meta);
    if (text !== null) await sourceLosses.load(parseState(text));
    await this.#options.index.register(stream, 'if absent');
  }

  #createHistory(stream: string, seed: HistorySeed & { readonly losses: Losses }): MirrorHistory {
    const { limits, events } = this.#options;
    return new StreamHistory({ bounds: historyBounds(stream, limits), events, budget: this.budget, ...seed });
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
      if (state === undefined && attached.count === 0 && hasExpired(attached.mirror, ttl))
        return await this.#end(stream, attached);
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

  /** Forgets an expired stream; nothing of it was missed (MUL-6). */
  async #end(stream: string, attached: Attached): Promise<void> {
    if (this.#attached.get(stream) !== attached) return;
    this.#attached.delete(stream);
    attached.mirror.history?.close();
    if ((attached.mirror.head?.sequenceId ?? 0) > 0) this.#options.listener()?.onEnded(stream);
    await this.#options.index.remove(stream);
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
    if (!attached.heard) this.#channels.forget(stream);
    attached.heard = false;
  }
}
