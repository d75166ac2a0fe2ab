/**
 * The common part of subscriptions to one stream and to several streams: the bounded queue, the state on the server, the end of the
 * subscription, and the reports to the owner. A subclass decides with its cursors which messages are new.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ClientGapReason, CursorGap } from './cursor.ts';
import { defer } from './deferred.ts';
import { callListener } from './emitter.ts';
import { ServerSubscription } from './server-subscription.ts';
import type { ReplayMode } from './server-subscription.ts';
import { ProtocolViolation, SubscriptionError } from './errors.ts';
import type { SubscriptionPlace } from './errors.ts';
import type { ClientFeed, FeedGap, FeedPort, ReplayEnd } from './feed-port.ts';
import { DeliveryQueue } from './queue.ts';
import type { FeedSettings } from './request.ts';
import type { SubscriptionState } from './subscription.ts';
import { isObject, readPosition } from './wire.ts';
import type { EventPrefix, Frame, Position } from './wire.ts';

export interface FeedBaseOptions extends FeedSettings {
  readonly id: string;
  readonly port: FeedPort;
}

/** @typeParam Mark a position or, for several streams, changes of positions. @typeParam Summary the value of `caughtUp`. */
export abstract class FeedBase<Mark, Summary> implements ClientFeed {
  readonly id: string;
  abstract readonly stream: string;
  abstract readonly position: Position | undefined;
  abstract readonly lag: number | undefined;
  protected readonly options: FeedBaseOptions;
  readonly #queue: DeliveryQueue<object, Mark>;
  readonly #serverSubscription: ServerSubscription;
  readonly #ready = defer<Frame['data']>();
  readonly #caughtUp = defer<Summary>();
  readonly #detached = defer<void>();
  #recovery: Frame['data'] | undefined;
  #replay: Summary | undefined;
  #gapCount = 0;

  /** @param join merges the marks (such as positions) of two queued items into one; see {@link DeliveryQueue}. */
  constructor(options: FeedBaseOptions, position?: Mark, join?: (older: Mark, newer: Mark) => Mark) {
    const { id, port, signal } = options;
    this.id = id;
    this.options = options;
    this.#queue = new DeliveryQueue(() => this.#read(), position, join);
    this.#serverSubscription = new ServerSubscription({
      id,
      request: port.request,
      backoffMs: port.backoffMs,
      nextSubscribe: () => this.nextSubscribe(),
      onSubscribed: (asked, data) => this.subscribed(asked, data),
      onPostponed: (error, delayMs) => port.onPostponed(this, error, delayMs),
      onRefused: (error) => this.fail(error),
      onDetached: () => {
        this.#detached.resolve();
        port.onDetached(this);
      },
    });
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
  }

  get state(): SubscriptionState {
    const { want, wire } = this.#serverSubscription;
    if (want !== 'running') return want;
    if (this.attentive) return this.live ? 'live' : 'replaying';
    return wire === 'subscribing' ? 'subscribing' : 'waiting';
  }

  get attentive(): boolean {
    return this.#serverSubscription.attentive;
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

  get caughtUp(): Promise<Summary> {
    return this.#caughtUp.promise;
  }

  get replay(): Summary | undefined {
    return this.#replay;
  }

  get gapCount(): number {
    return this.#gapCount;
  }

  get buffered(): number {
    return this.#queue.size;
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
    const place = this.readPlace();
    this.#queue.stop();
    this.#end(new SubscriptionError('unsubscribed', 'The subscription was ended by its owner.', place));
    return this.#detached.promise;
  }

  // ---- calls from the connection

  connected(): void {
    this.#serverSubscription.connected();
  }

  disconnected(forget?: ClientGapReason): void {
    if (forget !== undefined) this.forget(forget);
    this.#serverSubscription.lost();
  }

  shutDown(error: unknown, { atOnce }: { readonly atOnce: boolean }): void {
    if (atOnce) this.#queue.stop();
    else this.#queue.end(error);
    this.#end(error ?? new SubscriptionError('client_closed', 'The client was closed.', this.receivedPlace()));
    this.#serverSubscription.lost();
  }

  closedByServer(reason: string): void {
    this.#serverSubscription.lost();
    const text = `The server ended the subscription "${this.id}": ${reason}.`;
    this.fail(new SubscriptionError(reason, text, this.receivedPlace()));
  }

  gap(data: Frame['data']): void {
    const from = readPosition(data.from);
    const to = readPosition(data.to);
    const stream = typeof data.stream === 'string' ? data.stream : this.stream;
    const reason = typeof data.reason === 'string' ? data.reason : 'unknown';
    // A source loss is not a loss in the stream. The lost changes were never published, so no position moves (GAP-2).
    const moves = from !== undefined && to !== undefined && reason !== 'source_overflow';
    if (moves && !this.skip(stream, from, to)) return;
    const repair = isObject(data.repair) ? data.repair : undefined;
    this.#report({ stream, from, to, reason, repair, noticedBy: 'server' });
  }

  abstract event(data: Frame['data'], prefix: EventPrefix): void;
  abstract replayComplete(end: ReplayEnd): void;
  abstract heartbeat(positions: ReadonlyMap<string, Position>): void;
  abstract lossFound(): void;

  // ---- what the subclass decides

  /** Whether the replay is complete. */
  protected abstract readonly live: boolean;
  protected abstract nextSubscribe(): { readonly asked: ReplayMode; readonly data: Frame['data'] };
  protected abstract subscribed(asked: ReplayMode, data: Frame['data']): void;
  protected abstract forget(reason: ClientGapReason): void;
  /**
   * Handles a loss that the server reports. Returns false if the owner already knows of the loss, otherwise true.
   */
  protected abstract skip(stream: string, from: Position, to: Position): boolean;
  /** The mark that the reader will have when it has read everything received so far. */
  protected abstract mark(): Mark | undefined;
  /** The point that the reader has reached. */
  protected abstract readPlace(): SubscriptionPlace;
  /** Where a new subscription can resume once all buffered items have been read. */
  protected abstract receivedPlace(): SubscriptionPlace;

  // ---- used by the subclass

  /** The reader's position. */
  protected get reached(): Mark | undefined {
    return this.#queue.position;
  }

  /** The members that `data` of every subscribe command has. */
  protected common(): Frame['data'] {
    const { events, filter } = this.options;
    return { subscriptionId: this.id, events, filter };
  }

  /** Called when the server has accepted the subscription, for the first time or after a reconnect. */
  protected confirmed(data: Frame['data'], recovery: Frame['data']): void {
    const again = this.#recovery !== undefined;
    this.#recovery = recovery;
    this.#ready.resolve(data);
    if (again) this.options.port.onResumed(this);
  }

  /** Called when the replay is complete. */
  protected caught(summary: Summary): void {
    this.moved();
    this.#replay = summary;
    this.#caughtUp.resolve(summary);
  }

  /**
   * Ends the subscription on the server, and resumes it at the client's position. Called when a repeated warm replay shows a later state
   * than the first one, so that events in between may be missing (CLI-13).
   */
  protected subscribeAgain(): void {
    this.#serverSubscription.park();
    this.#serverSubscription.unpark();
  }

  /** Drops an event that was already received. */
  protected drop({ isReplay, sequenceId, stream }: EventPrefix): void {
    this.moved();
    if (isReplay) return;
    const text = `The live event ${sequenceId} of "${stream}" was received twice or out of order. It was ignored (EVT-2).`;
    this.options.port.onViolation(new ProtocolViolation(text));
  }

  /** Moves the reader's position as soon as all earlier items have been read. */
  protected moved(): void {
    this.#queue.mark(this.mark());
  }

  protected fail(error: Error): void {
    this.#queue.end(error);
    this.#end(error);
  }

  /** Passes an item to the `onItem` function, or queues it for the reader. */
  protected push(item: object): void {
    const { onItem, limit, onFull, port } = this.options;
    if (onItem !== undefined) {
      this.moved();
      if (this.#serverSubscription.want !== 'ended') callListener(onItem, item);
      return;
    }
    this.#queue.push(item, this.mark());
    if (this.#queue.size < limit || this.#serverSubscription.want !== 'running') return;
    if (onFull === 'error') {
      const text = `The buffer of "${this.id}" is full: ${this.#queue.size} items wait for the reader. Read faster, raise buffer.limit, or use onFull: "park".`;
      this.fail(new SubscriptionError('buffer_overflow', text, this.receivedPlace()));
      return;
    }
    this.#serverSubscription.park();
    port.onParked(this);
  }

  /** Reports a loss that the client itself has found, if there is one. */
  protected reportOwn(
    stream: string,
    gap: (Pick<CursorGap, 'from' | 'reason'> & { readonly to: Position | undefined }) | undefined,
  ): void {
    if (gap !== undefined) this.#report({ stream, ...gap, repair: undefined, noticedBy: 'client' });
  }

  #report(gap: Omit<FeedGap, 'kind' | 'subscriptionId'>): void {
    const item: FeedGap = { kind: 'gap', subscriptionId: this.id, ...gap };
    this.#gapCount += 1;
    if (this.options.inlineGaps) this.push(item);
    else this.moved();
    callListener(this.options.onGap, item);
    this.options.port.onGap(item);
  }

  #read(): void {
    if (this.#queue.size <= this.options.limit / 2) this.#serverSubscription.unpark();
  }

  #end(error: unknown): void {
    this.#ready.reject(error);
    this.#caughtUp.reject(error);
    this.options.signal?.removeEventListener('abort', this.#onAbort);
    this.#serverSubscription.end();
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.options.signal?.reason;
    this.#queue.stop();
    this.#end(reason);
  };
}
