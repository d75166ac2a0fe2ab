/**
 * Opens and ends subscriptions: what must happen together in the session, the fan-out and the broker happens here.
 */
import type { Broker } from '../broker/broker.ts';
import type { Fanout } from './fan-out.ts';
import type { Session } from '../session/session.ts';
import type { Subscription } from '../session/subscription.ts';

export class SubscriptionRegistry {
  readonly #broker: Broker;
  readonly #fanout: Fanout;

  constructor(options: { readonly broker: Broker; readonly fanout: Fanout }) {
    this.#broker = options.broker;
    this.#fanout = options.fanout;
  }

  /** The stream must be attached already; the attachment passes to the subscription. */
  open(subscription: Subscription): void {
    const { session } = subscription;
    session.subscriptions.set(subscription.id, subscription);
    this.#fanout.add(subscription);
  }

  /** Nothing matches the subscription any more; what was queued for it before still goes out. */
  end(subscription: Subscription): void {
    const { session, stream } = subscription;
    if (!session.subscriptions.delete(subscription.id)) return;
    this.#fanout.remove(subscription);
    this.#broker.detach(stream);
  }

  /** The connection is over. */
  endAll(session: Session): void {
    for (const subscription of [...session.subscriptions.values()]) this.end(subscription);
  }
}
