/**
 * Opens and ends subscriptions, and keeps the session, the fan-out and the broker consistent.
 */
import type { Broker } from '../broker/broker.ts';
import { Budget } from '../replay/budget.ts';
import type { Fanout } from './fan-out.ts';
import type { Session } from '../session/session.ts';
import type { Subscription } from '../session/subscription.ts';

export class SubscriptionRegistry {
  readonly #broker: Broker;
  readonly #fanout: Fanout;
  /** Memory of all subscriptions of this node, by principal. */
  readonly filters: Budget;
  /** The principal under which each subscription was counted: a session's principal may change. */
  readonly #owners = new Map<Subscription, string>();

  constructor(options: {
    readonly broker: Broker;
    readonly fanout: Fanout;
    readonly limits: { readonly filterBytes: number };
  }) {
    this.#broker = options.broker;
    this.#fanout = options.fanout;
    this.filters = new Budget(options.limits.filterBytes);
  }

  /** The stream must be attached already; the attachment passes to the subscription. */
  open(subscription: Subscription): void {
    const { session } = subscription;
    session.subscriptions.set(subscription.id, subscription);
    this.#owners.set(subscription, session.principal.id);
    this.filters.count(session.principal.id, subscription.bytes);
    this.#fanout.add(subscription);
  }

  /** Ends a subscription. Events that were queued for it before are still sent. */
  end(subscription: Subscription): void {
    const { session, stream } = subscription;
    if (!session.subscriptions.delete(subscription.id)) return;
    this.filters.count(this.#owners.get(subscription) ?? '', -subscription.bytes);
    this.#owners.delete(subscription);
    this.#fanout.remove(subscription);
    this.#broker.detach(stream);
  }

  /** Ends all subscriptions of a closed connection. */
  endAll(session: Session): void {
    for (const subscription of [...session.subscriptions.values()]) this.end(subscription);
  }
}
