/**
 * Finds the cause of each event of a capture. An event that a client of the capture published follows from that
 * client's command. Every other event becomes a stimulus. Each stimulus is placed early enough for all its effects:
 *
 * - before any client received it live, and before any command whose reply shows that it had been published;
 * - before the subscribe command whose replay contains it;
 * - before every later event of its stream.
 */
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import { isObject, member, numberAt, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Frame } from '../trace/trace.ts';
import { bodyOf } from './causes.ts';
import type { HttpRequested, Cause, Commanded, CaptureCauses } from './causes.ts';

export interface Emission extends Place {
  /** `data` of the event, as a client received it. */
  readonly data: JsonObject;
  /** The event had been published before the frame with this number. */
  at: number;
  readonly live: Frame[];
}

/** Events that no client in the capture published. */
export interface Emitted {
  readonly kind: 'emitted';
  readonly at: number;
  readonly emissions: readonly Emission[];
  readonly effects: Frame[];
}

export type TapeAction = Cause | Emitted;

/** The maximum number of consecutive events of one stream in one step. */
const STEP_EVENTS = 50;

interface Place {
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
}

/** Identifies a stream in one epoch. The epoch alone is not sufficient, because two streams may have equal epochs. */
const streamRunOf = ({ stream, epoch }: Place): string => `${stream} ${epoch}`;
const keyOf = (place: Place): string => `${streamRunOf(place)} ${place.sequenceId}`;

function dataOf(frame: Frame): JsonObject {
  const data = member(frame.json, 'data');
  return isObject(data) ? data : {};
}

function isEvent(frame: Frame): boolean {
  return textAt(frame.json, 'type') === 'event';
}

/** The position of the event that a command or a request published. */
function published(cause: Cause): Place | undefined {
  const result = resultOf(cause);
  return member(result, 'duplicate') === true ? undefined : placeIn(result);
}

function placeIn(value: Json | undefined): Place | undefined {
  const stream = textAt(value, 'stream');
  const epoch = textAt(value, 'epoch');
  const sequenceId = numberAt(value, 'sequenceId');
  return stream === undefined || epoch === undefined || sequenceId === undefined
    ? undefined
    : { stream, epoch, sequenceId };
}

function resultOf(cause: Cause): Json | undefined {
  if (cause.kind === 'command' && cause.command === 'broadcast')
    return member(cause.effects.find(({ json }) => textAt(json, 'type') === 'broadcasted')?.json, 'data');
  return isBroadcast(cause) ? bodyOf(cause.answer) : undefined;
}

export function isBroadcast(cause: Cause): cause is HttpRequested {
  const { method, path } = HTTP_OPERATIONS.post_broadcast;
  return cause.kind === 'http' && cause.request['method'] === method && cause.request['path'] === path;
}

/** Positions in a reply: events at or before them had been published when the server handled the command. */
function positionsOf(cause: Cause): readonly Place[] {
  if (cause.kind !== 'command') return [];
  return cause.effects.flatMap(({ json }) => {
    const type = textAt(json, 'type');
    const data = member(json, 'data');
    const position = member(data, 'position');
    if (!isObject(position) || (type !== 'subscribed' && type !== 'synced')) return [];
    return placeIn({ ...position, stream: textAt(data, 'stream') ?? 'main' }) ?? [];
  });
}

class Table {
  readonly #emissions = new Map<string, Emission>();

  /** Records an event that a client received. */
  see(frame: Frame, at: number): Emission | undefined {
    const data = dataOf(frame);
    const place = placeIn(data);
    if (place === undefined) return undefined;
    const known = this.at(place) ?? { ...place, data, at, live: [] };
    known.at = Math.min(known.at, at);
    this.#emissions.set(keyOf(place), known);
    return known;
  }

  at(place: Place): Emission | undefined {
    return this.#emissions.get(keyOf(place));
  }

  /** Records that every event up to a position had been published before a frame. */
  bound(place: Place, at: number): void {
    for (const each of this.#emissions.values())
      if (streamRunOf(each) === streamRunOf(place) && each.sequenceId <= place.sequenceId)
        each.at = Math.min(each.at, at);
  }

  /** Orders the events of all streams. The events of one stream keep their order. */
  inOrder(): readonly Emission[] {
    const all = [...this.#emissions.values()].toSorted((left, right) => right.sequenceId - left.sequenceId);
    const next = new Map<string, number>();
    for (const each of all) {
      each.at = Math.min(each.at, next.get(streamRunOf(each)) ?? Infinity);
      next.set(streamRunOf(each), each.at);
    }
    return all.toSorted((left, right) => left.at - right.at || left.sequenceId - right.sequenceId);
  }
}

function grouped(emissions: readonly Emission[], causes: readonly Cause[]): readonly Emitted[] {
  const groups: Emission[][] = [];
  let before: Emission | undefined;
  for (const emission of emissions) {
    const from = before?.at;
    const isNext =
      before?.stream === emission.stream &&
      (groups.at(-1)?.length ?? 0) < STEP_EVENTS &&
      !causes.some(({ at }) => from !== undefined && at >= from && at < emission.at);
    if (isNext) groups.at(-1)?.push(emission);
    else groups.push([emission]);
    before = emission;
  }
  return groups.map((each) => ({
    kind: 'emitted',
    at: (each[0]?.at ?? 0) - 0.5,
    emissions: each,
    effects: each.flatMap(({ live }) => live).toSorted((left, right) => left.n - right.n),
  }));
}

/** All client actions and stimuli, in an order in which a tape can repeat them. */
export function actionsOf({ causes, live }: CaptureCauses): readonly TapeAction[] {
  const table = new Table();
  for (const frame of live) table.see(frame, frame.n)?.live.push(frame);
  for (const cause of causes) for (const frame of cause.effects.filter(isEvent)) table.see(frame, cause.at);
  for (const cause of causes) for (const position of positionsOf(cause)) table.bound(position, cause.at);
  const own = new Set<Emission>();
  for (const cause of causes) {
    const place = published(cause);
    const emission = place === undefined ? undefined : table.at(place);
    if (emission === undefined) continue;
    own.add(emission);
    emission.at = cause.at;
    cause.effects.push(...emission.live);
  }
  const foreign = table.inOrder().filter((each) => !own.has(each));
  return [...causes, ...grouped(foreign, causes)].toSorted((left, right) => left.at - right.at);
}

/**
 * Whether the frame is the reply to this command. The reply may arrive before or after the event that the command
 * publishes.
 */
export function isOwnReply(cause: Commanded, frame: Frame): boolean {
  return frame.actor === cause.actor && !isEvent(frame);
}
