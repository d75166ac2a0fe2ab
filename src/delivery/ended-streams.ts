/**
 * Streams that have expired, but whose end is not reported yet (MUL-6). Thousands of streams can expire at once. Therefore all streams that
 * end in one turn of the event loop are reported together.
 */
import type { Subscription } from '../session/subscription.ts';
import { positionMessages } from './position-messages.ts';

export class EndedStreams {
  readonly #bySubscription = new Map<Subscription, string[]>();
  readonly #streams = new Set<string>();

  /** Records that a stream has ended. At the end of this turn of the event loop, the end is reported to these subscriptions. */
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
   * Must be called before an event of a stream is delivered. If the end of the stream is not reported yet, it is reported now, because the
   * report must precede the next event of the stream (MUL-6).
   */
  reportBefore(stream: string): void {
    if (this.#streams.has(stream)) this.#report();
  }

  /** Must be called when a subscription has ended. No end of a stream is reported to it any more. */
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
