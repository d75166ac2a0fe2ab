/**
 * How far a reader of events has read. A plain mark means that everything up to its position was read.
 *
 * The picture (the warm replay) that follows a failed resume consists of old events in ascending order (RPL-4). While
 * it is read, the mark says how far the picture was read, and at which position of the stream the picture was taken:
 *
 *     0 … position.sequenceId          read, as far as the picture contains it
 *     position.sequenceId … pictureHead  the rest of the picture
 *     pictureHead …                    every event, as after a plain mark
 */
import type { Position, TidemarkEvent } from '../../generated/client.ts';

export interface Mark {
  readonly position: Position;
  /** Inside a picture, the sequenceId at which the picture was taken; otherwise undefined. */
  readonly pictureHead?: number;
}

/** The mark at the start of an epoch, before all its events. */
export function startOf(epoch: string): Mark {
  return { position: { epoch, sequenceId: 0 } };
}

/** The mark before a picture that is taken at a position. */
export function pictureOf({ epoch, sequenceId }: Position): Mark {
  return { position: { epoch, sequenceId: 0 }, pictureHead: sequenceId };
}

/** The mark after an event that was read at a mark. */
export function markAfter(event: TidemarkEvent, { pictureHead }: Mark): Mark {
  const { epoch, sequenceId } = event;
  const position = { epoch, sequenceId };
  return pictureHead === undefined ? { position } : { position, pictureHead };
}

/** The plain mark at the end of a mark's picture. */
export function pictureEndOf({ position: { epoch, sequenceId }, pictureHead = sequenceId }: Mark): Mark {
  return { position: { epoch, sequenceId: pictureHead } };
}

/** The `replay` option for a subscription that continues after a mark. Without a mark, it selects only new events. */
export function replayAfter(
  mark: Mark | undefined,
): { readonly mode: 'none' | 'warm' } | { readonly mode: 'resume'; readonly after: Position } {
  if (mark === undefined) return { mode: 'none' };
  return mark.pictureHead === undefined ? { mode: 'resume', after: mark.position } : { mode: 'warm' };
}

/** Whether an event of a repeated picture is in the part of the picture that the mark has not read yet. */
export function isInRest({ sequenceId }: TidemarkEvent, { position, pictureHead = 0 }: Mark): boolean {
  return sequenceId > position.sequenceId && sequenceId <= pictureHead;
}
