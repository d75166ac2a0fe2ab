/** Functions that several invariants use to evaluate the reading of a trace. */
import { textsAt } from './json.ts';
import { dataOf, typeOf } from './reading.ts';
import type { StreamSubscription, Reading, SeenEvent, SubscriptionSpan } from './reading.ts';
import type { Frame } from './trace.ts';

/** Whether a subscription is active at a frame. */
export function isActiveAt(subscription: SubscriptionSpan, n: number): boolean {
  return subscription.subscribed.n < n && (subscription.ended === undefined || n < subscription.ended.n);
}

/** The gaps that a subscription received. */
export function gapsOf(subscription: StreamSubscription): readonly Frame[] {
  return subscription.connection.received.filter(
    (frame) =>
      typeOf(frame) === 'gap' &&
      isActiveAt(subscription, frame.n) &&
      textsAt(dataOf(frame), 'subscriptionIds').includes(subscription.id),
  );
}

/** Every event that any connection received, by stream and epoch and then by number. */
export function knownEvents(reading: Reading): ReadonlyMap<string, ReadonlyMap<number, SeenEvent>> {
  const known = new Map<string, Map<number, SeenEvent>>();
  for (const { events } of reading.connections)
    for (const event of events) {
      const key = streamKey(event.stream, event.epoch);
      const stream = known.get(key) ?? new Map<number, SeenEvent>();
      known.set(key, stream);
      const before = stream.get(event.sequenceId);
      // Prefer the live message to a replayed one, because the replay may be faulty.
      if (before === undefined || (before.isReplay && !event.isReplay)) stream.set(event.sequenceId, event);
    }
  return known;
}

export function streamKey(stream: string, epoch: string): string {
  return `${stream}\u0000${epoch}`;
}
