/**
 * Who has which piece of work: a pure fold over the log of a session, so that all agents come to the same picture.
 *
 *     offered → held → done
 *        ↑        │
 *        └────────┘  released, or the lease has ended and another agent takes it
 *
 * Three facts of the stream decide, none of an agent's clock: the order of the log (STR-2); `emittedAt`, which the server sets and
 * which never decreases along a stream (STR-4), for the end of a lease; and the position of the `take` that counts, which is the
 * fence: an agent that renews, releases or completes must name it, so that one that has lost its lease changes nothing.
 */

/** One event of a handoff, as it stands in `details.handoff` of a `session_handoff`. */
export type Step =
  | { readonly step: 'offer'; readonly offer: string; readonly task: unknown; readonly leaseMs: number }
  | { readonly step: 'take'; readonly offer: string }
  | { readonly step: 'renew' | 'release' | 'done'; readonly offer: string; readonly fence: number };

/** A step at its place in the log. */
export interface Said {
  readonly step: Step;
  readonly actor: string | undefined;
  readonly sequenceId: number;
  /** `emittedAt`, in milliseconds since 1970. */
  readonly at: number;
}

export interface Holder {
  readonly actor: string | undefined;
  /** The sequenceId of the `take` that counts. */
  readonly fence: number;
  /** When the lease ends, in milliseconds of the stream's time. */
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

/** By id, in the order in which they were offered. */
export type Offers = ReadonlyMap<string, Offer>;

/** Whether a `take` at this time would count. */
export function isOpen({ isDone, holder }: Offer, at: number): boolean {
  return !isDone && (holder === undefined || at >= holder.until);
}

/** The picture after one more step. A step that does not count leaves it as it is. */
export function follow(offers: Offers, { step, actor, sequenceId, at }: Said): Offers {
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

function changeOf(offer: Offer, { step, actor, sequenceId, at }: Said): Offer {
  const { holder, leaseMs, isDone } = offer;
  if (step.step === 'offer' || isDone) return offer;
  if (step.step === 'take')
    return isOpen(offer, at) ? { ...offer, holder: { actor, fence: sequenceId, until: at + leaseMs } } : offer;
  if (holder?.fence !== step.fence) return offer;
  if (step.step === 'renew') return { ...offer, holder: { ...holder, until: at + leaseMs } };
  return step.step === 'done' ? { ...offer, isDone: true } : { ...offer, holder: undefined };
}

/** The step in `details` of a session event; undefined where another program has put something else. */
export function readStep(details: unknown): Step | undefined {
  const handoff = memberOf(details, 'handoff');
  const [step, offer, fence, leaseMs] = ['step', 'offer', 'fence', 'leaseMs'].map((name) => memberOf(handoff, name));
  if (typeof offer !== 'string') return undefined;
  if (step === 'take') return { step, offer };
  if (step === 'offer' && typeof leaseMs === 'number' && leaseMs > 0)
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
