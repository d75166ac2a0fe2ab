/**
 * Implements a {@link Subscription}: receives the server's messages, decides with its cursor which events are new, and
 * queues them for the reader. `Enrolment` sends its commands.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Settle } from './commands.ts';
import { Cursor } from './cursor.ts';
import type { ClientGapReason, CursorGap } from './cursor.ts';
import { defer } from './deferred.ts';
import { callListener } from './emitter.ts';
import { Enrolment } from './enrolment.ts';
import type { Asked } from './enrolment.ts';
import { ProtocolViolation, SubscriptionError } from './errors.ts';
import type { TidemarkError } from './errors.ts';
import { DeliveryQueue } from './queue.ts';
import type { FeedSettings } from './request.ts';
import type { ReplaySummary, SubscriptionState } from './subscription.ts';
import { isObject, readPosition } from './wire.ts';
import type { EventPrefix, Frame, Position } from './wire.ts';

/** A gap for the queue and for listeners; the facade adds the contract's types. */
export interface FeedGap {
  readonly kind: 'gap';
  readonly subscriptionId: string;
  readonly stream: string;
  readonly from: Position | undefined;
  readonly to: Position | undefined;
  readonly reason: string;
  readonly repair: object | undefined;
  readonly noticedBy: 'server' | 'client';
}

/** The functions of the client that a feed uses. */
export interface FeedPort {
  readonly request: (command: 'subscribe' | 'unsubscribe', data: Frame['data'], settle: Settle) => boolean;
  readonly backoffMs: (attempt: number) => number;
  readonly onGap: (feed: Feed, gap: FeedGap) => void;
  readonly onResumed: (feed: Feed) => void;
  readonly onPostponed: (feed: Feed, error: TidemarkError, delayMs: number) => void;
  readonly onParked: (feed: Feed) => void;
  readonly onViolation: (error: ProtocolViolation) => void;
  /** The feed has ended on both sides. */
  readonly onDetached: (feed: Feed) => void;
}

export interface FeedOptions extends FeedSettings {
  readonly id: string;
  readonly port: FeedPort;
}

export class Feed {
  readonly id: string;
  readonly #options: FeedOptions;
  readonly #cursor: Cursor;
  readonly #queue: DeliveryQueue<object>;
  readonly #enrolment: Enrolment;
  readonly #ready = defer<Frame['data']>();
  readonly #caughtUp = defer<ReplaySummary>();
  readonly #detached = defer<void>();
  #recovery: Frame['data'] | undefined;
  #replay: ReplaySummary | undefined;
  #gapCount = 0;
  #head: Position | undefined;

  constructor(options: FeedOptions) {
    const { id, request, port, signal } = options;
    const after = request.replay.mode === 'resume' ? request.replay.after : undefined;
    this.id = id;
    this.#options = options;
    this.#cursor = new Cursor(after);
    this.#queue = new DeliveryQueue(() => this.#read(), after);
    this.#enrolment = new Enrolment({
      id,
      request: port.request,
      backoffMs: port.backoffMs,
      nextSubscribe: () => this.#nextSubscribe(),
      onSubscribed: (asked, data) => this.#subscribed(asked, data),
      onPostponed: (error, delayMs) => port.onPostponed(this, error, delayMs),
      onRefused: (error) => this.#fail(error),
      onDetached: () => {
        this.#detached.resolve();
        port.onDetached(this);
      },
    });
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
  }

  get stream(): string {
    return this.#options.request.stream;
  }

  get state(): SubscriptionState {
    const { want, wire } = this.#enrolment;
    if (want !== 'running') return want;
    if (this.#enrolment.attentive) return this.#cursor.live ? 'live' : 'replaying';
    return wire === 'subscribing' ? 'subscribing' : 'waiting';
  }

  get position(): Position | undefined {
    return this.#queue.position;
  }

  get recovery(): Frame['data'] | undefined {
    return this.#recovery;
  }

  get recovered(): boolean | undefined {
    return this.#recovery?.attempted === true ? this.#recovery.recovered === true : undefined;
  }

  get ready(): Promise<Frame['data']> {
    return this.#ready.promise;
  }

  get caughtUp(): Promise<ReplaySummary> {
    return this.#caughtUp.promise;
  }

  get replay(): ReplaySummary | undefined {
    return this.#replay;
  }

  get gapCount(): number {
    return this.#gapCount;
  }

  get buffered(): number {
    return this.#queue.size;
  }

  get lag(): number | undefined {
    const { position } = this.#queue;
    if (position === undefined || this.#head?.epoch !== position.epoch) return undefined;
    return Math.max(0, this.#head.sequenceId - position.sequenceId);
  }

  [Symbol.asyncIterator](): AsyncIterator<object, undefined> {
    return {
      next: () => this.#queue.next(),
      // The loop need not wait for the server's reply, because nothing more is yielded.
      return: () => {
        void this.unsubscribe();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  unsubscribe(): Promise<void> {
    const at = { subscriptionId: this.id, position: this.#queue.position };
    this.#queue.stop();
    this.#end(new SubscriptionError('unsubscribed', 'The subscription was ended by its owner.', at));
    return this.#detached.promise;
  }

  // ---- calls from the connection

  connected(): void {
    this.#enrolment.connected();
  }

  /** @param forget why the position must be discarded, if it must (43xx). */
  disconnected(forget?: ClientGapReason): void {
    if (forget !== undefined) this.#cursor.forget(forget);
    this.#enrolment.lost();
  }

  /**
   * The client was closed. With `atOnce` the iterator ends immediately and without an error, as after `unsubscribe()`. Without it, the
   * iterator first returns the buffered items, and then throws the error.
   */
  shutDown(error: unknown, { atOnce }: { readonly atOnce: boolean }): void {
    if (atOnce) this.#queue.stop();
    else this.#queue.end(error);
    this.#end(error ?? new SubscriptionError('client_closed', 'The client was closed.', this.#at()));
    this.#enrolment.lost();
  }

  event(data: Frame['data'], prefix: EventPrefix): void {
    if (!this.#enrolment.attentive) return;
    const { fresh, gap } = this.#cursor.accept(prefix);
    if (!prefix.isReplay) this.#head = prefix;
    if (gap !== undefined) this.#sayOwn(gap);
    if (fresh) {
      this.#push(data);
      return;
    }
    this.#queue.mark(this.#cursor.position);
    if (prefix.isReplay) return;
    const text = `The live event ${prefix.sequenceId} of "${prefix.stream}" was received twice or out of order for "${this.id}".`;
    this.#options.port.onViolation(new ProtocolViolation(`${text} It was dropped (EVT-2, STR-2).`));
  }

  replayComplete(summary: ReplaySummary): void {
    if (!this.#enrolment.attentive) return;
    const gap = this.#cursor.complete(summary.position);
    if (gap !== undefined) this.#sayOwn(gap);
    this.#caught(summary);
  }

  /** A heartbeat that proves that no event was lost so far, with the stream's position if it has one. */
  heartbeat(position: Position | undefined): void {
    if (!this.#enrolment.attentive) return;
    if (position !== undefined) this.#head = position;
    const gap = position === undefined ? undefined : this.#cursor.heard(position);
    if (gap !== undefined) this.#sayOwn(gap);
    this.#cursor.prove();
    this.#queue.mark(this.#cursor.position);
  }

  /** A heartbeat's `delivered` differs from the count: the client will reconnect. */
  lossFound(): void {
    this.#cursor.rewind();
  }

  gap(data: Frame['data']): void {
    if (!this.#enrolment.attentive) return;
    const from = readPosition(data.from);
    const to = readPosition(data.to);
    const reason = typeof data.reason === 'string' ? data.reason : 'unknown';
    // A loss in a source is not a loss in the stream: its events were never published, so no position moves (GAP-2).
    if (from !== undefined && to !== undefined && reason !== 'source_overflow') this.#cursor.skip(from, to);
    const repair = isObject(data.repair) ? data.repair : undefined;
    this.#say({ from, to, reason, repair, noticedBy: 'server' });
  }

  /** `subscription_closed` (SEC-3). */
  closedByServer(reason: string): void {
    this.#enrolment.lost();
    this.#fail(new SubscriptionError(reason, `The server ended the subscription "${this.id}": ${reason}.`, this.#at()));
  }

  // ---- commands to the server

  #nextSubscribe(): { readonly asked: Asked; readonly data: Frame['data'] } {
    const { stream, events, filter, replay } = this.#options.request;
    const after = this.#cursor.position;
    const common = { subscriptionId: this.id, stream, events, ...(filter === undefined ? {} : { filter }) };
    if (after !== undefined) return { asked: 'resume', data: { ...common, replay: { mode: 'resume', after } } };
    // After the position was discarded, a resume becomes a warm replay.
    const mode = replay.mode === 'none' ? 'none' : 'warm';
    return { asked: mode, data: { ...common, replay: { mode } } };
  }

  #subscribed(asked: Asked, data: Frame['data']): void {
    const position = readPosition(data.position);
    if (position === undefined) {
      this.#fail(new ProtocolViolation(`The reply "subscribed" for "${this.id}" has no position (SUB-1).`));
      return;
    }
    this.#head = position;
    const again = this.#recovery !== undefined;
    const recovery = isObject(data.recovery) ? data.recovery : {};
    const outcome = { attempted: recovery.attempted === true, recovered: recovery.recovered === true };
    const gap = this.#cursor.start({ position, asked, recovery: outcome });
    this.#recovery = recovery;
    this.#ready.resolve(data);
    if (again) this.#options.port.onResumed(this);
    if (gap !== undefined) this.#sayOwn(gap);
    if (asked === 'none') this.#caught({ position, count: 0, truncated: false });
  }

  #fail(error: Error): void {
    this.#queue.end(error);
    this.#end(error);
  }

  #end(error: unknown): void {
    this.#ready.reject(error);
    this.#caughtUp.reject(error);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#enrolment.end();
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#options.signal?.reason;
    this.#queue.stop();
    this.#end(reason);
  };

  // ---- items for the reader

  #push(item: object): void {
    const { onItem } = this.#options;
    if (onItem !== undefined) {
      this.#queue.mark(this.#cursor.position);
      if (this.#enrolment.want !== 'ended') callListener(onItem, item);
      return;
    }
    this.#queue.push(item, this.#cursor.position);
    if (this.#queue.size < this.#options.limit || this.#enrolment.want !== 'running') return;
    if (this.#options.onFull === 'error') {
      const text = `The buffer of "${this.id}" is full: ${this.#queue.size} items wait for the reader. Read faster, raise buffer.limit, or use onFull: "park".`;
      this.#fail(new SubscriptionError('buffer_overflow', text, this.#at()));
      return;
    }
    this.#enrolment.park();
    this.#options.port.onParked(this);
  }

  #read(): void {
    if (this.#queue.size <= this.#options.limit / 2) this.#enrolment.unpark();
  }

  #caught(summary: ReplaySummary): void {
    this.#queue.mark(this.#cursor.position);
    this.#replay = summary;
    this.#caughtUp.resolve(summary);
  }

  #sayOwn(gap: CursorGap): void {
    this.#say({ ...gap, repair: undefined, noticedBy: 'client' });
  }

  #say(gap: Pick<FeedGap, 'from' | 'to' | 'reason' | 'repair' | 'noticedBy'>): void {
    const item: FeedGap = { kind: 'gap', subscriptionId: this.id, stream: this.stream, ...gap };
    this.#gapCount += 1;
    if (this.#options.inlineGaps) this.#push(item);
    else this.#queue.mark(this.#cursor.position);
    this.#options.port.onGap(this, item);
  }

  /** Where a new subscription can resume after all buffered items were read. */
  #at(): { subscriptionId: string; position: Position | undefined } {
    return { subscriptionId: this.id, position: this.#cursor.position ?? this.#queue.position };
  }
}
