/**
 * The knowledge of one node about its streams, and the testimonies that it may give after their server has changed. Pure.
 */
import type { Standing } from './standing.ts';

/** The newest position of a stream that a node has seen, from any source. */
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
  /** {@link Standing.departures} when the position was last confirmed as the newest; -1 if never. */
  confirmed: number;
  /** The server whose messages are applied; undefined from an attestation until the stream is settled. */
  believes: string | undefined;
}

export interface Known {
  /** The known streams, in the order in which they were first seen. */
  readonly streams: Map<string, Knowledge>;
  /** Whether a stream had to be forgotten. The node can then no longer testify that it never knew a stream. */
  forgot: boolean;
}

/** The testimony of a node about a stream. */
export interface Testimony {
  readonly place: KnownPlace | undefined;
  /** The node may have known the stream and forgotten it. */
  readonly unsure: boolean;
  /** Whether no node that this node has given up can have known more. */
  readonly confirmed: boolean;
}

export function newKnown(): Known {
  return { streams: new Map(), forgot: false };
}

/** Records a position. Within an epoch only the newest is kept. */
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
 * Confirms that the position was the newest of its stream at a moment after `departures` was read. Has no effect if a node was
 * given up since, because that node may have appended to the stream later.
 */
export function confirm(known: Known, stream: string, place: KnownPlace, departures: number): void {
  const knowledge = known.streams.get(stream);
  if (knowledge === undefined) return;
  const isNewest = knowledge.place.epoch === place.epoch && knowledge.place.sequenceId === place.sequenceId;
  if (isNewest && knowledge.place.eventId === place.eventId)
    knowledge.confirmed = Math.max(knowledge.confirmed, departures);
}

/** Accepts a settled state: from now on messages of its server are applied. */
export function believe(known: Known, stream: string, head: Head, mostStreams?: number): void {
  know(known, stream, head, mostStreams).believes = head.incarnation;
}

/** Whether a message of a server may be applied. */
export function applies(known: Known, standing: Standing, stream: string, incarnation: string): boolean {
  return standing.member && known.streams.get(stream)?.believes === incarnation;
}

/**
 * The testimony of this node about a stream. From now on no message of the old server is applied, because the testimony does not cover it.
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
