import type { Invariant, Report } from '../trace/finding.ts';
import { member, numberAt, textAt, textsAt } from '../trace/json.ts';
import type { ManyStreamsSubscription, Place, SeenEvent } from '../trace/reading.ts';
import { dataOf, placesOf, typeOf } from '../trace/reading.ts';
import { isActiveAt, isLiveAt, losesEvents, omittedBefore, placeAfter } from '../trace/queries.ts';
import type { Frame } from '../trace/trace.ts';
import { coversStream } from '../trace/selector.ts';

/** Something that a subscription to many streams received about one of these streams. */
type Item =
  | { readonly kind: 'event'; readonly event: SeenEvent; readonly frame: Frame }
  | { readonly kind: 'position'; readonly place: Place; readonly frame: Frame }
  | { readonly kind: 'gap'; readonly frame: Frame }
  | { readonly kind: 'ended'; readonly frame: Frame };

function itemsOf(
  frame: Frame,
  { id }: ManyStreamsSubscription,
  event: SeenEvent | undefined,
): readonly (readonly [string, Item])[] {
  const data = dataOf(frame);
  if (event !== undefined)
    return event.subscriptionIds.includes(id) ? [[event.stream, { kind: 'event', event, frame }]] : [];
  if (typeOf(frame) === 'gap')
    return textsAt(data, 'subscriptionIds').includes(id)
      ? [[textAt(data, 'stream') ?? '', { kind: 'gap', frame }]]
      : [];
  if (typeOf(frame) !== 'positions' || textAt(data, 'subscriptionId') !== id) return [];
  const places = [...placesOf(member(data, 'positions'))];
  return [
    ...places.map(([stream, place]) => [stream, { kind: 'position', place, frame }] as const),
    ...textsAt(data, 'ended').map((stream) => [stream, { kind: 'ended', frame }] as const),
  ];
}

/** Everything that the subscription received, grouped by stream, in the order of arrival. */
function streamsOf(subscription: ManyStreamsSubscription): ReadonlyMap<string, readonly Item[]> {
  const { connection } = subscription;
  const events = new Map(connection.events.map((event) => [event.frame, event]));
  const streams = new Map<string, Item[]>();
  for (const frame of connection.received) {
    if (!isActiveAt(subscription, frame.n)) continue;
    for (const [stream, item] of itemsOf(frame, subscription, events.get(frame))) {
      const items = streams.get(stream) ?? [];
      streams.set(stream, items);
      items.push(item);
    }
  }
  return streams;
}

/**
 * Checks one stream: each event must come after the last event or position, and directly after it where holes are not
 * allowed.
 */
function judgeStream(
  subscription: ManyStreamsSubscription,
  stream: string,
  items: readonly Item[],
  report: Report,
): void {
  const { id, subscribed, mode, whole, after } = subscription;
  let last: Place | undefined = mode === 'resume' ? after.get(stream) : undefined;
  let exact = mode === 'resume';
  let named: Frame | undefined;
  for (const item of items) {
    if (item.kind === 'ended') {
      [last, exact] = [undefined, true];
      continue;
    }
    if (item.kind === 'gap') {
      if (!losesEvents(item.frame)) continue;
      const isLive = isLiveAt(subscription, item.frame.n);
      const omitted = isLive && whole && exact ? omittedBefore(item.frame, last) : undefined;
      if (omitted !== undefined)
        report.violate(
          `subscription ${id}: ${omitted} of ${stream} were not delivered, and the gap does not report them`,
          subscribed,
          item.frame,
        );
      // After the gap of a failed resume comes a warm picture, whose events are before the end of the gap.
      last = isLive ? placeAfter(item.frame, last) : undefined;
      exact = last !== undefined;
      continue;
    }
    if (item.kind === 'position') {
      if (named !== undefined)
        report.violate(`subscription ${id}: positions name the stream ${stream} twice`, named, item.frame);
      if (last?.epoch === item.place.epoch && item.place.sequenceId < last.sequenceId)
        report.violate(
          `subscription ${id}: the stream ${stream} is at ${last.sequenceId}, but positions report a lower position`,
          item.frame,
        );
      named = item.frame;
      [last, exact] = [item.place, true];
      continue;
    }
    const { event, frame } = item;
    report.fire();
    const lowest = last?.epoch === event.epoch ? last.sequenceId : 0;
    // Holes are allowed in three cases: the subscription does not select every event; the event is part of a warm replay; it is
    // not known where the stream continues (`exact` is false), for example after a gap.
    const holes = !whole || (event.isReplay && mode !== 'resume') || !exact;
    if (event.sequenceId <= lowest || (!holes && event.sequenceId !== lowest + 1))
      report.violate(
        `subscription ${id}: event ${event.sequenceId} of ${stream} came after event ${lowest}`,
        subscribed,
        frame,
      );
    if (last !== undefined && last.epoch !== event.epoch)
      report.violate(`subscription ${id}: the epoch of ${stream} changed without a gap`, subscribed, frame);
    last = { epoch: event.epoch, sequenceId: event.sequenceId };
    exact ||= !event.isReplay;
  }
}

function judgeReplay(
  subscription: ManyStreamsSubscription,
  streams: ReadonlyMap<string, readonly Item[]>,
  report: Report,
): void {
  const { id, completed, mode } = subscription;
  const events = [...streams.values()].flat().flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  const replayed = events.filter(({ isReplay }) => isReplay);
  if (mode === 'none' && (replayed[0] ?? completed) !== undefined)
    report.violate(`subscription ${id}: a replay came although none was requested`, replayed[0]?.frame ?? completed);
  if (completed === undefined) return;
  const count = numberAt(dataOf(completed), 'count');
  if (count !== replayed.length)
    report.violate(
      `subscription ${id}: replay_complete reports ${count ?? 'no count'}, but ${replayed.length} events were replayed`,
      completed,
    );
  const stray = events.find(({ isReplay, frame }) => isReplay === frame.n > completed.n);
  if (stray !== undefined)
    report.violate(
      `subscription ${id}: replayed events must come before replay_complete, and live events after it`,
      completed,
      stray.frame,
    );
}

/**
 * A subscription to many streams receives the events of each stream in order, and without holes if it subscribes to all
 * events.
 */
export const manyStreams: Invariant = {
  id: 'invariants/many-streams',
  clauses: ['MUL-3', 'MUL-4', 'MUL-5', 'MUL-6', 'MUL-7'],
  why: 'A subscription to many streams receives only events of these streams. It receives the events of each stream in order, once, and without unreported holes.',
  check: ({ connections }, report) => {
    for (const { manyStreamsSubscriptions } of connections)
      for (const subscription of manyStreamsSubscriptions) {
        const streams = streamsOf(subscription);
        for (const [stream, items] of streams) {
          if (!subscription.streams.some((each) => coversStream(each, stream)))
            report.violate(
              `the subscription ${subscription.id} does not include the stream ${stream}`,
              subscription.subscribed,
              items[0]?.frame,
            );
          judgeStream(subscription, stream, items, report);
        }
        judgeReplay(subscription, streams, report);
      }
  },
};
