/**
 * What one node knows of the streams, and what it may say about them when their server has changed. Pure.
 */
import type { Standing } from './standing.ts';

/** The newest place of a stream that a node has seen, from whatever source. */
export interface KnownPlace {
  readonly epoch: string;
  readonly sequenceId: number;
  readonly at: number;
  readonly eventId: string;
}

/** The part of a stream's state in Redis that the fence compares. */
export interface Head extends KnownPlace {
  /** The server that may extend the stream. */
  readonly incarnation: string;
}

export interface Knowledge {
  place: KnownPlace;
  /** {@link Standing.departures} when the place was last confirmed to be the newest; -1 when it never was. */
  confirmed: number;
  /** The server whose messages are applied; undefined from an attestation until the stream is settled. */
  believes: string | undefined;
}

export interface Known {
  /** Oldest first. */
  readonly streams: Map<string, Knowledge>;
  /** Whether a stream had to be forgotten: then the node cannot say of any other one that it does not know it. */
  forgot: boolean;
}

/** What a node says about a stream. */
export interface Testimony {
  readonly place: KnownPlace | undefined;
  /** It may have known the stream, and has forgotten it. */
  readonly unsure: boolean;
  /** Whether nobody that this node has given up can have known more than it. */
  readonly confirmed: boolean;
}

export function newKnown(): Known {
  return { streams: new Map(), forgot: false };
}

/** Takes note of a place. Within an epoch only the newest counts. */
export function know(
  known: Known,
  stream: string,
  place: KnownPlace,
  mostStreams = Number.POSITIVE_INFINITY,
): Knowledge {
  const before = known.streams.get(stream);
  if (before === undefined) {
    if (known.streams.size >= mostStreams) forgetOldest(known);
    const fresh: Knowledge = { place, confirmed: -1, believes: undefined };
    known.streams.set(stream, fresh);
    return fresh;
  }
  if (before.place.epoch !== place.epoch || before.place.sequenceId < place.sequenceId) {
    before.place = place;
  }
  return before;
}

/**
 * The place was the newest of its stream at a moment after `departures` was read.
 * Says nothing when a node was given up since: it may have added to the stream behind that moment.
 */
export function confirm(known: Known, stream: string, place: KnownPlace, departures: number): void {
  const knowledge = known.streams.get(stream);
  if (knowledge === undefined) return;
  const isNewest = knowledge.place.epoch === place.epoch && knowledge.place.sequenceId === place.sequenceId;
  if (isNewest && knowledge.place.eventId === place.eventId)
    knowledge.confirmed = Math.max(knowledge.confirmed, departures);
}

/** Takes a settled state for true: from here on messages of its server are applied. */
export function believe(known: Known, stream: string, head: Head, mostStreams?: number): void {
  know(known, stream, head, mostStreams).believes = head.incarnation;
}

/** Whether a message of a server may be applied. */
export function applies(known: Known, standing: Standing, stream: string, incarnation: string): boolean {
  return standing.member && known.streams.get(stream)?.believes === incarnation;
}

/**
 * What this node says of a stream. From now on nothing that the old server sent is applied: it would be more than was said.
 */
export function testify(known: Known, standing: Standing, stream: string): Testimony {
  const knowledge = known.streams.get(stream);
  if (knowledge === undefined) return { place: undefined, unsure: known.forgot, confirmed: false };
  knowledge.believes = undefined;
  const confirmed = standing.member && knowledge.confirmed === standing.departures;
  return { place: knowledge.place, unsure: false, confirmed };
}

function forgetOldest(known: Known): void {
  for (const oldest of known.streams.keys()) {
    known.streams.delete(oldest);
    known.forgot = true;
    return;
  }
}
