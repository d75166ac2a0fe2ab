/** How streams are entered into the index, and how that is announced (keys.ts). */
import type { Position } from '../broker.ts';

/**
 * How a stream was entered into the index:
 *   `created`: before its first event
 *   a position in the epoch of the stream: the stream already had events up to this position. These events are not new
 *   `found`: the stream may already have had events. Their newest position is unknown, because the announcement was not received
 *   a position in an earlier epoch: Redis has lost the events up to this position
 *   `replaced`: Redis has lost events of an earlier epoch. The newest position of these events is unknown
 */
export type Appearance = 'created' | 'found' | 'replaced' | Position;

/** Reads from the fraction of a place how the stream was entered into the index (keys.ts). */
export function appearanceAt(place: number): Appearance {
  if (place % 1 === 0.75) return 'replaced';
  return Number.isInteger(place) && place > 0 ? 'created' : 'found';
}

export interface Announced {
  readonly stream: string;
  readonly appearance: Appearance;
  /**
   * The place of the stream in the index. Undefined if a node of an earlier version, which does not send the place, sent the announcement.
   */
  readonly place: number | undefined;
  /** The epoch of a created stream. Undefined if it is unknown, for example because an earlier version sent the announcement. */
  readonly epoch: string | undefined;
}

/**
 * Parses the announcement of a stream: `stream <name> <place> <epoch>`, without the epoch if it is unknown, or
 * `found <epoch> <sequence> <name> <place>`. Undefined for other texts.
 */
export function parseEntered(text: string): Announced | undefined {
  const [kind, ...words] = text.split(' ');
  if (kind !== 'stream' && kind !== 'found') return undefined;
  const position = kind === 'found' ? words.splice(0, 2) : [];
  const [epoch = '', sequenceId] = position;
  const [stream = '', place, created] = words;
  const appearance = kind === 'stream' ? 'created' : { epoch, sequenceId: Number(sequenceId) };
  return { stream, appearance, place: place === undefined ? undefined : Number(place), epoch: created };
}
