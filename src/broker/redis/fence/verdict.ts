/**
 * Decides from testimonies whether an epoch continues after the server of a stream has changed. Pure.
 */
import type { Head, Testimony } from './knowledge.ts';

/** The content of the log at the position that a node knows. */
export type Found =
  | { readonly kind: 'event'; readonly eventId: string }
  /** The position is older than the log. */
  | { readonly kind: 'trimmed' }
  /** The log covers the sequenceId but lacks the event that the node knows. */
  | { readonly kind: 'missing' };

export interface StreamFacts {
  readonly head: Head;
  /** The server that the node uses. */
  readonly incarnation: string;
  /** The content of the log at the position of the testimony. */
  readonly found: Found;
}

/** `contradicts`: the stream is not the one that the node saw. `vouches`: the stream has everything that any node can have seen. */
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

/** The testimony of one node under the current server. */
export interface Witness {
  readonly node: string;
  readonly verdict: Verdict;
  /** The nodes that the testifying node knows. */
  readonly peers: readonly string[];
}

export type Decision =
  /** The server may extend the stream already. */
  | { readonly kind: 'settled' }
  /** The epoch continues under the current server. */
  | { readonly kind: 'extend' }
  | { readonly kind: 'begin'; readonly why: 'contradiction' | 'silence' | 'nobody vouches' }
  | { readonly kind: 'wait'; readonly missing: readonly string[] };

export interface Hearing {
  readonly fenced: boolean;
  readonly witnesses: readonly Witness[];
  /** Whether the wait for other testimonies has ended. */
  readonly expired: boolean;
}

export function decide({ fenced, witnesses, expired }: Hearing): Decision {
  if (witnesses.some(({ verdict }) => verdict === 'contradicts')) return { kind: 'begin', why: 'contradiction' };
  if (!fenced) return { kind: 'settled' };
  const testified = new Set(witnesses.map(({ node }) => node));
  const missing = [...new Set(witnesses.flatMap(({ peers }) => peers))].filter((node) => !testified.has(node));
  if (missing.length > 0) return expired ? { kind: 'begin', why: 'silence' } : { kind: 'wait', missing };
  if (witnesses.some(({ verdict }) => verdict === 'vouches')) return { kind: 'extend' };
  return { kind: 'begin', why: 'nobody vouches' };
}
