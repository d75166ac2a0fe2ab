/**
 * Publishes the reports of a file source in order. If the broker is unavailable, a change is retried with the same idempotency key. So the
 * change is not published twice if only the reply was lost. If too many changes wait, all of them are dropped and reported as a loss
 * (GAP-2). A `step` is a function that waits in the same queue. Steps are never dropped.
 */
import { posix } from 'node:path';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { FileChangePayload } from '../../generated/types.ts';
import { ProtocolError } from '../errors.ts';
import { stoppedWatching } from './file-source.ts';
import type { FileSourceListener } from './file-source.ts';

/** The stream of a gateway on which a feed publishes. */
export interface FeedTarget {
  publish(change: FileChangePayload, idempotencyKey: string): Promise<unknown>;
  announceLoss(paths: readonly string[]): Promise<void>;
}

export interface FileFeedOptions {
  readonly target: FeedTarget;
  readonly warn: (text: string) => void;
  /**
   * The maximum number of changes that may wait for the broker. If there are more, all waiting changes are dropped and reported as a loss.
   */
  readonly capacity?: number;
  /** The first delay between two attempts to publish, and the longest one, in milliseconds. */
  readonly retryMs?: readonly [first: number, longest: number];
}

type Item =
  | { readonly kind: 'change'; readonly change: FileChangePayload; readonly key: string }
  | { readonly kind: 'loss'; readonly paths: readonly string[] }
  | Step;

interface Step {
  readonly kind: 'step';
  /** Never rejects. */
  readonly run: () => Promise<void>;
  /** Called if the feed is closed before `run` has finished. */
  readonly abandon: () => void;
}

/** The default of `capacity`. It is enough for copying or deleting a large tree. A waiting change takes about 300 bytes of memory. */
const CAPACITY = 200_000;
const RETRY_MS = [100, 2_000] as const;
/** Maximum number of changes in one batch. The Redis broker stores at most this number with one script call. */
const BATCH = 128;
/** The source may deliver more changes only while at most this many changes wait. */
const LOW_WATER = 2_000;

export class FileFeed implements FileSourceListener {
  readonly #options: FileFeedOptions;
  readonly #stop = new AbortController();
  #queue: Item[] = [];
  /**
   * Number of items at the beginning of the queue that are already finished. They are not removed one by one, because each removal would
   * move all other items.
   */
  #done = 0;
  #running: Promise<void> | undefined;
  /**
   * Prefix of the idempotency keys of this feed. Each key is this prefix and a counter, because creating a random id for each change would
   * cost more than publishing the change.
   */
  readonly #id = ulid();
  #changes = 0;
  readonly #drained: (() => void)[] = [];

  constructor(options: FileFeedOptions) {
    this.#options = options;
  }

  /** Number of changes and losses that are not published yet, and of steps that have not finished. */
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

  /**
   * Runs a function when all earlier changes and losses are published or dropped. Later changes and losses wait until the function has
   * finished. If changes are dropped while the function waits, their loss is reported after the function has finished.
   * @returns what the function returns. Rejects if the feed is closed before
   */
  step<T>(run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const abandon = (): void => reject(stoppedWatching());
      if (this.#stop.signal.aborted) abandon();
      else this.#push({ kind: 'step', run: () => run().then(resolve, reject), abandon });
    });
  }

  warning(text: string): void {
    this.#options.warn(text);
  }

  /** Resolves when few enough changes wait, so that the source may deliver more. */
  ready(): Promise<void> {
    if (this.waiting <= LOW_WATER) return Promise.resolve();
    return new Promise((resolve) => void this.#drained.push(resolve));
  }

  /** Stops publishing. Waiting changes are dropped, and waiting steps reject. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const each of this.#steps()) each.abandon();
    await this.#running;
    for (const each of this.#drained.splice(0)) each();
  }

  #enqueue(item: Exclude<Item, Step>): void {
    const { capacity = CAPACITY, warn } = this.#options;
    if (this.waiting < capacity) return this.#push(item);
    warn(
      `${this.waiting} file changes are waiting for the broker. No more can wait, so these changes are dropped and reported as a loss.`,
    );
    // Report the loss after the waiting steps. A step may send a client a listing, with the position from which the client continues.
    // Changes after the step are not in the listing. If their loss were reported before that position, the client would miss both.
    this.#queue = [...this.#steps(), { kind: 'loss', paths: [''] }];
    this.#done = 0;
  }

  #push(item: Item): void {
    this.#queue.push(item);
    this.#running ??= this.#run();
  }

  #steps(): readonly Step[] {
    return this.#queue.slice(this.#done).filter((each) => each.kind === 'step');
  }

  async #run(): Promise<void> {
    while (this.waiting > 0 && !this.#stop.signal.aborted) {
      const batch = this.#nextBatch();
      const sent = await this.#send(batch);
      // The items may no longer be in the queue, because an overflow has replaced the queue in the meantime.
      if (this.#queue[this.#done] === batch[0]) this.#done += sent;
      if (this.#done * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#done);
        this.#done = 0;
      }
      // Let the gateway do other work between two batches.
      await nextTurn();
    }
    this.#queue = [];
    this.#done = 0;
    this.#running = undefined;
    for (const each of this.#drained.splice(0)) each();
  }

  /** The next items to send: either consecutive changes, or a single loss or step. */
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
   * Sends a batch until the broker has accepted all of it. All items of the batch are published in the same turn of the event loop.
   * Therefore they keep their order and, with Redis, are stored by one script call. After a failure, everything from the first failed item
   * on is sent again in the same order. The broker recognises items that it has already accepted by their idempotency keys.
   * @returns the number of finished items; less than all items only if the feed was closed
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

  /** Sends one item. @throws {ProtocolError} if another attempt may succeed */
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

  /**
   * Handles an item that can never be published, for example because the contract does not allow the name of a file. Writes a warning, and
   * reports a change as a loss of its directory.
   */
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
