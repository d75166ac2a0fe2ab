/**
 * Sends the publishes of one node: those that come in one turn of the event loop for one stream go as one script call,
 * in their order. A call costs Redis more than an event does (docs/guides/operate.md has the numbers).
 */
import { ProtocolError } from '../../errors.ts';
import { historyBounds, ttlOf } from '../history-bounds.ts';
import type { BrokerLimits, PublishResult } from '../broker.ts';
import { NotSent } from './connection.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts } from './line.ts';

/** One event, encoded as far as it can be before it has its place. */
export interface Outgoing {
  readonly stream: string;
  readonly eventId: string;
  /** The line without its first three members. */
  readonly tail: string;
  /** `+key`, `-key` or nothing: see retain.ts. */
  readonly retain: string;
  /** Key in Redis that remembers the result, when there is an idempotency key. */
  readonly onceKey?: string;
}

export interface PublisherOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
  readonly limits: BrokerLimits;
  /** ARGV 5 of lua/publish.lua. */
  readonly namesPerKey: string;
  /** Events that may wait for Redis at once. */
  readonly maxPending: number;
}

interface Pending {
  readonly event: Outgoing;
  resolve(result: PublishResult): void;
  reject(error: unknown): void;
}

/** So that one script call holds Redis up for well under a millisecond or two. */
const MAX_BATCH_EVENTS = 128;
const MAX_BATCH_CHARACTERS = 256 * 1024;
/** A stream may have to be begun, then settled, before it takes an event. */
const MAX_ATTEMPTS = 4;

export class RedisPublisher {
  readonly #options: PublisherOptions;
  readonly #queues = new Map<string, Pending[]>();
  #pending = 0;
  #scheduled = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** @throws {ProtocolError} `broker_unavailable`; `details.outcome` is `unknown` when the event may have been stored. */
  publish(event: Outgoing): Promise<PublishResult> {
    if (this.#pending >= this.#options.maxPending) {
      const message = `${this.#pending} publishes already wait for Redis: nothing was stored, try again later`;
      return Promise.reject(
        new ProtocolError('broker_unavailable', message, { retryAfterMs: 1_000, details: NOT_STORED }),
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

  #flush(): void {
    this.#scheduled = false;
    for (const [stream, queue] of this.#queues) {
      for (const batch of split(queue)) void this.#send(stream, batch);
    }
    this.#queues.clear();
  }

  async #send(stream: string, batch: readonly Pending[]): Promise<void> {
    try {
      const replies = await this.#attempt(stream, batch);
      batch.forEach((pending, index) => pending.resolve(this.#result(stream, replies[index])));
    } catch (error) {
      const refusal = publishFailure(error);
      for (const pending of batch) pending.reject(refusal);
    } finally {
      this.#pending -= batch.length;
    }
  }

  async #attempt(stream: string, batch: readonly Pending[]): Promise<readonly string[]> {
    const { fence } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      // Not awaited when it is known: batches must leave in the order in which they were made.
      const incarnation =
        fence.cachedIncarnation(stream) ?? (await this.#beforeSending(() => fence.incarnation(stream)));
      const replies = await this.#run(stream, batch, incarnation);
      const [first] = replies;
      if (first !== 'unborn' && first !== 'fenced') return replies;
      if (attempt === MAX_ATTEMPTS) throw new NotStored(`stream ${stream} cannot be settled`);
      await this.#beforeSending(() => (first === 'unborn' ? fence.open(stream) : fence.settle(stream)));
    }
  }

  async #run(stream: string, batch: readonly Pending[], incarnation: string): Promise<readonly string[]> {
    const { connection, keys, limits, namesPerKey } = this.#options;
    const { meta, log, latest, order, channel } = keys.of(stream);
    const names = [meta, log, latest, order];
    const command = connection.sharded ? 'SPUBLISH' : 'PUBLISH';
    const args = [incarnation, channel, command, boundsText(stream, limits), namesPerKey];
    for (const { event } of batch) {
      const once = event.onceKey === undefined ? '' : String(names.push(event.onceKey));
      args.push(event.eventId, event.tail, event.retain, once);
    }
    return asTexts(await connection.run('publish', names, args));
  }

  /** Whatever fails before the publish was sent has stored nothing. */
  async #beforeSending<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw new NotStored('Redis does not answer', { cause: error });
    }
  }

  #result(stream: string, reply: string | undefined): PublishResult {
    const [status, epoch = '', sequence, eventId = '', at] = (reply ?? '').split(' ');
    const sequenceId = Number(sequence);
    if (status === 'published') this.#options.fence.know(stream, { epoch, sequenceId, at: Number(at), eventId });
    return { stream, epoch, sequenceId, eventId, duplicate: status === 'duplicate' };
  }
}

class NotStored extends Error {}

const NOT_STORED = { outcome: 'not_stored' } as const;
const UNKNOWN = { outcome: 'unknown' } as const;

/** What Redis says when it refuses a script as a whole, and what the publisher may be told. */
const REFUSALS: readonly (readonly [code: string, reason: string])[] = [
  ['OOM', 'Redis is out of memory'],
  ['READONLY', 'this Redis is a replica'],
  ['MISCONF', 'Redis cannot write to its disk'],
  ['NOREPLICAS', 'Redis has lost its replicas'],
  ['LOADING', 'Redis is loading its data'],
  ['MASTERDOWN', 'Redis has lost its master'],
  ['CLUSTERDOWN', 'the Redis cluster is down'],
  ['BUSY', 'Redis is busy with a script'],
  ['NOPERM', 'the Redis user lacks a permission'],
  ['NOAUTH', 'Redis wants a login'],
];

/** Sorts out whether the event may have been stored: only an answer of Redis, or not having sent, proves that it was not. */
export function publishFailure(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const text = error instanceof Error ? error.message : '';
  const refusal = REFUSALS.find(([code]) => text.startsWith(code));
  const isReply = error instanceof Error && error.name === 'ReplyError';
  const unsent = error instanceof NotStored || error instanceof NotSent || text.includes('enableOfflineQueue');
  if (refusal !== undefined || isReply || unsent) {
    const reason = refusal?.[1] ?? (isReply ? 'Redis refused the event' : 'Redis cannot be reached');
    return new ProtocolError('broker_unavailable', `${reason}: nothing was stored`, {
      retryAfterMs: 1_000,
      details: NOT_STORED,
      cause: error,
    });
  }
  const message =
    'Redis did not answer: the event may or may not have been published. Repeat it with an idempotencyKey to publish it once.';
  return new ProtocolError('broker_unavailable', message, { retryAfterMs: 1_000, details: UNKNOWN, cause: error });
}

/** ARGV 4 of lua/publish.lua. */
function boundsText(stream: string, limits: BrokerLimits): string {
  const { events, bytes, ageMs, keys } = historyBounds(stream, limits);
  return [events, bytes, ageMs, ttlOf(stream, limits), keys, limits.idempotencyWindowMs].join(' ');
}

function split(queue: readonly Pending[]): Pending[][] {
  const batches: Pending[][] = [];
  let batch: Pending[] = [];
  let characters = 0;
  for (const pending of queue) {
    const size = pending.event.tail.length;
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
