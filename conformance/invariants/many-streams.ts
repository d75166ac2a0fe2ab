import type { Invariant, Report } from '../trace/finding.ts';
import { member, numberAt, textAt, textsAt } from '../trace/json.ts';
import type { Following, Place, SeenEvent } from '../trace/reading.ts';
import { dataOf, placesOf, typeOf } from '../trace/reading.ts';
import { livesAt } from '../trace/queries.ts';
import type { Frame } from '../trace/trace.ts';
import { coversStream } from '../trace/selector.ts';

/** Something that a subscription to many streams received about one of these streams. */
type Item =
  | { readonly kind: 'event'; readonly event: SeenEvent; readonly frame: Frame }
  | { readonly kind: 'position'; readonly place: Place; readonly frame: Frame }
  | { readonly kind: 'gap'; readonly frame: Frame }
  | { readonly kind: 'ended'; readonly frame: Frame };

function itemsOf(frame: Frame, { id }: Following, event: SeenEvent | undefined): readonly (readonly [string, Item])[] {
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
function streamsOf(following: Following): ReadonlyMap<string, readonly Item[]> {
  const { connection } = following;
  const events = new Map(connection.events.map((event) => [event.frame, event]));
  const streams = new Map<string, Item[]>();
  for (const frame of connection.received) {
    if (!livesAt(following, frame.n)) continue;
    for (const [stream, item] of itemsOf(frame, following, events.get(frame))) {
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
function judgeStream(following: Following, stream: string, items: readonly Item[], report: Report): void {
  const { id, subscribed, mode, whole, after } = following;
  let last: Place | undefined = mode === 'resume' ? after.get(stream) : undefined;
  let exact = mode === 'resume';
  let named: Frame | undefined;
  for (const item of items) {
    if (item.kind === 'ended' || item.kind === 'gap') {
      [last, exact] = [undefined, item.kind === 'ended'];
      continue;
    }
    if (item.kind === 'position') {
      if (named !== undefined) report.violate(`${id}: positions name ${stream} twice`, named, item.frame);
      if (last?.epoch === item.place.epoch && item.place.sequenceId < last.sequenceId)
        report.violate(`${id}: ${stream} is at ${last.sequenceId}, but positions report less`, item.frame);
      named = item.frame;
      [last, exact] = [item.place, true];
      continue;
    }
    const { event, frame } = item;
    report.fire();
    const lowest = last?.epoch === event.epoch ? last.sequenceId : 0;
    // A warm replay has holes. For a subscription to every event, all other events are contiguous.
    const holes = !whole || (event.isReplay && mode !== 'resume') || !exact;
    if (event.sequenceId <= lowest || (!holes && event.sequenceId !== lowest + 1))
      report.violate(`${id}: ${stream} ${event.sequenceId} came after ${lowest}`, subscribed, frame);
    if (last !== undefined && last.epoch !== event.epoch)
      report.violate(`${id}: the epoch of ${stream} changed without a gap`, subscribed, frame);
    last = { epoch: event.epoch, sequenceId: event.sequenceId };
    exact ||= !event.isReplay;
  }
}

function judgeReplay(following: Following, streams: ReadonlyMap<string, readonly Item[]>, report: Report): void {
  const { id, completed, mode } = following;
  const events = [...streams.values()].flat().flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  const replayed = events.filter(({ isReplay }) => isReplay);
  if (mode === 'none' && (replayed[0] ?? completed) !== undefined)
    report.violate(`${id}: a replay came although none was requested`, replayed[0]?.frame ?? completed);
  if (completed === undefined) return;
  const count = numberAt(dataOf(completed), 'count');
  if (count !== replayed.length)
    report.violate(`${id}: replay_complete reports ${count ?? 'no count'}, but ${replayed.length} came`, completed);
  const stray = events.find(({ isReplay, frame }) => isReplay === frame.n > completed.n);
  if (stray !== undefined)
    report.violate(`${id}: replayed events come before replay_complete, live ones after it`, completed, stray.frame);
}

/**
 * A subscription to many streams receives the events of each stream in order, and without holes if it subscribes to all
 * events.
 */
export const manyStreams: Invariant = {
  id: 'invariants/many-streams',
  clauses: ['MUL-3', 'MUL-4', 'MUL-5', 'MUL-6', 'MUL-7'],
  why: 'A subscription to many streams receives events of these streams only; those of each stream in order, once, and without unreported holes.',
  check: ({ connections }, report) => {
    for (const { followings } of connections)
      for (const following of followings) {
        const streams = streamsOf(following);
        for (const [stream, items] of streams) {
          if (!following.streams.some((each) => coversStream(each, stream)))
            report.violate(`${following.id} does not follow ${stream}`, following.subscribed, items[0]?.frame);
          judgeStream(following, stream, items, report);
        }
        judgeReplay(following, streams, report);
      }
  },
};
