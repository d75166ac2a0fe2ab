/**
 * Computes which agent has which work. The state depends only on the log of a session, so all agents compute the same state.
 *
 *     offered → held → done
 *        ↑        │
 *        └────────┘  released, or the lease has ended and another agent takes the work
 *
 * No agent's clock is used. The state depends on three properties of the log:
 * - the order of the log (STR-2);
 * - `emittedAt`, which determines when a lease ends. The server sets this time, and it never decreases along a stream (STR-4);
 * - the position of the valid `take`, called the fence. To renew, release or complete work, an agent must name the fence. When another
 * agent has taken the work, the earlier fence is invalid, so steps of the earlier agent change nothing.
 */

import { LONGEST_S } from './duration.ts';

/** One step of a handoff: the value of `details.handoff` in a `session_handoff` event. */
export type Step =
  | { readonly step: 'offer'; readonly offer: string; readonly task: unknown; readonly leaseMs: number }
  | { readonly step: 'take'; readonly offer: string }
  | { readonly step: 'renew' | 'release' | 'done'; readonly offer: string; readonly fence: number };

/** A step with its actor, its position in the log and its time. */
export interface LoggedStep {
  readonly step: Step;
  readonly actor: string | undefined;
  readonly sequenceId: number;
  /** `emittedAt`, in milliseconds since 1970. */
  readonly at: number;
}

export interface Holder {
  readonly actor: string | undefined;
  /** The sequenceId of the valid `take`. */
  readonly fence: number;
  /** The end of the lease, in milliseconds on the clock of the stream (`emittedAt`). */
  readonly until: number;
}

export interface Offer {
  readonly id: string;
  readonly task: unknown;
  readonly leaseMs: number;
  /** The position of the offer in the log. */
  readonly sequenceId: number;
  readonly holder: Holder | undefined;
  readonly isDone: boolean;
}

/** Offers by id, in the order in which they were published. */
export type Offers = ReadonlyMap<string, Offer>;

/** Whether a `take` at this time would be valid. */
export function isOpen({ isDone, holder }: Offer, at: number): boolean {
  return !isDone && (holder === undefined || at >= holder.until);
}

/** The state after one more step. An invalid step does not change the state. */
export function follow(offers: Offers, { step, actor, sequenceId, at }: LoggedStep): Offers {
  const offer = offers.get(step.offer);
  if (step.step === 'offer') {
    if (offer !== undefined) return offers;
    const { offer: id, task, leaseMs } = step;
    return new Map(offers).set(id, { id, task, leaseMs, sequenceId, holder: undefined, isDone: false });
  }
  if (offer === undefined) return offers;
  const changed = changeOf(offer, { step, actor, sequenceId, at });
  return changed === offer ? offers : new Map(offers).set(offer.id, changed);
}

function changeOf(offer: Offer, { step, actor, sequenceId, at }: LoggedStep): Offer {
  const { holder, leaseMs, isDone } = offer;
  if (step.step === 'offer' || isDone) return offer;
  if (step.step === 'take')
    return isOpen(offer, at) ? { ...offer, holder: { actor, fence: sequenceId, until: at + leaseMs } } : offer;
  if (holder?.fence !== step.fence) return offer;
  if (step.step === 'renew') return { ...offer, holder: { ...holder, until: at + leaseMs } };
  return step.step === 'done' ? { ...offer, isDone: true } : { ...offer, holder: undefined };
}

/**
 * Reads the step in the payload of a session event; undefined if the payload contains no valid step. A lease longer than `LONGEST_S` seconds
 * is invalid: a timer for the end of the lease would fire immediately, and the end might not be a valid date.
 */
export function readStep(payload: unknown): Step | undefined {
  if (memberOf(payload, 'sessionEvent') !== 'session_handoff') return undefined;
  const handoff = memberOf(memberOf(payload, 'details'), 'handoff');
  const [step, offer, fence, leaseMs] = ['step', 'offer', 'fence', 'leaseMs'].map((name) => memberOf(handoff, name));
  if (typeof offer !== 'string') return undefined;
  if (step === 'take') return { step, offer };
  if (step === 'offer' && typeof leaseMs === 'number' && leaseMs > 0 && leaseMs <= LONGEST_S * 1000)
    return { step, offer, leaseMs, task: memberOf(handoff, 'task') };
  if ((step === 'renew' || step === 'release' || step === 'done') && typeof fence === 'number')
    return { step, offer, fence };
  return undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
