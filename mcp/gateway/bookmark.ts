/**
 * How far a reader of events has read. A plain bookmark means that the reader has read everything up to its position.
 *
 * After a failed resume, the gateway sends a picture (a warm replay): old events in ascending order (RPL-4). While the reader reads the
 * picture, its bookmark contains how far it has read, and the stream's position at the time of the picture:
 *
 *     0 … position.sequenceId          the part of the picture that was read
 *     position.sequenceId … pictureHead  the rest of the picture, not read yet
 *     pictureHead …                    every event, not read yet, as after a plain bookmark
 */
import type { Position, TidemarkEvent } from '../../generated/client.ts';

export interface Bookmark {
  readonly position: Position;
  /** Inside a warm picture, the sequenceId at which the picture was taken; otherwise undefined. */
  readonly pictureHead?: number;
}

/** The bookmark at the start of an epoch, before all its events. */
export function startOf(epoch: string): Bookmark {
  return { position: { epoch, sequenceId: 0 } };
}

/** The bookmark before a warm picture that is taken at a position. */
export function pictureOf({ epoch, sequenceId }: Position): Bookmark {
  return { position: { epoch, sequenceId: 0 }, pictureHead: sequenceId };
}

/** Moves a bookmark past an event. */
export function bookmarkAfter(event: TidemarkEvent, { pictureHead }: Bookmark): Bookmark {
  const { epoch, sequenceId } = event;
  const position = { epoch, sequenceId };
  return pictureHead === undefined ? { position } : { position, pictureHead };
}

/** The plain bookmark for a reader that has read the whole picture. */
export function pictureEndOf({ position: { epoch, sequenceId }, pictureHead = sequenceId }: Bookmark): Bookmark {
  return { position: { epoch, sequenceId: pictureHead } };
}

/** The `replay` option for a subscription that continues after a bookmark. Without a bookmark, it selects only new events. */
export function replayAfter(
  bookmark: Bookmark | undefined,
): { readonly mode: 'none' | 'warm' } | { readonly mode: 'resume'; readonly after: Position } {
  if (bookmark === undefined) return { mode: 'none' };
  return bookmark.pictureHead === undefined ? { mode: 'resume', after: bookmark.position } : { mode: 'warm' };
}

/** Whether an event of a repeated warm picture is in the part of the picture that the bookmark has not read yet. */
export function isInRest({ sequenceId }: TidemarkEvent, { position, pictureHead = 0 }: Bookmark): boolean {
  return sequenceId > position.sequenceId && sequenceId <= pictureHead;
}
