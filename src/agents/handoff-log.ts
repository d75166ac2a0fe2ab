/** Reads the log of a session for one agent, and publishes each step of a handoff exactly once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, isGap, TidemarkError } from '../../generated/client.ts';
import type { Position, TidemarkClient, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { orAbort } from './abort.ts';
import { follow, readStep } from './handoff-state.ts';
import type { Offers, Step } from './handoff-state.ts';

export interface PublishOptions {
  readonly actor: string;
  /** The idempotency key: a second step with the same key is not published. By default, each call uses a new key. */
  readonly idempotencyKey?: string;
  readonly signal: AbortSignal;
}

export interface Published extends Position {
  /** Whether the step changed the state of the offer. */
  readonly hasCounted: boolean;
}

/** Thrown if a part of the log was lost, so that it is unknown which agent has which work. */
export class HandoffLostError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HandoffLostError';
  }
}

const FIRST_PAUSE_MS = 200;

export class HandoffLog {
  readonly #client: TidemarkClient;
  readonly session: string;
  #offers: Offers = new Map();
  /** The sequenceIds of the steps that changed the state. */
  readonly #counted = new Set<number>();
  /** The position of the last step that was read. */
  #epoch: string | undefined;
  #last = 0;
  #isCut = false;
  #end: () => Promise<void> = () => Promise.resolve();
  /** How far the clock of the gateway is ahead of the clock of this machine, in milliseconds. */
  #ahead = 0;
  #failure: Error | undefined;
  #wake = Promise.withResolvers<void>();

  private constructor(client: TidemarkClient, session: string) {
    this.#client = client;
    this.session = session;
  }

  /**
   * Opens the log. Resolves when all steps that were published until now have been read.
   * @throws {TidemarkError} if this client is not allowed to read the session. If the signal is aborted first, its reason is thrown.
   */
  static async open(client: TidemarkClient, session: string, signal: AbortSignal): Promise<HandoffLog> {
    const log = new HandoffLog(client, session);
    const { time } = await client.ping({ signal });
    log.#ahead = Date.parse(time) - Date.now();
    const subscription = client.subscribe({
      stream: log.#stream,
      events: ['session_event'],
      gaps: 'inline',
      onItem: (item) => log.#receive(item),
    });
    log.#end = () => subscription.unsubscribe();
    try {
      ({ truncated: log.#isCut } = await orAbort(subscription.caughtUp, signal));
    } catch (error) {
      void log.close();
      throw error;
    }
    void log.#watchEnd(subscription);
    return log;
  }

  /** Unsubscribes from the session. Resolves when the gateway has confirmed this, or immediately if there is no connection. */
  close(): Promise<void> {
    return this.#end();
  }

  get offers(): Offers {
    return this.#offers;
  }

  /** The reason why offers may be missing; undefined if the log is complete. */
  get warning(): string | undefined {
    return this.#isCut
      ? 'The history of the session is incomplete: offers from before the oldest kept event are not shown.'
      : undefined;
  }

  /**
   * Estimated time on the gateway's clock, in milliseconds since 1970. It affects only when this agent tries to take work, never which
   * agent gets the work.
   */
  get now(): number {
    return Date.now() + this.#ahead;
  }

  /**
   * Publishes a step. If no reply arrives, the step is published again with the same key. Resolves when this object has read the step.
   * @throws {TidemarkError} if the gateway refuses the step and a retry cannot succeed
   * @throws {HandoffLostError} if a part of the log was lost
   */
  async publish(
    step: Step,
    { actor, idempotencyKey = crypto.randomUUID(), signal }: PublishOptions,
  ): Promise<Published> {
    const event = {
      stream: this.#stream,
      event: 'session_event',
      payload: { sessionId: this.session, sessionEvent: 'session_handoff', actor, details: { handoff: step } },
      idempotencyKey,
    } as const;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { epoch, sequenceId } = await this.#client.broadcast(event, { signal });
        // A step that was published in another epoch is never read here. Instead, a gap reports the new epoch, and `change` throws.
        while (this.#epoch !== epoch || this.#last < sequenceId) await this.change(signal);
        this.#throwFailure();
        return { epoch, sequenceId, hasCounted: this.#counted.has(sequenceId) };
      } catch (error) {
        await sleep(pauseAfter(error, attempt), undefined, { signal });
      }
    }
  }

  /** Resolves when the log has a new step, or after `limitMs` milliseconds. @throws {HandoffLostError} if a part of the log was lost */
  async change(signal: AbortSignal, limitMs?: number): Promise<void> {
    signal.throwIfAborted();
    this.#throwFailure();
    const stop = new AbortController();
    const late = limitMs === undefined ? [] : [sleep(limitMs, undefined, { signal: stop.signal })];
    try {
      await orAbort(Promise.race([this.#wake.promise, ...late]), signal);
    } finally {
      stop.abort();
    }
    this.#throwFailure();
  }

  get #stream(): string {
    return `session:${this.session}`;
  }

  #receive(item: TidemarkEvent<'session_event'> | TidemarkGap): void {
    if (isGap(item)) {
      const text = `Events of the session ${this.session} were lost (${item.reason}), so it is unknown which agent has which work. Start a new session.`;
      this.#fail(new HandoffLostError(text));
      return;
    }
    const { payload, epoch, sequenceId, emittedAt, isReplay } = item;
    const at = Date.parse(emittedAt);
    if (!isReplay) this.#ahead = at - Date.now();
    const step = readStep(payload);
    if (step !== undefined) {
      const before = this.#offers;
      this.#offers = follow(before, { step, actor: payload.actor, sequenceId, at });
      if (this.#offers !== before) this.#counted.add(sequenceId);
    }
    this.#epoch = epoch;
    this.#last = sequenceId;
    this.#notify();
  }

  async #watchEnd(subscription: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const _ of subscription);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** The delay before a retry, in milliseconds. If a retry cannot succeed, the error is thrown again. */
function pauseAfter(error: unknown, attempt: number): number {
  const backoffMs = FIRST_PAUSE_MS * 2 ** Math.min(attempt, 5) * Math.random();
  if (error instanceof TidemarkError && error.retryable) return error.retryAfterMs ?? backoffMs;
  if (error instanceof ConnectionError && error.retryable) return backoffMs;
  throw error;
}
