/**
 * The streams that a node has attached: each one counted, subscribed once, mirrored once. Only streams with local
 * subscribers cost anything. Subscriptions of one turn go to Redis together, and a stream that is left stays for a
 * moment, because who leaves often comes back.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError } from '../../errors.ts';
import { StreamHistory } from '../../replay/history.ts';
import { Losses } from '../../replay/losses.ts';
import type { EventTable } from '../../catalogue/event-table.ts';
import type { KeptLoss } from '../../replay/record.ts';
import { historyBounds } from '../history-bounds.ts';
import type { BrokerLimits, BrokerListener, BrokerLog, Snapshot, StreamInfo } from '../broker.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts, parseLine, parseLoss, parseState } from './line.ts';
import type { Line } from './line.ts';
import { StreamMirror } from './mirror.ts';
import { namesPerKey } from './retain.ts';
import type { HistorySeed, LogPage, MirrorHistory, MirrorSource } from './mirror.ts';

export interface AttachedStreamsOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
  readonly limits: BrokerLimits;
  readonly events: EventTable;
  /** TTL of a stream's keys in milliseconds, 0 for none. */
  readonly ttlOf: (stream: string) => number;
  readonly listener: () => BrokerListener | undefined;
  readonly log: BrokerLog;
}

interface Attached {
  readonly mirror: StreamMirror;
  count: number;
  /** Resolves once the mirror is loaded and its subscription stands. */
  ready: Promise<void>;
  /** When the last one left, by the performance clock. */
  leftAt: number;
  /** Number of the newest source loss heard of; -1 before they were read. */
  losses: number;
  /** The life of the stream in which they are counted. */
  epoch: string;
  readonly kept: Losses;
  /** When the TTL was last renewed, by the performance clock. */
  renewedAt: number;
  /** Whether a message came since the mirror was last found behind. */
  heard: boolean;
}

const PAGE_EVENTS = 512;
const LINGER_MS = 5_000;
/** A message that is on its way arrives sooner than this; after it, the log is asked. */
const PATIENCE_MS = 20;

export class AttachedStreams {
  readonly #options: AttachedStreamsOptions;
  readonly #attached = new Map<string, Attached>();
  readonly #subscribed = new Set<string>();
  #subscribing: Promise<void> | undefined;

  constructor(options: AttachedStreamsOptions) {
    this.#options = options;
  }

  async attach(stream: string): Promise<void> {
    const attached = this.#attached.get(stream) ?? this.#begin(stream);
    attached.count += 1;
    try {
      await attached.ready;
    } catch (error) {
      this.detach(stream);
      if (attached.count === 0 && this.#attached.get(stream) === attached) this.#attached.delete(stream);
      throw new ProtocolError('broker_unavailable', 'Redis did not give the history of the stream', {
        retryAfterMs: 1_000,
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
      throw new ProtocolError('broker_unavailable', 'Redis did not say where the stream ends', {
        retryAfterMs: 1_000,
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
      this.#receiveLoss(stream, attached, text);
    } else {
      for (const line of text.split('\n')) attached.mirror.receive(parseLine(line));
    }
  }

  /** After the subscriber has connected: nothing is subscribed, and anything may have been missed. */
  async resubscribe(): Promise<void> {
    this.#subscribed.clear();
    await this.#subscribe();
    for (const attached of this.#attached.values()) this.#catchUp(attached);
  }

  /** @throws {Error} when a stream could not be read. */
  async catchUpAll(): Promise<void> {
    await Promise.all([...this.#attached.values()].map(({ mirror }) => mirror.catchUp()));
  }

  /** Compares every mirror with its stream, lets go of streams that were left, and keeps attached sessions alive. */
  lookAtHeads(): void {
    const now = performance.now();
    for (const [stream, attached] of this.#attached) {
      if (attached.count === 0 && now - attached.leftAt > LINGER_MS) this.#attached.delete(stream);
      else void this.#lookAtHead(stream, attached);
    }
    this.#subscribe().catch((error: unknown) => this.#options.log.warn({ err: error }, 'could not subscribe at Redis'));
  }

  close(): void {
    this.#attached.clear();
  }

  #begin(stream: string): Attached {
    const kept = new Losses();
    const mirror = new StreamMirror({
      stream,
      source: this.#sourceOf(stream),
      createHistory: (seed) => this.#createHistory(stream, { ...seed, losses: kept }),
      onEvent: (record) => {
        if (attached.count > 0) this.#options.listener()?.onEvent(record);
      },
      onLoss: (loss) => {
        this.#options.log.warn({ ...loss }, 'events were lost between Redis and this node');
        if (attached.count > 0) this.#options.listener()?.onLoss(loss);
      },
      onKnown: (place) => this.#options.fence.know(stream, place),
    });
    const attached: Attached = {
      mirror,
      count: 0,
      ready: Promise.resolve(),
      leftAt: 0,
      losses: -1,
      epoch: '',
      kept,
      renewedAt: 0,
      heard: true,
    };
    this.#attached.set(stream, attached);
    attached.ready = this.#load(stream, attached);
    return attached;
  }

  /** Subscribed first, then read: what is published in between arrives by one of the two. */
  async #load(stream: string, attached: Attached): Promise<void> {
    await this.#subscribe();
    await attached.mirror.catchUp();
    const { connection, keys } = this.#options;
    const text = await connection.get(keys.of(stream).meta);
    if (attached.losses >= 0 || text === null) return;
    const entries = await connection.range(keys.of(stream).losses, '-');
    for (const [, [, loss = '']] of entries) attached.kept.add(parseLoss(loss));
    const { epoch, losses } = parseState(text);
    attached.epoch = epoch;
    attached.losses = Math.max(losses, numberOf(entries.at(-1)?.[0]));
  }

  #createHistory(stream: string, seed: HistorySeed & { readonly losses: Losses }): MirrorHistory {
    const { limits, events } = this.#options;
    return new StreamHistory({ bounds: historyBounds(stream, limits), events, ...seed });
  }

  #sourceOf(stream: string): MirrorSource {
    const { connection, keys, fence } = this.#options;
    const { meta, log } = keys.of(stream);
    return {
      readLog: async (from) => {
        const id = from === undefined ? '-' : `${from.at}-${from.sequenceId}`;
        return toPage(await connection.run('read', [meta, log], [id, PAGE_EVENTS]));
      },
      readRetained: () => this.#readRetained(stream),
      open: () => fence.open(stream),
      settle: () => fence.settle(stream),
      isSettled: (state) => fence.isCurrent(stream, state),
    };
  }

  async #readRetained(stream: string): Promise<readonly Line[]> {
    const { connection, keys, events } = this.#options;
    const { meta, latest, order } = keys.of(stream);
    const lines: Line[] = [];
    for (let from = '-inf'; from !== '';) {
      const reply = await connection.run('retained', [meta, latest, order], [from, PAGE_EVENTS, namesPerKey(events)]);
      const [, next = '', ...page] = asTexts(reply);
      lines.push(...page.map(parseLine));
      from = next;
    }
    return lines;
  }

  /** Brings Redis's subscriptions to what is attached; calls of one turn share one run. */
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
      const text = renew ? await connection.getAndExpire(meta, ttl) : await connection.get(meta);
      const state = text === null ? undefined : parseState(text);
      if (state !== undefined) {
        this.#countFrom(attached, state.epoch);
        await this.#hearLosses(stream, attached, state.losses);
      }
      const behind = state === undefined || !attached.mirror.covers(state);
      if (behind) this.#suspect(stream, attached);
      if (behind || (await fence.isSuspicious(stream, state))) await attached.mirror.catchUp();
    } catch (error) {
      this.#options.log.warn({ err: error, stream }, 'the head of a stream cannot be read');
    }
  }

  /** Events, but no message since the last look: the subscription may be gone without anybody having said so. */
  #suspect(stream: string, attached: Attached): void {
    if (!attached.heard) this.#subscribed.delete(stream);
    attached.heard = false;
  }

  /** One that follows what is known is said at its place among the events; any other is read, with what lies between. */
  #receiveLoss(stream: string, attached: Attached, text: string): void {
    const end = text.indexOf(' ');
    const number = Number(text.slice(1, end));
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`unreadable loss in Redis: ${text.slice(0, 200)}`);
    const loss = parseLoss(text.slice(end + 1));
    this.#countFrom(attached, loss.epoch);
    if (number === attached.losses + 1 && attached.losses >= 0) {
      attached.losses = number;
      this.#sayLoss(stream, attached, loss);
    } else {
      void this.#hearLosses(stream, attached, number);
    }
  }

  /** A new life of the stream begins to count anew. */
  #countFrom(attached: Attached, epoch: string): void {
    if (attached.losses < 0 || attached.epoch === epoch) return;
    attached.epoch = epoch;
    attached.losses = 0;
  }

  #sayLoss(stream: string, attached: Attached, loss: KeptLoss): void {
    attached.kept.add(loss);
    if (attached.count > 0) this.#options.listener()?.onSourceLoss({ stream, paths: loss.paths });
  }

  /** Says the source losses up to a number, each one once. */
  async #hearLosses(stream: string, attached: Attached, upTo: number): Promise<void> {
    const known = attached.losses;
    if (known < 0 || upTo <= known) return;
    attached.losses = upTo;
    const { connection, keys } = this.#options;
    try {
      for (const [id, [, text = '']] of await connection.range(keys.of(stream).losses, `(${known}-0`)) {
        const number = numberOf(id);
        const heard = number > upTo && number <= attached.losses;
        attached.losses = Math.max(attached.losses, number);
        const loss = parseLoss(text);
        if (!heard && loss.epoch === attached.epoch) this.#sayLoss(stream, attached, loss);
      }
    } catch (error) {
      attached.losses = known;
      this.#options.log.warn({ err: error, stream }, 'a source loss cannot be read yet');
    }
  }
}

function toPage(reply: unknown): LogPage {
  const [state = '', more, ...lines] = asTexts(reply);
  return { state: state === '' ? undefined : parseState(state), more: more === '1', lines: lines.map(parseLine) };
}

/** Of a loss, from the id of its entry. */
function numberOf(id = '0'): number {
  return Number.parseInt(id, 10);
}
