/** What an agent does with a handoff: offers work, takes it, and reports on it. The protocol is in `handoff-state.ts`. */
import type { Position } from '../../generated/client.ts';
import type { HandoffLog } from './handoff-log.ts';
import { isOpen } from './handoff-state.ts';
import type { Offer } from './handoff-state.ts';

export const DEFAULT_LEASE_S = 60;
/** Delay after the end of a lease before a new attempt, so that slightly different clocks do not cause a failed attempt. */
const AFTER_LEASE_MS = 20;

/** The agent that acts, and the signal that ends its attempts. */
export interface Acting {
  readonly actor: string;
  readonly signal: AbortSignal;
}

export interface NewOffer {
  /** Nothing is published if this id was offered before. */
  readonly offer: string;
  readonly task: unknown;
  /** Milliseconds. */
  readonly leaseMs: number;
}

export interface Taken {
  readonly offer: string;
  readonly task: unknown;
  /** The position of the `take`, which every later step must name. */
  readonly fence: Position;
  /** When the lease ends, in milliseconds of the stream's time. */
  readonly until: number;
}

/** A step of the agent that has the work. */
export type HeldStep = 'renew' | 'done' | 'release';

export interface Report {
  readonly step: HeldStep;
  readonly offer: string;
  readonly fence: Position;
}

/** The named offer cannot be taken or reported on, now or later. */
export class OfferError extends Error {
  readonly reason: 'done' | 'unknown';

  constructor(reason: 'done' | 'unknown', message: string) {
    super(message);
    this.name = 'OfferError';
    this.reason = reason;
  }
}

/** @throws {TidemarkError} if the gateway refuses the offer */
export async function offerWork(log: HandoffLog, { offer, task, leaseMs }: NewOffer, acting: Acting): Promise<void> {
  await log.publish({ step: 'offer', offer, task, leaseMs }, { ...acting, idempotencyKey: `handoff-offer-${offer}` });
}

/**
 * Waits for work that no agent has, and takes it.
 * @param only take only this offer
 * @throws {OfferError} if `only` is done; the signal's reason
 */
export async function takeWork(log: HandoffLog, only: string | undefined, acting: Acting): Promise<Taken> {
  for (;;) {
    const wanted = wantedOf(log, only);
    const open = wanted.find((each) => isOpen(each, log.now));
    if (open === undefined) {
      await log.change(acting.signal, untilFirstEnd(wanted, log.now));
      continue;
    }
    const { epoch, sequenceId } = await log.publish({ step: 'take', offer: open.id }, acting);
    const taken = log.offers.get(open.id);
    if (taken?.holder?.fence !== sequenceId) continue;
    return { offer: taken.id, task: taken.task, fence: { epoch, sequenceId }, until: taken.holder.until };
  }
}

/**
 * Renews, completes or gives back work.
 * @returns whether the fence was valid; otherwise nothing was changed
 * @throws {OfferError} if there is no such offer
 */
export async function reportWork(log: HandoffLog, { step, offer, fence }: Report, acting: Acting): Promise<boolean> {
  if (!log.offers.has(offer))
    throw new OfferError('unknown', `There is no offer ${offer} in the session ${log.session}.`);
  const idempotencyKey = step === 'renew' ? crypto.randomUUID() : `handoff-${step}-${offer}-${fence.sequenceId}`;
  const spoken = { step, offer, fence: fence.sequenceId } as const;
  const { epoch, hasCounted } = await log.publish(spoken, { ...acting, idempotencyKey });
  return epoch === fence.epoch && hasCounted;
}

function wantedOf({ offers }: HandoffLog, only: string | undefined): readonly Offer[] {
  if (only !== undefined && offers.get(only)?.isDone === true)
    throw new OfferError('done', `The offer ${only} is done.`);
  return [...offers.values()].filter(({ id, isDone }) => !isDone && (only === undefined || id === only));
}

/** Time until the first lease ends, in milliseconds; undefined if no agent has work. */
function untilFirstEnd(held: readonly Offer[], now: number): number | undefined {
  const ends = held.flatMap(({ holder }) => (holder === undefined ? [] : [holder.until]));
  return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends) - now) + AFTER_LEASE_MS;
}
