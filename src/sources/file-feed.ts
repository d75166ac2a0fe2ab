/**
 * Carries what a file source tells to a gateway, in order and without loss: a change that cannot be published because the
 * broker is away is tried again, under the same idempotency key, so that an answer that was lost does not double it. What
 * there is no room to keep is said as a loss (GAP-2).
 */
import { posix } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { FileChangePayload } from '../../generated/types.ts';
import { ProtocolError } from '../errors.ts';
import type { FileSourceListener } from './file-source.ts';

/** Where changes go: a gateway and a stream. */
export interface FeedTarget {
  publish(change: FileChangePayload, idempotencyKey: string): Promise<unknown>;
  announceLoss(paths: readonly string[]): Promise<void>;
}

export interface FileFeedOptions {
  readonly target: FeedTarget;
  readonly warn: (text: string) => void;
  /** Changes that wait for the broker at most; more are given up and said as a loss. */
  readonly capacity?: number;
  /** The first and the longest wait between two attempts, in milliseconds. */
  readonly retryMs?: readonly [first: number, longest: number];
}

type Item =
  | { readonly kind: 'change'; readonly change: FileChangePayload; readonly key: string }
  | { readonly kind: 'loss'; readonly paths: readonly string[] };

/** A tree that is copied or deleted comes in one piece. About 300 bytes each. */
const CAPACITY = 200_000;
const RETRY_MS = [100, 2_000] as const;

export class FileFeed implements FileSourceListener {
  readonly #options: FileFeedOptions;
  readonly #stop = new AbortController();
  #queue: Item[] = [];
  /** Items at the front of the queue that are done; cutting them off moves the rest. */
  #done = 0;
  #running: Promise<void> | undefined;

  constructor(options: FileFeedOptions) {
    this.#options = options;
  }

  /** Changes and losses that are not published yet. */
  get waiting(): number {
    return this.#queue.length - this.#done;
  }

  publish(change: FileChangePayload): void {
    this.#enqueue({ kind: 'change', change, key: ulid() });
  }

  loss(paths: readonly string[]): void {
    this.#enqueue({ kind: 'loss', paths });
  }

  warning(text: string): void {
    this.#options.warn(text);
  }

  /** Gives up what waits. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #enqueue(item: Item): void {
    const { capacity = CAPACITY, warn } = this.#options;
    if (this.waiting >= capacity) {
      warn(`${this.waiting} file changes wait for the broker: they are given up, and said as a loss.`);
      this.#queue = [{ kind: 'loss', paths: [''] }];
      this.#done = 0;
    } else {
      this.#queue.push(item);
    }
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    for (let item = this.#queue[0]; item !== undefined && !this.#stop.signal.aborted; item = this.#queue[this.#done]) {
      await this.#send(item);
      // An overflow may have replaced the queue meanwhile.
      if (this.#queue[this.#done] === item) this.#done += 1;
      if (this.#done * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#done);
        this.#done = 0;
      }
    }
    this.#queue = [];
    this.#done = 0;
    this.#running = undefined;
  }

  async #send(item: Item): Promise<void> {
    const { target, retryMs: [first, longest] = RETRY_MS } = this.#options;
    for (let waitMs = first; !this.#stop.signal.aborted; waitMs = Math.min(waitMs * 2, longest)) {
      try {
        if (item.kind === 'change') await target.publish(item.change, item.key);
        else await target.announceLoss(item.paths);
        return;
      } catch (error) {
        if (!(error instanceof ProtocolError && error.retryable)) return this.#giveUp(item, error);
      }
      await delay(waitMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** A change that will never be published, for example under a name that the contract does not allow. */
  #giveUp(item: Item, error: unknown): void {
    const reason = error instanceof Error ? error.message : 'unknown fault';
    if (item.kind === 'loss') {
      this.#options.warn(`A loss could not be said: ${reason}`);
      return;
    }
    const { path } = item.change;
    this.#options.warn(`A change of ${JSON.stringify(path)} could not be published, and is said as a loss: ${reason}`);
    const directory = posix.dirname(path);
    this.#queue.splice(this.#done + 1, 0, { kind: 'loss', paths: [directory === '.' ? '' : directory] });
  }
}
