/** Groups the connections that receive an event, so that connections that receive the same bytes are in one group. */
import type { LiveSink, Session } from '../session/session.ts';
import type { DeliveryTally, Subscription } from '../session/subscription.ts';
import type { Members } from '../subscriptions/subscription-index.ts';
import { eventPrefix } from '../wire/codec.ts';
import type { Framing } from '../wire/framing.ts';

/** Connections that receive the same frame. */
export interface ReceiverGroup {
  readonly framing: Framing;
  readonly prefix: string;
  readonly sinks: readonly LiveSink[];
}

/**
 * Groups the connections of these subscriptions, which all match an event. Each connection is listed once, and its prefix contains the ids
 * of all its matching subscriptions (EVT-2). The ids are sorted. Therefore connections with the same subscription ids share a frame,
 * regardless of the order in which they subscribed.
 */
export function receiverGroupsOf(subscriptions: Iterable<Subscription>): readonly ReceiverGroup[] {
  const sessions: Session[] = [];
  for (const subscription of subscriptions) {
    const { session } = subscription;
    if (session.matched === undefined) {
      session.matched = [subscription];
      sessions.push(session);
    } else session.matched.push(subscription);
  }
  const receiverGroups = new Map<string, ReceiverGroup & { readonly sinks: LiveSink[] }>();
  for (const session of sessions) {
    const prefix = prefixOf(session.matched ?? []);
    session.matched = undefined;
    const { framing, live } = session.outlet;
    const key = `${framing.kind} ${prefix}`;
    const group = receiverGroups.get(key);
    if (group === undefined) receiverGroups.set(key, { framing, prefix, sinks: [live] });
    else group.sinks.push(live);
  }
  return [...receiverGroups.values()];
}

function prefixOf(matched: readonly Subscription[]): string {
  const [only] = matched;
  if (matched.length === 1 && only !== undefined) return only.livePrefix;
  return eventPrefix(matched.map((each) => each.id).toSorted());
}

/** Subscriptions with the same events and filter. Every event matches either all of them or none, so one counter is enough for all. */
export class Audience implements Members<Subscription>, DeliveryTally {
  /**
   * The subscriptions, in the order in which they were added. A single subscription is stored without a set, which would take more memory.
   */
  #subscriptions: Subscription | Set<Subscription> | undefined;
  #receiverGroups: readonly ReceiverGroup[] | undefined;
  delivered = 0;
  lastDeliveredAt: number | undefined;

  get size(): number {
    if (this.#subscriptions instanceof Set) return this.#subscriptions.size;
    return this.#subscriptions === undefined ? 0 : 1;
  }

  *[Symbol.iterator](): Generator<Subscription> {
    if (this.#subscriptions instanceof Set) yield* this.#subscriptions;
    else if (this.#subscriptions !== undefined) yield this.#subscriptions;
  }

  add(subscription: Subscription): void {
    const present = this.#subscriptions;
    if (present === undefined) this.#subscriptions = subscription;
    else if (present instanceof Set) present.add(subscription);
    else if (present !== subscription) this.#subscriptions = new Set([present, subscription]);
    this.#receiverGroups = undefined;
    subscription.countBy(this);
  }

  delete(subscription: Subscription): void {
    if (this.#subscriptions instanceof Set) this.#subscriptions.delete(subscription);
    else if (this.#subscriptions === subscription) this.#subscriptions = undefined;
    this.#receiverGroups = undefined;
  }

  /** Counts an event that was delivered to all these subscriptions. */
  countDelivery(now: number): void {
    this.delivered += 1;
    this.lastDeliveredAt = now;
  }

  /** The receivers of an event that no other audience matches. The list is cached until a subscription is added or removed. */
  get receiverGroups(): readonly ReceiverGroup[] {
    return (this.#receiverGroups ??= receiverGroupsOf(this));
  }
}
