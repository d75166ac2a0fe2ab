/**
 * Decides whether an epoch continues after the Redis server of a stream was replaced. For this, each node reports which events of the
 * stream it has seen; this report is its testimony.
 */
import type { Head, Testimony } from './knowledge.ts';

/** What the log contains at the position in a testimony. */
export type Found =
  | { readonly kind: 'event'; readonly eventId: string }
  /** The event at the position was removed from the log, because it is too old. */
  | { readonly kind: 'trimmed' }
  /** The log begins before the position, but has no event at the position. */
  | { readonly kind: 'missing' };

export interface StreamFacts {
  readonly head: Head;
  /** The incarnation of the server that the node uses. */
  readonly incarnation: string;
  /** What the log contains at the position in the testimony. */
  readonly found: Found;
}

/**
 * `contradicts`: the log lacks something that the node has seen. `vouches`: the log contains everything that any node can have seen.
 * `silent`: the node knows too little.
 */
export type Verdict = 'contradicts' | 'vouches' | 'silent';

export function verdictOf({ place, unsure, confirmed }: Testimony, facts: StreamFacts): Verdict {
  const { head, incarnation, found } = facts;
  const fenced = head.incarnation !== incarnation;
  if (place === undefined) return unsure && fenced ? 'contradicts' : 'silent';
  if (place.epoch !== head.epoch) return fenced ? 'contradicts' : 'silent';
  if (place.sequenceId > head.sequenceId) return 'contradicts';
  if (place.sequenceId === head.sequenceId) {
    if (place.eventId !== head.eventId && place.sequenceId > 0) return 'contradicts';
  } else if (place.sequenceId > 0) {
    if (found.kind === 'missing') return 'contradicts';
    if (found.kind === 'event' && found.eventId !== place.eventId) return 'contradicts';
  }
  return confirmed ? 'vouches' : 'silent';
}

/** The testimony of one node, given under the current server. */
export interface Witness {
  readonly node: string;
  readonly verdict: Verdict;
  /** The nodes that the testifying node knows. */
  readonly peers: readonly string[];
}

export type Decision =
  /** There is nothing to decide: the server may already extend the stream. */
  | { readonly kind: 'settled' }
  /** The epoch continues: the current server may extend the stream from now on. */
  | { readonly kind: 'extend' }
  /** A new epoch begins. */
  | { readonly kind: 'begin'; readonly why: 'contradiction' | 'silence' | 'nobody vouches' }
  | { readonly kind: 'wait'; readonly missing: readonly string[] };

export interface Evidence {
  /** Whether the current server may not extend the stream, because its incarnation is another one. */
  readonly fenced: boolean;
  readonly witnesses: readonly Witness[];
  /** Whether the nodes have waited long enough for missing testimonies. */
  readonly expired: boolean;
}

export function decide({ fenced, witnesses, expired }: Evidence): Decision {
  if (witnesses.some(({ verdict }) => verdict === 'contradicts')) return { kind: 'begin', why: 'contradiction' };
  if (!fenced) return { kind: 'settled' };
  const testified = new Set(witnesses.map(({ node }) => node));
  const missing = [...new Set(witnesses.flatMap(({ peers }) => peers))].filter((node) => !testified.has(node));
  if (missing.length > 0) return expired ? { kind: 'begin', why: 'silence' } : { kind: 'wait', missing };
  if (witnesses.some(({ verdict }) => verdict === 'vouches')) return { kind: 'extend' };
  return { kind: 'begin', why: 'nobody vouches' };
}
