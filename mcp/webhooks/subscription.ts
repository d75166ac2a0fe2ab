/**
 * One webhook subscription. Reads its source, and attempts to deliver each event until the receiver acknowledges it, the delivery is given
 * up, or the subscription ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { orAbort } from '../../src/agents/abort.ts';
import { EndpointError, post, statusFault } from './endpoint.ts';
import type { DeliveryFault, EndpointOptions } from './endpoint.ts';
import { signedHeaders } from './signature.ts';
import type { Signed } from './signature.ts';
import type { Source, SourceItem, Termination } from './source.ts';
import { Watermark } from './watermark.ts';

export interface DeliveryOptions {
  readonly endpoint: EndpointOptions;
  /** The pauses between the attempts of one delivery, in milliseconds. */
  readonly retryDelaysMs: readonly number[];
  /** The maximum number of deliveries of one subscription in progress at the same time. */
  readonly concurrency: number;
}

export interface SubscriptionFacts {
  readonly id: string;
  readonly url: string;
  readonly source: Source;
  readonly options: DeliveryOptions;
  /** Returns the keys with which deliveries must be signed now, the newest first. */
  readonly keys: () => readonly Buffer[];
  readonly signal: AbortSignal;
  /** Called when the gateway has ended the subscription. Returns the error that is delivered as the last message. */
  readonly onEnd: (error: unknown) => Termination;
}

export interface DeliveryStatus {
  readonly active: boolean;
  readonly lastDeliveryAt: string | null;
  readonly lastError: DeliveryFault | null;
  readonly failedSince?: string;
}

/** HTTP statuses after which the extension forbids a retry: the receiver does not want the delivery, or the delivery is too large. */
const FINAL: ReadonlySet<number> = new Set([410, 413]);

type Outcome = 'acknowledged' | 'unwanted' | 'failed';

export class WebhookSubscription {
  readonly #facts: SubscriptionFacts;
  readonly #watermark: Watermark;
  readonly #underWay = new Set<Promise<void>>();
  #resumed = Promise.withResolvers<void>();
  #isActive = true;
  #lastSuccess = 0;
  #lastError: DeliveryFault | null = null;
  #failedSince: number | undefined;
  #isTruncated: boolean;

  /** @param start the first item of the source */
  constructor(facts: SubscriptionFacts, start: Extract<SourceItem, { kind: 'start' }>) {
    this.#facts = facts;
    this.#watermark = new Watermark(start.cursor);
    this.#isTruncated = start.truncated;
  }

  /** A cursor that the client may store. It also advances while no event matches. */
  get cursor(): string {
    const read = this.#facts.source.cursor();
    if (read !== undefined) this.#watermark.advance(read);
    return this.#watermark.cursor;
  }

  get status(): DeliveryStatus {
    return {
      active: this.#isActive,
      lastDeliveryAt: this.#lastSuccess === 0 ? null : new Date(this.#lastSuccess).toISOString(),
      lastError: this.#lastError,
      ...(this.#failedSince === undefined ? {} : { failedSince: new Date(this.#failedSince).toISOString() }),
    };
  }

  /** Whether, since the last call, events were lost or were not delivered after all attempts. */
  takeTruncated(): boolean {
    const isTruncated = this.#isTruncated;
    this.#isTruncated = false;
    return isTruncated;
  }

  /** Must be called when the client refreshes the subscription: suspended deliveries are then attempted again. */
  reactivate(): void {
    this.#isActive = true;
    this.#resumed.resolve();
    this.#resumed = Promise.withResolvers();
  }

  /**
   * Delivers events until the signal is aborted, or until the gateway ends the subscription. In the latter case, attempts to report the end
   * to the endpoint. Never rejects.
   */
  async run(): Promise<void> {
    const { source, signal, onEnd } = this.#facts;
    try {
      for (;;) {
        const { done, value } = await source.items.next();
        if (done === true) return;
        if (value.kind === 'event') await this.#deliverSoon(value);
        else await this.#reportGap(value.cursor);
      }
    } catch (error) {
      if (signal.aborted) return;
      await this.#settle();
      // If all attempts fail, the end is not reported: the subscription has ended, so no refresh can start further attempts.
      const { id, body } = controlOf('terminated', { error: onEnd(error) });
      await this.#tryAll(id, () => body);
    }
  }

  async #deliverSoon({ id, body, cursor }: Extract<SourceItem, { kind: 'event' }>): Promise<void> {
    const settled = this.#watermark.begin(cursor);
    const delivery = this.#deliver(id, (safe) => JSON.stringify({ ...body, cursor: safe })).then((outcome) => {
      settled();
      const isGivenUp = outcome === 'failed' && !this.#facts.signal.aborted;
      return isGivenUp ? this.#sendGap(this.#watermark.cursor) : undefined;
    });
    this.#underWay.add(delivery);
    void delivery.finally(() => this.#underWay.delete(delivery));
    if (this.#underWay.size >= this.#facts.options.concurrency) await Promise.race(this.#underWay);
  }

  /**
   * Waits until all earlier deliveries have ended, and then reports a gap. If the gap were reported earlier, a client could store its
   * cursor and resume from it, and would then miss the events of those deliveries.
   */
  async #reportGap(cursor: string): Promise<void> {
    await this.#settle();
    this.#watermark.advance(cursor);
    await this.#sendGap(cursor);
  }

  async #sendGap(cursor: string): Promise<void> {
    this.#isTruncated = true;
    const { id, body } = controlOf('gap', { cursor });
    await this.#deliver(id, () => body);
  }

  async #settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /**
   * Attempts one delivery. If all attempts fail and no other delivery has succeeded in the meantime, the endpoint counts as unreachable.
   * Then waits until the client refreshes the subscription, and attempts the delivery again.
   * @returns `failed` if all attempts fail although another delivery has succeeded in the meantime, or if the signal is aborted
   */
  async #deliver(id: string, bodyOf: (cursor: string) => string): Promise<Outcome> {
    const { signal } = this.#facts;
    for (;;) {
      const begun = Date.now();
      const outcome = await this.#tryAll(id, bodyOf);
      if (outcome !== 'failed' || signal.aborted || this.#lastSuccess >= begun) return outcome;
      this.#isActive = false;
      await orAbort(this.#resumed.promise, signal).catch(() => undefined);
    }
  }

  /** Attempts one delivery at once, and again after each of the pauses, until an attempt succeeds. */
  async #tryAll(id: string, bodyOf: (cursor: string) => string): Promise<Outcome> {
    const { options, signal } = this.#facts;
    for (const delay of [0, ...options.retryDelaysMs]) {
      if (delay > 0) await sleep(delay, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return 'failed';
      const outcome = await this.#attempt({ id, body: bodyOf(this.#watermark.cursor) });
      if (outcome !== 'failed') return outcome;
    }
    return 'failed';
  }

  async #attempt(signed: Signed): Promise<Outcome> {
    const { url, id, options, keys } = this.#facts;
    const headers = { ...signedHeaders(signed, keys(), Date.now()), 'x-mcp-subscription-id': id };
    try {
      const { status } = await post(url, { headers, body: signed.body }, options.endpoint);
      if (status >= 200 && status < 300) {
        this.#lastSuccess = Date.now();
        this.#lastError = null;
        this.#failedSince = undefined;
        return 'acknowledged';
      }
      this.#failed(statusFault(status));
      return FINAL.has(status) ? 'unwanted' : 'failed';
    } catch (error) {
      this.#failed(error instanceof EndpointError ? error.fault : 'connection_refused');
      return 'failed';
    }
  }

  #failed(fault: DeliveryFault): void {
    this.#lastError = fault;
    this.#failedSince ??= Date.now();
  }
}

function controlOf(type: 'gap' | 'terminated', members: object): Signed {
  return { id: `msg_${type}_${crypto.randomUUID()}`, body: JSON.stringify({ type, ...members }) };
}
