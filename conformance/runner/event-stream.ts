/**
 * Records a connection by server-sent events in the trace. Its request is recorded as the equivalent `subscribe`
 * command, so that the invariants can check it like a WebSocket connection (SSE-1).
 */
import { isArray, member, textAt, textsAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { endOf, placeAfter } from '../trace/queries.ts';
import { dataOf, placeOf, placesOf, typeOf } from '../trace/reading.ts';
import type { Place } from '../trace/reading.ts';
import type { Frame, Trace } from '../trace/trace.ts';
import type { EventStreamSpec } from '../tape/tape.ts';

/** The query parameters that are not filter fields. */
const OWN: ReadonlySet<string> = new Set(['events', 'stream', 'streams', 'replay', 'after']);

/** The position, or positions, from which a resume with an `id` continues. */
type Resumed =
  | { readonly after: Place; readonly withPicture: boolean }
  /** The position of each stream, by the name of the stream. */
  | { readonly positions: ReadonlyMap<string, Place> };

/** For each run: the resume that each `id` from the server represents. */
const POSITIONS = new WeakMap<Trace, Map<string, Resumed>>();

function positionsOf(trace: Trace): Map<string, Resumed> {
  const known = POSITIONS.get(trace) ?? new Map<string, Resumed>();
  POSITIONS.set(trace, known);
  return known;
}

export interface Identified {
  readonly id: string;
  readonly frame: Frame;
  /** All messages of the connection so far, including this message. */
  readonly received: readonly Frame[];
  /** The messages that had an `id`. */
  readonly identified: ReadonlySet<Frame>;
  /** The `subscribe` command to which the request of this connection is equivalent. */
  readonly command: JsonObject;
}

/** Stores the position that an `id` represents. A client that presents this `id` resumes after that position. */
export function rememberPosition(trace: Trace, { id, frame, ...rest }: Identified): void {
  const data = dataOf(frame);
  const asked = member(rest.command, 'data');
  const replay = member(asked, 'replay');
  if (member(asked, 'streams') !== undefined) {
    positionsOf(trace).set(id, { positions: placesAfter(rest) });
    return;
  }
  if (typeOf(frame) === 'subscribed' && textAt(replay, 'mode') !== 'none') {
    const start = placeOf(member(replay, 'after')) ?? placeOf(member(data, 'position'));
    if (start !== undefined) positionsOf(trace).set(id, { after: start, withPicture: true });
    return;
  }
  const positions = member(data, 'positions');
  const named =
    typeOf(frame) === 'event' ? data : (member(data, 'position') ?? (isArray(positions) ? positions[0] : undefined));
  const place = typeOf(frame) === 'gap' ? endOf(frame) : placeOf(named);
  if (place !== undefined) positionsOf(trace).set(id, { after: place, withPicture: false });
}

/**
 * Moves the position of a stream to a live event, or behind a gap. If the server does not know where the stream continues, an `id` no longer
 * includes the stream. The gap of a failed resume does not count, because the warm picture of its stream follows.
 */
function move(places: Map<string, Place>, frame: Frame, phase: 'replay' | 'live'): void {
  const data = dataOf(frame);
  const stream = textAt(data, 'stream');
  if (stream === undefined) return;
  const isLive = typeOf(frame) === 'event' && member(data, 'isReplay') === false;
  const isGap = typeOf(frame) === 'gap' && phase === 'live';
  if (!isLive && !isGap) return;
  const place = isLive ? placeOf(data) : placeAfter(frame, places.get(stream));
  if (place !== undefined) places.set(stream, place);
  else if (isGap) places.delete(stream);
}

/**
 * The positions of many streams after these messages (SSE-5). Replayed events do not change a position; the `positions` that
 * follow them do. A heartbeat without an `id` may have overtaken events, so its positions are not used.
 */
function placesAfter({ received, identified, command }: Omit<Identified, 'id' | 'frame'>): ReadonlyMap<string, Place> {
  const replay = member(member(command, 'data'), 'replay');
  const places = new Map(placesOf(member(replay, 'positions')));
  let phase: 'replay' | 'live' = textAt(replay, 'mode') === 'none' ? 'live' : 'replay';
  for (const frame of received) {
    const data = dataOf(frame);
    if (typeOf(frame) === 'replay_complete') phase = 'live';
    const isList = typeOf(frame) === 'positions' || (typeOf(frame) === 'heartbeat' && identified.has(frame));
    if (isList) for (const [stream, place] of placesOf(member(data, 'positions'))) places.set(stream, place);
    else move(places, frame, phase);
    for (const ended of textsAt(data, 'ended')) places.delete(ended);
  }
  return places;
}

function listOf(value: Json | undefined): readonly string[] {
  const values = isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'string');
}

export function queryOf({ query }: EventStreamSpec): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) for (const each of listOf(value)) parameters.append(name, each);
  return parameters;
}

/** The `subscribe` command that is equivalent to a request for server-sent events. */
export function commandOf({ query, lastEventId }: EventStreamSpec, trace: Trace): JsonObject {
  const fields = Object.entries(query).filter(([name]) => !OWN.has(name));
  const filter = Object.fromEntries(fields.map(([name, value]) => [name, listOf(value)]));
  const stream = textAt(query, 'stream');
  const data: JsonObject = {
    events: listOf(query['events']),
    replay: replayOf(typeof lastEventId === 'string' ? lastEventId : textAt(query, 'after'), query, trace),
    ...(stream === undefined ? {} : { stream }),
    ...(query['streams'] === undefined ? {} : { streams: listOf(query['streams']) }),
    ...(fields.length === 0 ? {} : { filter }),
  };
  return { type: 'subscribe', data };
}

function replayOf(token: string | undefined, query: JsonObject, trace: Trace): JsonObject {
  if (token === undefined) return { mode: textAt(query, 'replay') ?? 'warm' };
  const known = positionsOf(trace).get(token);
  if (known === undefined) return { mode: 'resume' };
  if ('positions' in known)
    return { mode: 'resume', positions: [...known.positions].map(([stream, place]) => ({ stream, ...place })) };
  return { mode: 'resume', after: { ...known.after }, ...(known.withPicture ? { withPicture: true } : {}) };
}

/** The code that a `closing` announced; 1006 if the event stream ended without a `closing`. */
export function closeCodeOf(received: readonly Frame[]): number {
  const closing = received.findLast((frame) => typeOf(frame) === 'closing');
  const code = member(closing === undefined ? undefined : dataOf(closing), 'code');
  return typeof code === 'number' ? code : 1006;
}
