/**
 * What one node knows about its streams, and the testimonies that it gives after the server of a stream has changed. These functions use no
 * clock and no network.
 */
import type { Membership } from './membership.ts';

/** The newest position of a stream that a node knows, whether it published, received or read the event. */
export interface KnownPlace {
  readonly epoch: string;
  readonly sequenceId: number;
  readonly at: number;
  readonly eventId: string;
}

/** The part of a stream's state in Redis that the fence compares with the knowledge of the nodes. */
export interface Head extends KnownPlace {
  /** The incarnation of the server that may extend the stream. */
  readonly incarnation: string;
}

export interface Knowledge {
  place: KnownPlace;
  /** The value of {@link Membership.departures} when the position was last confirmed as the newest; -1 if it was never confirmed. */
  confirmed: number;
  /** The incarnation of the server whose messages are applied. Undefined after a testimony, until the stream is settled. */
  acceptedServer: string | undefined;
}

export interface Known {
  /** The known streams, in the order in which the node first learned of them. */
  readonly streams: Map<string, Knowledge>;
  /** Whether the node has forgotten any stream. It can then no longer testify that it never knew a certain stream. */
  forgot: boolean;
}

/** The testimony of a node about a stream. */
export interface Testimony {
  readonly place: KnownPlace | undefined;
  /** Whether the node may have known the stream and forgotten it. */
  readonly unsure: boolean;
  /** True if no node that was removed as stopped can have known a newer position of the stream. */
  readonly confirmed: boolean;
}

export function newKnown(): Known {
  return { streams: new Map(), forgot: false };
}

/** Records a position. Within an epoch, only the newest position is kept. */
export function know(
  known: Known,
  stream: string,
  place: KnownPlace,
  mostStreams = Number.POSITIVE_INFINITY,
): Knowledge {
  const before = known.streams.get(stream);
  if (before === undefined) {
    if (known.streams.size >= mostStreams) forgetOldest(known);
    const fresh: Knowledge = { place, confirmed: -1, acceptedServer: undefined };
    known.streams.set(stream, fresh);
    return fresh;
  }
  if (before.place.epoch !== place.epoch || before.place.sequenceId < place.sequenceId) {
    before.place = place;
  }
  return before;
}

/**
 * Records that the position was the newest of its stream at some time after `departures` was read. If `departures` changes later, this
 * confirmation no longer counts: before its removal, a node that was removed as stopped may have appended to the stream.
 */
export function confirm(known: Known, stream: string, place: KnownPlace, departures: number): void {
  const knowledge = known.streams.get(stream);
  if (knowledge === undefined) return;
  const isNewest = knowledge.place.epoch === place.epoch && knowledge.place.sequenceId === place.sequenceId;
  if (isNewest && knowledge.place.eventId === place.eventId)
    knowledge.confirmed = Math.max(knowledge.confirmed, departures);
}

/** Accepts a settled state. From now on, messages of its server are applied. */
export function acceptHead(known: Known, stream: string, head: Head, mostStreams?: number): void {
  know(known, stream, head, mostStreams).acceptedServer = head.incarnation;
}

/** Whether a message of this server may be applied. */
export function applies(known: Known, membership: Membership, stream: string, incarnation: string): boolean {
  return membership.member && known.streams.get(stream)?.acceptedServer === incarnation;
}

/**
 * Returns the testimony of this node about a stream. From now on, messages that the old server published are not applied, because the
 * testimony does not include them.
 */
export function giveTestimony(known: Known, membership: Membership, stream: string): Testimony {
  const knowledge = known.streams.get(stream);
  if (knowledge === undefined) return { place: undefined, unsure: known.forgot, confirmed: false };
  knowledge.acceptedServer = undefined;
  const confirmed = membership.member && knowledge.confirmed === membership.departures;
  return { place: knowledge.place, unsure: false, confirmed };
}

function forgetOldest(known: Known): void {
  for (const oldest of known.streams.keys()) {
    known.streams.delete(oldest);
    known.forgot = true;
    return;
  }
}
