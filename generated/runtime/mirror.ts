/**
 * A read-only map with the state that the server keeps for some events: the newest event of each key, without deleted
 * keys.
 *
 *     loading → live → repairing → live …
 *               any of them → closed
 *
 * The first content is a warm replay. It is collected separately, and shown when it is complete; live events follow.
 * Whenever an event may be missing or out of order (a gap, a new epoch, a warm replay that was cut, an event that
 * arrives late), a new subscription fetches the whole state again. Until this is complete, the map shows the old state.
 * Then it changes to the new state, and reports the differences.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { CallOptions } from './calls.ts';
import { ChangeLog } from './change-log.ts';
import type { MirrorChange } from './change-log.ts';
import type { ClientCore } from './client-core.ts';
import { defer } from './deferred.ts';
import { Emitter } from './emitter.ts';
import type { ListenOptions } from './emitter.ts';
import { closedError, ConnectionError } from './errors.ts';
import { isGap } from './events.ts';
import type { SubscriptionGap } from './events.ts';
import type { PictureRules } from './picture.ts';
import type { Subscription } from './subscription.ts';
import type { Position, Protocol } from './wire.ts';

export type MirrorState =
  /** The first warm replay is not complete yet, so the map is empty. */
  | 'loading'
  /** The map follows the stream. */
  | 'live'
  /** Events were lost. The map shows the old state until the new state is complete. */
  | 'repairing'
  /** The map no longer changes. */
  | 'closed';

export interface MirrorOptions {
  /** Default `main`. */
  readonly stream?: string;
  /** Closes the mirror when aborted. */
  readonly signal?: AbortSignal;
}

/** The members of every mirrored event. */
export type Mirrored = Position & { readonly event: string };

export interface MirrorEvents<P extends Protocol, Event> {
  readonly change: MirrorChange<Event>;
  readonly state: MirrorState;
  /** A gap. The mirror repairs it, except a gap that a source caused (`source_overflow`). */
  readonly gap: SubscriptionGap<P>;
}

export class Mirror<P extends Protocol, Event extends Mirrored> implements ReadonlyMap<string, Event> {
  readonly stream: string;
  readonly #client: ClientCore<P>;
  readonly #rules: PictureRules;
  readonly #emitter = new Emitter<MirrorEvents<P, Event>>();
  readonly #ready = defer<void>();
  readonly #logs = new Set<ChangeLog<Event>>();
  /**
   * Removes the log of an iterator that is garbage-collected. `finally` is not sufficient, because it does not run if
   * the iterator was never read.
   */
  readonly #collected = new FinalizationRegistry<ChangeLog<Event>>((log) => this.#logs.delete(log));
  readonly #offs: (() => void)[];
  readonly #signal: AbortSignal | undefined;
  #shown: Map<string, Event> = new Map();
  /** The new state, while it is being collected; undefined while the map is live. */
  #next: Map<string, Event> | undefined;
  #subscription: Subscription<P, unknown> | undefined;
  #state: MirrorState = 'loading';
  #truncated = false;
  #failure: unknown;
  #live = defer<void>();

  constructor(client: ClientCore<P>, rules: PictureRules, { stream = 'main', signal }: MirrorOptions) {
    this.stream = stream;
    this.#client = client;
    this.#rules = rules;
    this.#signal = signal;
    this.#offs = [
      client.on('resumed', ({ subscriptionId, recovery }) => {
        if (subscriptionId !== this.#subscription?.id) return;
        // If a replay was cut off before it was complete, start again, because a key may have been deleted meanwhile.
        if (this.#next !== undefined && 'attempted' in recovery && recovery.attempted === false) this.#refresh();
      }),
      // After a loss in transit, a resume yields the lost event late, so this event would replace a newer event of its key.
      client.on('loss', () => this.#refresh()),
    ];
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
    else this.#refresh();
  }

  /** Resolves when the first state is complete. Rejects if the mirror is closed before that. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get state(): MirrorState {
    return this.#state;
  }

  /** Whether the latest warm replay was incomplete, because the server's history is limited (RPL-3). */
  get truncated(): boolean {
    return this.#truncated;
  }

  /** The position up to which the map is complete; undefined unless the mirror is `live`. */
  get position(): Position | undefined {
    return this.#state === 'live' ? this.#subscription?.position : undefined;
  }

  get size(): number {
    return this.#shown.size;
  }

  get(key: string): Event | undefined {
    return this.#shown.get(key);
  }

  has(key: string): boolean {
    return this.#shown.has(key);
  }

  keys(): MapIterator<string> {
    return this.#shown.keys();
  }

  values(): MapIterator<Event> {
    return this.#shown.values();
  }

  entries(): MapIterator<[string, Event]> {
    return this.#shown.entries();
  }

  [Symbol.iterator](): MapIterator<[string, Event]> {
    return this.#shown.entries();
  }

  forEach(visit: (event: Event, key: string, mirror: ReadonlyMap<string, Event>) => void): void {
    for (const [key, event] of this.#shown) visit(event, key, this);
  }

  /** Adds a listener, which is called after the map has changed. @returns a function that removes it. */
  on<Name extends keyof MirrorEvents<P, Event>>(
    name: Name,
    listener: (detail: MirrorEvents<P, Event>[Name]) => void,
    options: ListenOptions = {},
  ): () => void {
    return this.#emitter.on(name, listener, options);
  }

  /**
   * Yields the changes from now on, until the mirror is closed. Unread changes of the same key are combined, so there
   * is at most one unread change per key.
   */
  changes(): AsyncGenerator<MirrorChange<Event>, void> {
    const log = new ChangeLog<Event>();
    const changes = readLog(log, () => this.#logs.delete(log));
    if (this.#state === 'closed') log.end();
    else {
      this.#logs.add(log);
      this.#collected.register(changes, log);
    }
    return changes;
  }

  /**
   * Resolves when the map has every event that was published on the stream before this call (SYN-1). If the connection is
   * lost, sends the command again.
   * @throws the other errors of `client.sync`; {ConnectionError} if the mirror is closed.
   */
  async sync(options: CallOptions = {}): Promise<void> {
    for (;;) {
      await this.#live.promise;
      if (this.#state === 'closed') throw this.#failure;
      const isAnswered = await this.#client.sync(this.stream, options).then(() => true, passLostConnection);
      // A replay may still be in progress, if the subscription was resumed or replaced meanwhile.
      if (isAnswered && this.#state === 'live' && this.#subscription?.state === 'live') return;
    }
  }

  /** Ends the mirror; the map keeps its content and no longer changes. */
  close(): void {
    this.#end(closedError());
  }

  /** Fetches the whole state with a new subscription. */
  #refresh(): void {
    if (this.#isClosed()) return;
    void this.#subscription?.unsubscribe();
    const next = new Map<string, Event>();
    this.#next = next;
    if (this.#state === 'live') {
      this.#live = defer();
      this.#setState('repairing');
      if (this.#isClosed()) return;
    }
    let subscription: Subscription<P, unknown>;
    try {
      subscription = this.#client.subscribe({
        events: this.#rules.events,
        stream: this.stream,
        gaps: 'inline',
        onItem: (item: unknown) => {
          if (this.#subscription === subscription) this.#receive(item as object);
        },
      });
    } catch (error) {
      this.#end(error);
      return;
    }
    this.#subscription = subscription;
    void this.#showWhenComplete(subscription, next);
    void this.#watchEnd(subscription);
  }

  async #showWhenComplete({ caughtUp }: Subscription<P, unknown>, next: Map<string, Event>): Promise<void> {
    // `#watchEnd` gets the same error and ends the mirror with it.
    const summary = await caughtUp.catch(() => undefined);
    if (summary === undefined || this.#next !== next) return;
    this.#truncated = summary.truncated;
    this.#show(next);
  }

  /**
   * Handles the end of a subscription that the mirror did not end itself: the server rejected it, or the client has
   * stopped.
   */
  async #watchEnd(subscription: Subscription<P, unknown>): Promise<void> {
    const error: unknown = await subscription[Symbol.asyncIterator]()
      .next()
      .then(closedError, (reason: unknown) => reason);
    if (this.#subscription === subscription) this.#end(error);
  }

  #receive(item: object): void {
    if (isSubscriptionGap<P>(item)) {
      this.#emitter.emit('gap', item);
      if (item.reason !== 'source_overflow') this.#refresh();
      return;
    }
    const event = item as Event;
    const key = this.#rules.keyOf(event);
    if (key === undefined) return;
    const change = this.#rules.clears(event) ? undefined : event;
    if (this.#next !== undefined) put(this.#next, key, change);
    else this.#change(key, change);
  }

  #show(next: Map<string, Event>): void {
    const before = this.#shown;
    this.#next = undefined;
    this.#shown = next;
    for (const [key, previous] of before) {
      if (!next.has(key)) this.#report({ kind: 'delete', key, previous });
      if (this.#isClosed()) return;
    }
    for (const [key, event] of next) {
      const previous = before.get(key);
      if (!isSame(previous, event)) this.#report({ kind: 'set', key, event, previous });
      if (this.#isClosed()) return;
    }
    this.#setState('live');
    this.#ready.resolve();
    this.#live.resolve();
  }

  #change(key: string, event: Event | undefined): void {
    const previous = this.#shown.get(key);
    put(this.#shown, key, event);
    if (event !== undefined) this.#report({ kind: 'set', key, event, previous });
    else if (previous !== undefined) this.#report({ kind: 'delete', key, previous });
  }

  #report(change: MirrorChange<Event>): void {
    for (const log of this.#logs) log.add(change);
    this.#emitter.emit('change', change);
  }

  /** Whether the mirror is closed. Checked after each call of a listener, because a listener may close the mirror. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #setState(state: MirrorState): void {
    this.#state = state;
    this.#emitter.emit('state', state);
  }

  #end(error: unknown): void {
    if (this.#state === 'closed') return;
    const subscription = this.#subscription;
    this.#subscription = undefined;
    this.#failure = error;
    for (const off of this.#offs) off();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    void subscription?.unsubscribe();
    this.#ready.reject(error);
    this.#live.reject(error);
    this.#setState('closed');
    for (const log of this.#logs) log.end();
  }

  readonly #onAbort = (): void => this.#end(this.#signal?.reason);
}

async function* readLog<Event>(log: ChangeLog<Event>, onEnd: () => void): AsyncGenerator<MirrorChange<Event>, void> {
  try {
    for (let change = await log.next(); change !== undefined; change = await log.next()) yield change;
  } finally {
    onEnd();
  }
}

function isSubscriptionGap<P extends Protocol>(item: object): item is SubscriptionGap<P> {
  return isGap(item);
}

function put<Event>(map: Map<string, Event>, key: string, event: Event | undefined): void {
  if (event === undefined) map.delete(key);
  else map.set(key, event);
}

function isSame(a: Mirrored | undefined, b: Mirrored): boolean {
  return a?.epoch === b.epoch && a.sequenceId === b.sequenceId;
}

function passLostConnection(error: unknown): false {
  if (error instanceof ConnectionError && error.reason === 'connection_lost') return false;
  throw error;
}
