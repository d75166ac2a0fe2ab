/** How streams come into the index, and how that is announced (keys.ts). */
import type { Position } from '../broker.ts';

/**
 * How a stream came into the index. A stream with events has the position up to which its events are not new; `found` if this position is
 * unknown, because the announcement was lost. A stream that lost its events has the position up to which they are lost, which is of an
 * earlier epoch; `replaced` if this position is unknown.
 */
export type Appearance = 'created' | 'found' | 'replaced' | Position;

/** The fraction of a place shows how the stream came into the index (keys.ts). */
export function appearanceAt(place: number): Appearance {
  if (place % 1 === 0.75) return 'replaced';
  return Number.isInteger(place) && place > 0 ? 'created' : 'found';
}

export interface Announced {
  readonly stream: string;
  readonly appearance: Appearance;
  /** The place of the stream in the index; undefined if the announcement of an earlier version lacks it. */
  readonly place: number | undefined;
}

/** Parses the announcement of a stream: `stream <name> <place>`, or `found <epoch> <sequence> <name> <place>`. Undefined for other texts. */
export function parseEntered(text: string): Announced | undefined {
  const [kind, ...words] = text.split(' ');
  if (kind !== 'stream' && kind !== 'found') return undefined;
  const position = kind === 'found' ? words.splice(0, 2) : [];
  const [epoch = '', sequenceId] = position;
  const [stream = '', place] = words;
  const appearance = kind === 'stream' ? 'created' : { epoch, sequenceId: Number(sequenceId) };
  return { stream, appearance, place: place === undefined ? undefined : Number(place) };
}
