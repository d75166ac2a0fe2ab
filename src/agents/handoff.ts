/** The actions of an agent in a handoff: it offers work, takes work, and reports on work. `handoff-state.ts` describes the protocol. */
import type { Position } from '../../generated/client.ts';
import type { HandoffLog } from './handoff-log.ts';
import { isOpen } from './handoff-state.ts';
import type { Offer } from './handoff-state.ts';

export const DEFAULT_LEASE_S = 60;
/**
 * Pause between the end of a lease and an attempt to take the work, in milliseconds. Clocks differ slightly, so an earlier attempt could
 * fail.
 */
const AFTER_LEASE_MS = 20;

/** How long `takeWork` waits for a reply after its time limit, in milliseconds. This is long enough for a restart of the gateway. */
const SETTLE_MS = 10_000;

/** The agent that performs an action. Aborting the signal ends the wait for a reply, and the action is not tried again. */
export interface Acting {
  readonly actor: string;
  readonly signal: AbortSignal;
}

export interface Taking extends Acting {
  /**
   * Ends the wait for work when aborted. If a `take` step was already sent, its reply is still awaited, because this agent may have the
   * work.
   */
  readonly limit: AbortSignal;
  /**
   * How long to wait, after `limit` is aborted, for the reply to a `take` step that was already sent. In milliseconds; 10,000 by default.
   * If no reply arrives in this time, {@link TakeUnknownError} is thrown.
   */
  readonly settleMs?: number;
}

export interface NewOffer {
  /** Id of the offer. If this id was offered before, nothing is published. */
  readonly offer: string;
  readonly task: unknown;
  /** The lease: how long an agent keeps the work if it does not renew the lease. In milliseconds. */
  readonly leaseMs: number;
}

export interface Taken {
  readonly offer: string;
  readonly task: unknown;
  /** The position of the `take`. Every later step must name it. */
  readonly fence: Position;
  /** The end of the lease, in milliseconds on the clock of the stream. */
  readonly until: number;
}

/** A step that is valid only for the agent that has the work. */
export type HeldStep = 'renew' | 'done' | 'release';

export interface Report {
  readonly step: HeldStep;
  readonly offer: string;
  readonly fence: Position;
}

/** Thrown if the offer does not exist, or if its work is already done. A retry cannot succeed. */
export class OfferError extends Error {
  readonly reason: 'done' | 'unknown';

  constructor(reason: 'done' | 'unknown', message: string) {
    super(message);
    this.name = 'OfferError';
    this.reason = reason;
  }
}

/** Thrown if the gateway did not confirm a take in time, so that it is unknown which agent has the work. */
export class TakeUnknownError extends Error {
  constructor(offer: string) {
    super(
      `The gateway did not confirm in time that this agent took the offer ${offer}. This agent may have the work. If so, other agents can take the work when the lease ends.`,
    );
    this.name = 'TakeUnknownError';
  }
}

/** Offers work. @throws {TidemarkError} if the gateway refuses the offer */
export async function offerWork(log: HandoffLog, { offer, task, leaseMs }: NewOffer, acting: Acting): Promise<void> {
  await log.publish({ step: 'offer', offer, task, leaseMs }, { ...acting, idempotencyKey: `handoff-offer-${offer}` });
}

/**
 * Waits for work that no agent has, and takes it.
 * @param only if given, only this offer is taken
 * @throws {OfferError} if the work of the offer `only` is already done
 * @throws {TakeUnknownError} if the gateway has not confirmed a `take` in time. If `signal` or `limit` is aborted, its reason is thrown.
 */
export async function takeWork(
  log: HandoffLog,
  only: string | undefined,
  { actor, signal, limit, settleMs = SETTLE_MS }: Taking,
): Promise<Taken> {
  const waiting = AbortSignal.any([signal, limit]);
  for (;;) {
    waiting.throwIfAborted();
    const wanted = wantedOf(log, only);
    const open = wanted.find((each) => isOpen(each, log.now));
    if (open === undefined) {
      await log.change(waiting, untilFirstEnd(wanted, log.now));
      continue;
    }
    const unknown = abortAfter(limit, { delayMs: settleMs, reason: new TakeUnknownError(open.id) });
    const ended = AbortSignal.any([signal, unknown.signal]);
    const { epoch, sequenceId } = await log
      .publish({ step: 'take', offer: open.id }, { actor, signal: ended })
      .finally(unknown.cancel);
    const taken = log.offers.get(open.id);
    if (taken?.holder?.fence !== sequenceId) continue;
    return { offer: taken.id, task: taken.task, fence: { epoch, sequenceId }, until: taken.holder.until };
  }
}

/**
 * Renews, completes or releases work.
 * @returns whether the fence was valid. If it was not valid, nothing was changed.
 * @throws {OfferError} if the offer does not exist
 */
export async function reportWork(log: HandoffLog, { step, offer, fence }: Report, acting: Acting): Promise<boolean> {
  if (!log.offers.has(offer))
    throw new OfferError('unknown', `There is no offer ${offer} in the session ${log.session}.`);
  const idempotencyKey = step === 'renew' ? crypto.randomUUID() : `handoff-${step}-${offer}-${fence.sequenceId}`;
  const spoken = { step, offer, fence: fence.sequenceId } as const;
  const { epoch, hasCounted } = await log.publish(spoken, { ...acting, idempotencyKey });
  return epoch === fence.epoch && hasCounted;
}

interface LaterAbort {
  readonly signal: AbortSignal;
  /** Removes the listener of the other signal, and stops the timer. */
  readonly cancel: () => void;
}

/** Makes a signal that is aborted some time after another signal. */
function abortAfter(
  other: AbortSignal,
  { delayMs, reason }: { readonly delayMs: number; readonly reason: Error },
): LaterAbort {
  const end = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    timer = setTimeout(() => end.abort(reason), delayMs).unref();
  };
  if (other.aborted) start();
  else other.addEventListener('abort', start, { once: true });
  return {
    signal: end.signal,
    cancel: () => {
      other.removeEventListener('abort', start);
      clearTimeout(timer);
    },
  };
}

function wantedOf({ offers }: HandoffLog, only: string | undefined): readonly Offer[] {
  if (only !== undefined && offers.get(only)?.isDone === true)
    throw new OfferError('done', `The offer ${only} is done.`);
  return [...offers.values()].filter(({ id, isDone }) => !isDone && (only === undefined || id === only));
}

/** How long to wait, in milliseconds: until the first lease ends, plus `AFTER_LEASE_MS`. Undefined if no agent has any of these offers. */
function untilFirstEnd(offers: readonly Offer[], now: number): number | undefined {
  const ends = offers.flatMap(({ holder }) => (holder === undefined ? [] : [holder.until]));
  return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends) - now) + AFTER_LEASE_MS;
}
