/**
 * Sends to Redis the events that one node publishes. Events of a stream that wait at the same time share one call of lua/publish.lua, in
 * order, because a call costs Redis more than an event (docs/guides/operate.md has the numbers).
 */
import { BROKER_RETRY_MS } from '../broker.ts';
import { ProtocolError } from '../../errors.ts';
import { MOST_LOSSES } from '../../replay/losses.ts';
import { historyBounds, ttlOf } from '../history-bounds.ts';
import type { BrokerLimits, PublishResult, SourceLoss } from '../broker.ts';
import { isUnloaded } from './connection.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import type { KnownPlace } from './fence/knowledge.ts';
import type { RedisKeys } from './keys.ts';
import { PublishLane } from './publish-lane.ts';
import type { LaneBatch, Preparation, Refusal, Report } from './publish-lane.ts';
import type { Created, StreamIndex } from './stream-index.ts';
import { asTexts, ForeignState } from './line.ts';
import { NOT_STORED, NotStored, publishFailure, refusalOf, refused } from './publish-failure.ts';

/** One event, encoded as far as possible before it has its position. */
export interface Outgoing {
  readonly stream: string;
  readonly eventId: string;
  /** The line to store in Redis for the event (keys.ts), without the parts before the event id. */
  readonly rest: string;
  /** `+key`, `-key` or empty: how the event changes the retained events (retain.ts). */
  readonly retain: string;
  /** The Redis key that stores the result of the publish, if the event has an idempotency key. */
  readonly onceKey?: string;
}

export interface PublisherOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
  readonly index: StreamIndex;
  readonly limits: BrokerLimits;
  /** The names of the events that are retained per key, as ARGV 6 of lua/publish.lua. */
  readonly namesPerKey: string;
  /** Maximum number of events that Redis has not acknowledged yet. Further events are rejected. */
  readonly maxPending: number;
}

interface Pending {
  readonly event: Outgoing;
  resolve(result: PublishResult): void;
  reject(error: unknown): void;
}

/** The value of a stream in `#entered` once the stream is in the index. */
const KNOWN = Promise.resolve();
/** How many streams the publisher remembers as entered into the index. Entering a forgotten stream again costs two calls. */
const MAX_ENTERED = 100_000;
/**
 * Maximum number of attempts to send a batch. Redis may refuse the first attempts, because the stream must be created or the fence must
 * decide.
 */
const MAX_ATTEMPTS = 4;

export class RedisPublisher {
  readonly #options: PublisherOptions;
  #pending = 0;
  /** The lanes of the streams with events that Redis has not acknowledged yet. */
  readonly #lanes = new Map<string, PublishLane<Pending>>();
  /** The streams that this node has entered into the index, or is entering. */
  readonly #entered = new Map<string, Promise<void>>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * Publishes an event. @throws {ProtocolError} `broker_unavailable`; its `details.outcome` is `unknown` if the event may have been stored
   */
  publish(event: Outgoing): Promise<PublishResult> {
    if (this.#pending >= this.#options.maxPending) {
      const message = `${this.#pending} publishes are already waiting for Redis: nothing was stored, try again later`;
      return Promise.reject(
        new ProtocolError('broker_unavailable', message, { retryAfterMs: BROKER_RETRY_MS, details: NOT_STORED }),
      );
    }
    this.#pending += 1;
    return new Promise<PublishResult>((resolve, reject) => {
      this.#laneOf(event.stream).add({ event, resolve, reject });
    });
  }

  /** Publishes a source loss. @throws {ProtocolError} `broker_unavailable` */
  async announce({ stream, paths }: SourceLoss): Promise<void> {
    const { connection, keys, limits } = this.#options;
    const { meta, losses, channel } = keys.of(stream);
    const command = connection.sharded ? 'SPUBLISH' : 'PUBLISH';
    const args = [channel, command, MOST_LOSSES, ttlOf(stream, limits), JSON.stringify(paths)];
    try {
      if (this.#entered.get(stream) !== KNOWN) await this.#beforeSending(stream, () => this.#enter(stream));
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const reply = String(await connection.run('announce', [meta, losses], args));
        if (/^\d+$/.test(reply)) return reply === '1' ? await this.#enterLate(stream, {}) : undefined;
        if (reply !== 'unborn') throw refused(stream, reply);
        await this.#beforeSending(stream, () => this.#enterAgain(stream));
      }
      throw new NotStored(`stream ${stream} cannot be created`);
    } catch (error) {
      throw publishFailure(error);
    }
  }

  #laneOf(stream: string): PublishLane<Pending> {
    const known = this.#lanes.get(stream);
    if (known !== undefined) return known;
    const { fence } = this.#options;
    const lane = new PublishLane<Pending>({
      sizeOf: ({ event: { rest } }) => rest.length,
      need: () => {
        if (this.#entered.get(stream) !== KNOWN) return 'enter';
        return fence.cachedIncarnation(stream) === undefined ? 'ask' : undefined;
      },
      prepare: (preparation) => this.#beforeSending(stream, () => this.#prepare(stream, preparation)),
      send: (batch) => this.#send(stream, batch),
      reject: (items, error) => this.#reject(items, error),
      onIdle: () => this.#lanes.delete(stream),
    });
    this.#lanes.set(stream, lane);
    return lane;
  }

  async #send(stream: string, batch: LaneBatch<Pending>): Promise<Refusal | Report> {
    const { fence } = this.#options;
    const { departures } = fence;
    try {
      const replies = await this.#run(stream, batch, fence.cachedIncarnation(stream) ?? '');
      const [first = ''] = replies;
      if (first.startsWith('published ')) {
        const results = this.#results(stream, batch, replies, departures);
        return () => void this.#resolve(stream, batch, results);
      }
      if (first === 'moved') return first;
      if (first !== 'unborn' && first !== 'fenced') throw refused(stream, first);
      if (batch.attempts < MAX_ATTEMPTS) return first;
      throw new NotStored(`stream ${stream} was not ready in Redis after ${MAX_ATTEMPTS} attempts`);
    } catch (error) {
      if (batch.script === 'loaded' && isUnloaded(error)) return 'unloaded';
      return () => this.#reject(batch.items, error);
    }
  }

  async #resolve(stream: string, { items, entered }: LaneBatch<Pending>, results: Results): Promise<void> {
    if (entered === 'earlier' && results.areFirst) await this.#enterLate(stream, results);
    this.#pending -= items.length;
    items.forEach((pending, index) => {
      const result = results.each[index];
      if (result === undefined) pending.reject(publishFailure(new Error('a script returned too few results')));
      else pending.resolve(result);
    });
  }

  #reject(items: readonly Pending[], error: unknown): void {
    this.#pending -= items.length;
    const refusal = publishFailure(error);
    for (const pending of items) pending.reject(refusal);
  }

  /** Creates the stream and enters it into the index before this node publishes its first event on it. */
  async #enter(stream: string): Promise<void> {
    let entering = this.#entered.get(stream);
    if (entering === undefined) {
      if (this.#entered.size >= MAX_ENTERED) this.#entered.clear();
      entering = this.#openAndEnter(stream);
      this.#entered.set(stream, entering);
    }
    try {
      await entering;
      if (this.#entered.get(stream) === entering) this.#entered.set(stream, KNOWN);
    } catch (error) {
      this.#entered.delete(stream);
      throw error;
    }
  }

  async #prepare(stream: string, preparation: Preparation): Promise<void> {
    const { fence } = this.#options;
    if (preparation === 'enter') await this.#enter(stream);
    else if (preparation === 'ask') await fence.incarnation(stream);
    else if (preparation === 'unborn') await this.#enterAgain(stream);
    else if (preparation === 'fenced') await fence.settle(stream);
  }

  /** Creates a stream again, and enters it again, after it has expired. */
  async #enterAgain(stream: string): Promise<void> {
    if (this.#entered.get(stream) === KNOWN) this.#entered.delete(stream);
    await this.#enter(stream);
  }

  async #openAndEnter(stream: string): Promise<void> {
    const { fence, index } = this.#options;
    const state = await fence.open(stream);
    if (state.sequenceId === 0) await index.enterCreated(stream, state);
    else await index.enterFound(stream, state);
  }

  /**
   * Enters a stream into the index after its first event or source loss. The stream may be missing there although it is in `#entered`: this
   * node entered the stream earlier, the stream expired, and a client then created it again by naming it. If this method fails, the index
   * tries again.
   */
  async #enterLate(stream: string, created: Created): Promise<void> {
    await this.#options.index.enterCreated(stream, created).catch(() => undefined);
  }

  async #run(
    stream: string,
    { items, after, script }: LaneBatch<Pending>,
    incarnation: string,
  ): Promise<readonly string[]> {
    const { connection, keys, limits, namesPerKey } = this.#options;
    const { meta, log, latest, order, losses, channel } = keys.of(stream);
    const names = [meta, log, latest, order, losses];
    const command = connection.sharded ? 'SPUBLISH' : 'PUBLISH';
    const withKey: number[] = [];
    const events: string[] = [];
    items.forEach(({ event }, index) => {
      if (event.onceKey !== undefined) {
        names.push(event.onceKey);
        withKey.push(index + 1);
      }
      events.push(event.rest, event.retain);
    });
    const newest = after?.event.eventId ?? '';
    const bounds = boundsText(stream, limits);
    const args = [incarnation, newest, channel, command, bounds, namesPerKey, withKey.join(' '), ...events];
    return asTexts(await connection.runOnce('publish', names, args, script));
  }

  /** Runs a step that precedes the publish. If it fails, throws an error which reports that nothing was stored. */
  async #beforeSending<T>(stream: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof ForeignState) throw refused(stream, 'foreign');
      throw new NotStored(refusalOf(error) ?? 'Redis does not answer', { cause: error });
    }
  }

  /** Converts the texts that lua/publish.lua has returned for a batch to the results of its publishes. */
  #results(
    stream: string,
    { items }: LaneBatch<Pending>,
    [head = '', ...firsts]: readonly string[],
    departures: number,
  ): Results {
    const [, epoch = '', before, at] = head.split(' ');
    let sequenceId = Number(before);
    let newest: KnownPlace | undefined;
    const each = firsts.map((first, index): PublishResult => {
      if (first !== '') return duplicateOf(stream, first);
      const eventId = items[index]?.event.eventId ?? '';
      sequenceId += 1;
      newest = { epoch, sequenceId, at: Number(at), eventId };
      return { stream, epoch, sequenceId, eventId, duplicate: false };
    });
    if (newest !== undefined) {
      this.#options.fence.know(stream, newest);
      this.#options.fence.confirm(stream, newest, departures);
    }
    return { epoch, each, areFirst: before === '0' };
  }
}

/** Parses the result of the first publish with an idempotency key: `<epoch> <sequence> <eventId> <at>`. */
function duplicateOf(stream: string, text: string): PublishResult {
  const [epoch = '', sequence, eventId = ''] = text.split(' ');
  return { stream, epoch, sequenceId: Number(sequence), eventId, duplicate: true };
}

interface Results {
  readonly epoch: string;
  readonly each: readonly PublishResult[];
  /** Whether the first of these events is the first event of its epoch. */
  readonly areFirst: boolean;
}

/** Formats the bounds of the history as ARGV 5 of lua/publish.lua. */
function boundsText(stream: string, limits: BrokerLimits): string {
  const { events, bytes, ageMs, keys } = historyBounds(stream, limits);
  return [events, bytes, ageMs, ttlOf(stream, limits), keys, limits.idempotencyWindowMs].join(' ');
}
