/**
 * Sends the publishes of one node to Redis. The publishes of a stream in one turn of the event loop are sent in one script call, in order,
 * because a call costs Redis more than an event (docs/guides/operate.md has the numbers).
 */
import { BROKER_RETRY_MS } from '../broker.ts';
import { ProtocolError } from '../../errors.ts';
import { historyBounds, ttlOf } from '../history-bounds.ts';
import type { BrokerLimits, PublishResult, SourceLoss } from '../broker.ts';
import { NotSent } from './connection.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import type { KnownPlace } from './fence/knowledge.ts';
import type { RedisKeys } from './keys.ts';
import type { StreamIndex } from './stream-index.ts';
import { asTexts, ForeignState } from './line.ts';

/** One event, encoded as far as possible before it has its position. */
export interface Outgoing {
  readonly stream: string;
  readonly eventId: string;
  /** The part of the line that begins with the event id. */
  readonly rest: string;
  /** `+key`, `-key` or empty; see retain.ts. */
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
  /** The names of the events that are retained per key, as ARGV 5 of lua/publish.lua. */
  readonly namesPerKey: string;
  /** Maximum number of events that may wait for Redis. */
  readonly maxPending: number;
}

interface Pending {
  readonly event: Outgoing;
  resolve(result: PublishResult): void;
  reject(error: unknown): void;
}

/** The value of a stream in `#entered` once the stream is in the index. */
const KNOWN = Promise.resolve();
/** How many streams the publisher remembers as entered. Entering a forgotten stream again costs two calls. */
const MAX_ENTERED = 100_000;
/** Limits a script call to about a millisecond of Redis time. */
const MAX_BATCH_EVENTS = 128;
const MAX_BATCH_CHARACTERS = 256 * 1024;
/** Maximum number of attempts to send a batch. A stream may have to be created, and then settled, before it accepts an event. */
const MAX_ATTEMPTS = 4;

export class RedisPublisher {
  readonly #options: PublisherOptions;
  readonly #queues = new Map<string, Pending[]>();
  #pending = 0;
  #scheduled = false;
  /**
   * The streams that this node has entered into the index. The batches of a stream wait until it is entered, so that they keep their order.
   */
  readonly #entered = new Map<string, Promise<void>>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** @throws {ProtocolError} `broker_unavailable`. `details.outcome` is `unknown` if the event may have been stored. */
  publish(event: Outgoing): Promise<PublishResult> {
    if (this.#pending >= this.#options.maxPending) {
      const message = `${this.#pending} publishes are already waiting for Redis: nothing was stored, try again later`;
      return Promise.reject(
        new ProtocolError('broker_unavailable', message, { retryAfterMs: BROKER_RETRY_MS, details: NOT_STORED }),
      );
    }
    this.#pending += 1;
    const done = new Promise<PublishResult>((resolve, reject) => {
      const queue = this.#queues.get(event.stream);
      const pending = { event, resolve, reject };
      if (queue === undefined) this.#queues.set(event.stream, [pending]);
      else queue.push(pending);
    });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
    return done;
  }

  /** @throws {ProtocolError} `broker_unavailable`. */
  async announce({ stream, paths }: SourceLoss): Promise<void> {
    const { connection, keys, limits } = this.#options;
    const { meta, losses, channel } = keys.of(stream);
    const command = connection.sharded ? 'SPUBLISH' : 'PUBLISH';
    const args = [channel, command, limits.historyAgeMs, ttlOf(stream, limits), JSON.stringify(paths)];
    try {
      if (this.#entered.get(stream) !== KNOWN) await this.#beforeSending(stream, () => this.#enter(stream));
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const reply = String(await connection.run('announce', [meta, losses], args));
        if (/^\d+$/.test(reply)) return;
        if (reply !== 'unborn') throw refused(stream, reply);
        await this.#beforeSending(stream, () => this.#options.fence.open(stream));
      }
      throw new NotStored(`stream ${stream} cannot be created`);
    } catch (error) {
      throw publishFailure(error);
    }
  }

  #flush(): void {
    this.#scheduled = false;
    for (const [stream, queue] of this.#queues) {
      for (const batch of split(queue)) void this.#send(stream, batch);
    }
    this.#queues.clear();
  }

  async #send(stream: string, batch: readonly Pending[]): Promise<void> {
    try {
      const { departures, replies } = await this.#attempt(stream, batch);
      const results = this.#results(stream, batch, replies, departures);
      batch.forEach((pending, index) => {
        const result = results[index];
        if (result === undefined) pending.reject(publishFailure(new Error('a script returned too few results')));
        else pending.resolve(result);
      });
    } catch (error) {
      const refusal = publishFailure(error);
      for (const pending of batch) pending.reject(refusal);
    } finally {
      this.#pending -= batch.length;
    }
  }

  async #attempt(stream: string, batch: readonly Pending[]): Promise<Replies> {
    const { fence } = this.#options;
    if (this.#entered.get(stream) !== KNOWN) await this.#beforeSending(stream, () => this.#enter(stream));
    for (let attempt = 1; ; attempt += 1) {
      // An incarnation that is already known is not awaited, because batches must be sent in order.
      const incarnation =
        fence.cachedIncarnation(stream) ?? (await this.#beforeSending(stream, () => fence.incarnation(stream)));
      const { departures } = fence;
      const replies = await this.#run(stream, batch, incarnation);
      const [first = ''] = replies;
      if (first.startsWith('published ')) return { departures, replies };
      if (first !== 'unborn' && first !== 'fenced') throw refused(stream, first);
      if (attempt === MAX_ATTEMPTS) throw new NotStored(`stream ${stream} cannot be settled`);
      await this.#beforeSending(stream, () => (first === 'unborn' ? fence.open(stream) : fence.settle(stream)));
    }
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

  async #openAndEnter(stream: string): Promise<void> {
    const { fence, index } = this.#options;
    await index.enterFound(stream, await fence.open(stream));
  }

  async #run(stream: string, batch: readonly Pending[], incarnation: string): Promise<readonly string[]> {
    const { connection, keys, limits, namesPerKey } = this.#options;
    const { meta, log, latest, order, channel } = keys.of(stream);
    const names = [meta, log, latest, order];
    const command = connection.sharded ? 'SPUBLISH' : 'PUBLISH';
    const withKey: number[] = [];
    const events: string[] = [];
    batch.forEach(({ event }, index) => {
      if (event.onceKey !== undefined) {
        names.push(event.onceKey);
        withKey.push(index + 1);
      }
      events.push(event.rest, event.retain);
    });
    const args = [incarnation, channel, command, boundsText(stream, limits), namesPerKey, withKey.join(' '), ...events];
    return asTexts(await connection.run('publish', names, args));
  }

  /** Converts a failure that occurred before the publish was sent, so that nothing was stored. */
  async #beforeSending<T>(stream: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof ForeignState) throw refused(stream, 'foreign');
      throw new NotStored(refusalOf(error) ?? 'Redis does not answer', { cause: error });
    }
  }

  /** Converts the texts that lua/publish.lua returns to the results of a batch. */
  #results(
    stream: string,
    batch: readonly Pending[],
    [head = '', ...firsts]: readonly string[],
    departures: number,
  ): readonly PublishResult[] {
    const [, epoch = '', before, at] = head.split(' ');
    let sequenceId = Number(before);
    let newest: KnownPlace | undefined;
    const results = firsts.map((first, index): PublishResult => {
      if (first !== '') return duplicateOf(stream, first);
      const eventId = batch[index]?.event.eventId ?? '';
      sequenceId += 1;
      newest = { epoch, sequenceId, at: Number(at), eventId };
      return { stream, epoch, sequenceId, eventId, duplicate: false };
    });
    if (newest !== undefined) {
      this.#options.fence.know(stream, newest);
      this.#options.fence.confirm(stream, newest, departures);
    }
    return results;
  }
}

/** Parses the result of the first publish with an idempotency key: `<epoch> <sequence> <eventId> <at>`. */
function duplicateOf(stream: string, text: string): PublishResult {
  const [epoch = '', sequence, eventId = ''] = text.split(' ');
  return { stream, epoch, sequenceId: Number(sequence), eventId, duplicate: true };
}

interface Replies {
  /** This value was read before the batch was sent; see EpochFence.departures. */
  readonly departures: number;
  readonly replies: readonly string[];
}

/** Nothing was stored. The message tells the publisher why. */
class NotStored extends Error {}

function refused(stream: string, reply: string): NotStored {
  if (reply === 'foreign') return new NotStored(`another version of Tidemark wrote the stream ${stream}`);
  const [, command] = /^denied (.+)$/.exec(reply) ?? [];
  return new NotStored(
    command === undefined ? `Redis rejected the stream ${stream}` : `the Redis user may not run ${command}`,
  );
}

const NOT_STORED = { outcome: 'not_stored' } as const;
const UNKNOWN = { outcome: 'unknown' } as const;

/**
 * The error codes with which Redis rejects a script before the script has written anything, each with the text for the publisher. Redis
 * never raises these codes while a script runs (publish.lua).
 */
const REFUSALS: readonly (readonly [code: string, reason: string])[] = [
  ['OOM', 'Redis is out of memory'],
  ['READONLY', 'this Redis is a replica'],
  ['MISCONF', 'Redis cannot write to its disk'],
  ['NOREPLICAS', 'Redis has lost its replicas'],
  ['LOADING', 'Redis is loading its data'],
  ['MASTERDOWN', 'Redis has lost its master'],
  ['CLUSTERDOWN', 'the Redis cluster is down'],
  ['TRYAGAIN', 'the Redis cluster is moving the stream to another server'],
  ['MOVED', 'the Redis cluster has moved the stream to another server'],
  ['ASK', 'the Redis cluster is moving the stream to another server'],
  ['BUSY', 'Redis is busy with a script'],
  ['NOAUTH', 'Redis requires a login'],
];

/**
 * Decides whether the event may have been stored. It was certainly not stored if it was not sent, or if Redis rejected the script before
 * its first write. After any other error, it may have been stored.
 */
function publishFailure(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const text = error instanceof Error ? error.message : '';
  const refusal = refusalOf(error);
  if (error instanceof NotStored) return notStored(error.message, error);
  if (refusal !== undefined) return notStored(refusal, error);
  // Redis refused to run the script at all. An error within the script would name the script.
  if (text.startsWith('NOPERM ') && !text.includes('script:'))
    return notStored('the Redis user lacks a permission', error);
  if (error instanceof NotSent || text.includes('enableOfflineQueue'))
    return notStored('Redis cannot be reached', error);
  const reason = isReply(error) ? 'Redis failed during the publish' : 'Redis did not answer';
  const message = `${reason}: the event may or may not have been published. Repeat it with an idempotencyKey to publish it once.`;
  return new ProtocolError('broker_unavailable', message, {
    retryAfterMs: BROKER_RETRY_MS,
    details: UNKNOWN,
    cause: error,
  });
}

/** The reason why Redis refused to run a script at all. */
function refusalOf(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : '';
  return REFUSALS.find(([code]) => text.startsWith(`${code} `))?.[1];
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function notStored(reason: string, cause: unknown): ProtocolError {
  return new ProtocolError('broker_unavailable', `${reason}: nothing was stored`, {
    retryAfterMs: BROKER_RETRY_MS,
    details: NOT_STORED,
    cause,
  });
}

/** The bounds of the history, as ARGV 4 of lua/publish.lua. */
function boundsText(stream: string, limits: BrokerLimits): string {
  const { events, bytes, ageMs, keys } = historyBounds(stream, limits);
  return [events, bytes, ageMs, ttlOf(stream, limits), keys, limits.idempotencyWindowMs].join(' ');
}

function split(queue: readonly Pending[]): Pending[][] {
  const batches: Pending[][] = [];
  let batch: Pending[] = [];
  let characters = 0;
  for (const pending of queue) {
    const size = pending.event.rest.length;
    if (batch.length > 0 && (batch.length >= MAX_BATCH_EVENTS || characters + size > MAX_BATCH_CHARACTERS)) {
      batches.push(batch);
      batch = [];
      characters = 0;
    }
    batch.push(pending);
    characters += size;
  }
  batches.push(batch);
  return batches;
}
