/** Functions that several invariants use to evaluate the reading of a trace. */
import { member, textAt, textsAt } from './json.ts';
import { dataOf, placeOf, typeOf } from './reading.ts';
import type { Place, StreamSubscription, Reading, SeenEvent, SubscriptionSpan } from './reading.ts';
import type { Frame } from './trace.ts';

/** The epoch of a position that the server does not know, for example that of a stream that expired unread. */
const UNKNOWN_EPOCH = 'unknown';

/** Whether a subscription is active at a frame. */
export function isActiveAt(subscription: SubscriptionSpan, n: number): boolean {
  return subscription.subscribed.n < n && (subscription.ended === undefined || n < subscription.ended.n);
}

/** Whether messages of the stream are live at a frame, because the subscription has no replay or its replay is complete. */
export function isLiveAt({ mode, completed }: SubscriptionSpan, n: number): boolean {
  return mode === 'none' || (completed !== undefined && completed.n < n);
}

/** The gaps of its stream that a subscription received. */
export function gapsOf(subscription: StreamSubscription): readonly Frame[] {
  return subscription.connection.received.filter(
    (frame) =>
      typeOf(frame) === 'gap' &&
      isActiveAt(subscription, frame.n) &&
      textAt(dataOf(frame), 'stream') === subscription.stream &&
      textsAt(dataOf(frame), 'subscriptionIds').includes(subscription.id),
  );
}

/** The position up to which a gap reports events as lost. Delivery continues after it. Undefined if the server does not know it. */
export function endOf(gap: Frame): Place | undefined {
  const to = placeOf(member(dataOf(gap), 'to'));
  return to?.epoch === UNKNOWN_EPOCH ? undefined : to;
}

/**
 * Whether a gap reports lost events of a stream. A source loss loses no events (GAP-2), and a gap whose `stream` is a
 * pattern does not name the streams (MUL-9).
 */
export function losesEvents(gap: Frame): boolean {
  const data = dataOf(gap);
  return textAt(data, 'reason') !== 'source_overflow' && textAt(data, 'stream')?.endsWith('*') !== true;
}

/**
 * The position that a subscription has in a stream after a gap of that stream. Undefined if the server does not know the position.
 * @param before the position before the gap; undefined if that position is not known
 */
export function placeAfter(gap: Frame, before: Place | undefined): Place | undefined {
  if (!losesEvents(gap)) return before;
  const to = endOf(gap);
  // A gap may report events as lost that the subscription has already received or passed.
  const isPassed = to !== undefined && to.epoch === before?.epoch && to.sequenceId < before.sequenceId;
  return isPassed ? before : to;
}

/**
 * The events between the position of a subscription and the start of a gap, as a text. They were neither delivered nor reported as lost.
 * Undefined if there are none.
 */
export function omittedBefore(gap: Frame, place: Place | undefined): string | undefined {
  const from = placeOf(member(dataOf(gap), 'from'));
  if (!losesEvents(gap) || place === undefined || from?.epoch !== place.epoch) return undefined;
  return from.sequenceId > place.sequenceId ? `events ${place.sequenceId + 1} to ${from.sequenceId}` : undefined;
}

/** Whether a gap reports the event at a position as lost. */
export function covers(gap: Frame, { epoch, sequenceId }: Place): boolean {
  if (!losesEvents(gap)) return false;
  const from = placeOf(member(dataOf(gap), 'from'));
  const to = endOf(gap);
  if (from?.epoch !== epoch && to?.epoch !== epoch) return from?.epoch === UNKNOWN_EPOCH;
  return (
    (from?.epoch !== epoch || sequenceId > from.sequenceId) && (to?.epoch !== epoch || sequenceId <= to.sequenceId)
  );
}

/** The position of a subscription in its stream, and the frame that it is from: `subscribed`, an event or a gap. */
export interface Mark {
  /** Undefined if a gap did not report the position. */
  readonly place: Place | undefined;
  readonly frame: Frame;
}

/** A live event or a gap that a subscription to one stream received. */
export interface Step {
  readonly frame: Frame;
  /** Undefined if the step is a gap. */
  readonly event: SeenEvent | undefined;
  readonly before: Mark;
  readonly after: Mark;
}

/** The live events and the gaps that name a subscription, in the order of arrival, while the subscription was active. */
export function stepsOf(subscription: StreamSubscription): readonly Step[] {
  const { connection, id, stream, subscribed, position } = subscription;
  const gaps = gapsOf(subscription).map((frame) => ({ frame, event: undefined }));
  const live = connection.events
    .filter((event) => !event.isReplay && event.stream === stream && event.subscriptionIds.includes(id))
    .filter(({ frame }) => isActiveAt(subscription, frame.n))
    .map((event) => ({ frame: event.frame, event }));
  const steps: Step[] = [];
  let before: Mark = { place: position, frame: subscribed };
  for (const { frame, event } of [...gaps, ...live].toSorted((left, right) => left.frame.n - right.frame.n)) {
    const place: Place | undefined = event ?? placeAfter(frame, before.place);
    // A gap that changes no position is not the origin of the position.
    const after: Mark = place === before.place ? before : { place, frame };
    steps.push({ frame, event, before, after });
    before = after;
  }
  return steps;
}

/** A run of a subscription within one epoch. */
export interface Run {
  /** All matching events after this position must be delivered. */
  readonly start: Place;
  /** The frame with which the run begins: `subscribed`, or the gap or event that changed the epoch. */
  readonly begun: Frame;
}

export function runsOf(subscription: StreamSubscription): readonly Run[] {
  const { position: start, subscribed: begun } = subscription;
  const runs: Run[] = [{ start, begun }];
  for (const { before, after } of stepsOf(subscription))
    if (after.place !== undefined && after.place.epoch !== before.place?.epoch)
      runs.push({ start: after.place, begun: after.frame });
  return runs;
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
