/** Remembers publications with an idempotency key, so that a repetition returns the first result (BRD-1). */
import { Budget } from '../replay/budget.ts';
import { RecencyMap } from '../replay/recency-map.ts';
import type { EventDraft, PublishResult } from './broker.ts';

interface Remembered {
  readonly result: PublishResult;
  readonly untilMs: number;
}

export class RememberedPublications {
  /** Counts the remembered keys of each principal, and has their limit. */
  readonly budget: Budget;
  readonly #windowMs: number;
  /**
   * The publications by principal, then by stream and key. The publications of one principal are in order of expiry, because each of them
   * is remembered equally long.
   */
  readonly #remembered = new Map<string, RecencyMap<string, Remembered>>();

  constructor(limits: { readonly idempotencyKeys: number; readonly idempotencyWindowMs: number }) {
    this.budget = new Budget(limits.idempotencyKeys);
    this.#windowMs = limits.idempotencyWindowMs;
  }

  /** The result of the first publication with the same key; undefined if there was none within the window. */
  recall(draft: EventDraft, now: number): PublishResult | undefined {
    if (draft.idempotencyKey === undefined) return undefined;
    const remembered = this.#remembered.get(draft.source.principal)?.get(keyOf(draft, draft.idempotencyKey));
    return remembered !== undefined && remembered.untilMs > now ? remembered.result : undefined;
  }

  /** Remembers a publication. If the budget is exceeded, forgets the oldest keys of the principal with the most keys. */
  remember(draft: EventDraft, result: PublishResult, now: number): void {
    if (draft.idempotencyKey === undefined) return;
    const { principal } = draft.source;
    const key = keyOf(draft, draft.idempotencyKey);
    const { budget } = this;
    this.#forget(principal, key);
    const keys = this.#remembered.get(principal) ?? new RecencyMap<string, Remembered>();
    this.#remembered.set(principal, keys);
    keys.set(key, { result, untilMs: now + this.#windowMs });
    budget.count(principal, 1);
    while (budget.used > budget.limit) {
      const { heaviest = principal } = budget;
      const [oldest] = this.#remembered.get(heaviest)?.oldest ?? [key];
      this.#forget(heaviest, oldest);
      budget.dropped += 1;
    }
  }

  /** Forgets the publications that are older than the window, as a generator that yields after each key. */
  *forgetAged(now: number): Generator<undefined, void, void> {
    for (const [principal, keys] of this.#remembered)
      for (;;) {
        const { oldest } = keys;
        if (oldest === undefined || oldest[1].untilMs > now) break;
        this.#forget(principal, oldest[0]);
        yield;
      }
  }

  #forget(principal: string, key: string): void {
    const keys = this.#remembered.get(principal);
    if (keys?.delete(key) !== true) return;
    this.budget.count(principal, -1);
    if (keys.size === 0) this.#remembered.delete(principal);
  }
}

function keyOf({ stream }: EventDraft, key: string): string {
  return JSON.stringify([stream, key]);
}
