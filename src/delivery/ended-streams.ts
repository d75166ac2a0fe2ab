/**
 * Streams that have expired, but whose end is not reported yet (MUL-6). Thousands of streams can expire at once. Therefore all streams that
 * end in one turn of the event loop are reported together.
 */
import type { Subscription } from '../session/subscription.ts';
import { positionMessages } from './position-messages.ts';

export class EndedStreams {
  readonly #bySubscription = new Map<Subscription, string[]>();
  readonly #streams = new Set<string>();

  /** Schedules the report of an ended stream to these subscriptions, at the end of this turn of the event loop. */
  add(stream: string, subscriptions: Iterable<Subscription>): void {
    for (const subscription of subscriptions) {
      const streams = this.#bySubscription.get(subscription);
      if (streams === undefined) this.#bySubscription.set(subscription, [stream]);
      else streams.push(stream);
    }
    if (this.#streams.size === 0) setImmediate(() => this.#report());
    this.#streams.add(stream);
  }

  /**
   * Must be called before an event of a stream is delivered. If the stream had ended, its end is reported now, because the report must
   * precede its next event (MUL-6).
   */
  reportBefore(stream: string): void {
    if (this.#streams.has(stream)) this.#report();
  }

  /** Must be called when the subscription has ended. Nothing more is reported to it. */
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
