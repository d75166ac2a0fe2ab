/** Functions that several invariants use to evaluate the reading of a trace. */
import { member, textsAt } from './json.ts';
import { dataOf, placeOf, typeOf } from './reading.ts';
import type { Place, StreamSubscription, Reading, SeenEvent, SubscriptionSpan } from './reading.ts';
import type { Frame } from './trace.ts';

/** The epoch of a position that the server does not know, for example that of a stream that expired unread. */
const UNKNOWN_EPOCH = 'unknown';

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

/** The position up to which a gap reports events as lost. Delivery continues after it. Undefined if the server does not know it. */
export function endOf(gap: Frame): Place | undefined {
  const to = placeOf(member(dataOf(gap), 'to'));
  return to?.epoch === UNKNOWN_EPOCH ? undefined : to;
}

/** Whether a gap reports the event at a position as lost. */
export function covers(gap: Frame, { epoch, sequenceId }: Place): boolean {
  const from = placeOf(member(dataOf(gap), 'from'));
  const to = endOf(gap);
  return (
    (from?.epoch !== epoch || sequenceId > from.sequenceId) && (to?.epoch !== epoch || sequenceId <= to.sequenceId)
  );
}

/** A live event of a stream, as one subscription to the stream expects it. */
export interface Continuation {
  readonly event: SeenEvent;
  /** The position after which the subscription continues; undefined if a gap did not report it. */
  readonly after: Place | undefined;
  /** The frame that the position is from: `subscribed`, an event or a gap. */
  readonly known: Frame;
}

/** The live events that the connection received of the stream while the subscription was active. */
export function continuationsOf(subscription: StreamSubscription): readonly Continuation[] {
  const { connection, stream, subscribed, position } = subscription;
  const gaps = gapsOf(subscription).map((frame) => ({ frame, event: undefined }));
  const live = connection.events
    .filter((event) => !event.isReplay && event.stream === stream && isActiveAt(subscription, event.frame.n))
    .map((event) => ({ frame: event.frame, event }));
  const found: Continuation[] = [];
  let after: Place | undefined = position;
  let known = subscribed;
  for (const { frame, event } of [...gaps, ...live].toSorted((left, right) => left.frame.n - right.frame.n)) {
    if (event !== undefined) found.push({ event, after, known });
    const next: Place | undefined = event ?? endOf(frame);
    // The gap for a source loss that a resume replays is at an earlier position.
    const isEarlier: boolean = after?.epoch === next?.epoch && (next?.sequenceId ?? 0) < (after?.sequenceId ?? 0);
    if (event !== undefined || !isEarlier) [after, known] = [next, frame];
  }
  return found;
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
