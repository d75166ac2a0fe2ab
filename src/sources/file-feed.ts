/**
 * Publishes what a file source reports, in order: a change that cannot be published because the broker is unavailable is
 * retried with the same idempotency key, so that a lost reply does not publish it twice. When too many changes wait, they
 * are dropped and reported as a loss (GAP-2).
 */
import { posix } from 'node:path';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { FileChangePayload } from '../../generated/types.ts';
import { ProtocolError } from '../errors.ts';
import type { FileSourceListener } from './file-source.ts';

/** The target of changes: a gateway and a stream. */
export interface FeedTarget {
  publish(change: FileChangePayload, idempotencyKey: string): Promise<unknown>;
  announceLoss(paths: readonly string[]): Promise<void>;
}

export interface FileFeedOptions {
  readonly target: FeedTarget;
  readonly warn: (text: string) => void;
  /** Most changes that may wait for the broker; above this number they are dropped and reported as a loss. */
  readonly capacity?: number;
  /** The first and the longest wait between two attempts, in milliseconds. */
  readonly retryMs?: readonly [first: number, longest: number];
}

type Item =
  | { readonly kind: 'change'; readonly change: FileChangePayload; readonly key: string }
  | { readonly kind: 'loss'; readonly paths: readonly string[] }
  | { readonly kind: 'step'; readonly run: () => Promise<void> };

/** Enough for a large tree that is copied or deleted at once. A change takes about 300 bytes. */
const CAPACITY = 200_000;
const RETRY_MS = [100, 2_000] as const;
/** Changes in one batch: as many as the Redis broker stores in one script call. */
const BATCH = 128;
/** A source is asked for more changes when no more than this many wait. */
const LOW_WATER = 2_000;

export class FileFeed implements FileSourceListener {
  readonly #options: FileFeedOptions;
  readonly #stop = new AbortController();
  #queue: Item[] = [];
  /** Number of items at the front of the queue that are done. They are removed only sometimes, because removal moves all others. */
  #done = 0;
  #running: Promise<void> | undefined;
  /** Prefix of the idempotency keys of this feed; a random id for each change would cost more than the change. */
  readonly #id = ulid();
  #changes = 0;
  readonly #drained: (() => void)[] = [];

  constructor(options: FileFeedOptions) {
    this.#options = options;
  }

  /** Changes and losses that are not published yet. */
  get waiting(): number {
    return this.#queue.length - this.#done;
  }

  publish(change: FileChangePayload): void {
    this.#changes += 1;
    this.#enqueue({ kind: 'change', change, key: `${this.#id}.${this.#changes}` });
  }

  loss(paths: readonly string[]): void {
    this.#enqueue({ kind: 'loss', paths });
  }

  /** Runs a function when everything before it is published, and waits for it before the next change. It must not reject. */
  step(run: () => Promise<void>): void {
    this.#enqueue({ kind: 'step', run });
  }

  warning(text: string): void {
    this.#options.warn(text);
  }

  /** Resolves when the queue is short enough for more changes. */
  ready(): Promise<void> {
    if (this.waiting <= LOW_WATER) return Promise.resolve();
    return new Promise((resolve) => void this.#drained.push(resolve));
  }

  /** Drops the waiting changes. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    for (const each of this.#drained.splice(0)) each();
  }

  #enqueue(item: Item): void {
    const { capacity = CAPACITY, warn } = this.#options;
    if (this.waiting >= capacity) {
      warn(`${this.waiting} file changes are waiting for the broker: they are dropped and reported as a loss.`);
      const steps = this.#queue.slice(this.#done).filter(({ kind }) => kind === 'step');
      this.#queue = [{ kind: 'loss', paths: [''] }, ...steps];
      this.#done = 0;
    } else {
      this.#queue.push(item);
    }
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.waiting > 0 && !this.#stop.signal.aborted) {
      const batch = this.#nextBatch();
      const sent = await this.#send(batch);
      // An overflow may have replaced the queue in the meantime.
      if (this.#queue[this.#done] === batch[0]) this.#done += sent;
      if (this.#done * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#done);
        this.#done = 0;
      }
      // The gateway handles other work between two batches, however many there are.
      await nextTurn();
    }
    this.#queue = [];
    this.#done = 0;
    this.#running = undefined;
    for (const each of this.#drained.splice(0)) each();
  }

  /** The next items for the broker: consecutive changes, or one loss or step. */
  #nextBatch(): readonly Item[] {
    const batch: Item[] = [];
    for (let at = this.#done; at < this.#queue.length && batch.length < BATCH; at += 1) {
      const item = this.#queue[at];
      if (item === undefined || (item.kind !== 'change' && batch.length > 0)) break;
      batch.push(item);
      if (item.kind !== 'change') break;
    }
    return batch;
  }

  /**
   * Sends a batch until the broker has accepted it. The publishes of one turn of the event loop keep their order, with Redis as one call of a
   * script. After a failure everything from the first failed item on is sent again, in order: the broker recognises the items that it
   * has already accepted by their keys.
   * @returns how many items are done: all, unless the feed is closed
   */
  async #send(batch: readonly Item[]): Promise<number> {
    const { retryMs: [first, longest] = RETRY_MS } = this.#options;
    let sent = 0;
    for (let waitMs = first; !this.#stop.signal.aborted; waitMs = Math.min(waitMs * 2, longest)) {
      const results = await Promise.allSettled(batch.slice(sent).map((each) => this.#sendOne(each)));
      const failed = results.findIndex((each) => each.status === 'rejected');
      if (failed < 0) return batch.length;
      if (failed > 0) waitMs = first;
      sent += failed;
      await delay(waitMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
    return sent;
  }

  /** @throws {ProtocolError} if a retry may succeed */
  async #sendOne(item: Item): Promise<void> {
    const { target } = this.#options;
    try {
      if (item.kind === 'change') await target.publish(item.change, item.key);
      else if (item.kind === 'loss') await target.announceLoss(item.paths);
      else await item.run();
    } catch (error) {
      if (error instanceof ProtocolError && error.retryable) throw error;
      await this.#giveUp(item, error);
    }
  }

  /** A change that will never be published, for example under a name that the contract does not allow. */
  async #giveUp(item: Item, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : 'unknown fault';
    if (item.kind !== 'change') {
      this.#options.warn(`A loss could not be reported: ${reason}`);
      return;
    }
    const { path } = item.change;
    this.#options.warn(
      `A change of ${JSON.stringify(path)} could not be published and is reported as a loss: ${reason}`,
    );
    const directory = posix.dirname(path);
    await this.#sendOne({ kind: 'loss', paths: [directory === '.' ? '' : directory] });
  }
}
