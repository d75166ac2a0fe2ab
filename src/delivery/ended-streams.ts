/**
 * Streams that have expired and are still to be reported (MUL-6). Thousands of streams can expire at once, so what ends in one turn of the
 * event loop is reported together.
 */
import type { Subscription } from '../session/subscription.ts';
import { positionMessages } from './position-messages.ts';

export class EndedStreams {
  readonly #bySubscription = new Map<Subscription, string[]>();
  readonly #streams = new Set<string>();

  /** Reports the end of a stream later in this turn to subscriptions that follow it. */
  add(stream: string, subscriptions: Iterable<Subscription>): void {
    for (const subscription of subscriptions) {
      const streams = this.#bySubscription.get(subscription);
      if (streams === undefined) this.#bySubscription.set(subscription, [stream]);
      else streams.push(stream);
    }
    if (this.#streams.size === 0) setImmediate(() => this.#report());
    this.#streams.add(stream);
  }

  /** The stream begins again: its end must be reported before (MUL-6). */
  reportBefore(stream: string): void {
    if (this.#streams.has(stream)) this.#report();
  }

  /** The subscription has ended: nothing more is reported to it. */
  forget(subscription: Subscription): void {
    this.#bySubscription.delete(subscription);
  }

  #report(): void {
    const due = [...this.#bySubscription];
    this.#bySubscription.clear();
    this.#streams.clear();
    for (const [subscription, ended] of due)
      subscription.session.outlet.sendInOrder(positionMessages(subscription, { ended }));
  }
}
