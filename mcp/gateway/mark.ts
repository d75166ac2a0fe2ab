/**
 * Where a reader of events is. A plain position says that everything up to it was read. While the picture that follows a failed
 * resume is read (RPL-4), events are old ones in ascending order: then the mark says how far the picture was read.
 */
import type { Position, TidemarkEvent } from '../../generated/client.ts';

export interface Mark {
  readonly position: Position;
  readonly inPicture: boolean;
}

export function markOf(event: TidemarkEvent): Mark {
  const { epoch, sequenceId, replayReason } = event;
  return { position: { epoch, sequenceId }, inPicture: replayReason === 'warm' };
}

/** The mark before everything that a stream's history may still have of an epoch. */
export function startOf(epoch: string): Mark {
  return { position: { epoch, sequenceId: 0 }, inPicture: false };
}

/** The replay that continues after a mark; without a mark only new events count. */
export function replayAfter(
  mark: Mark | undefined,
): { readonly mode: 'none' | 'warm' } | { readonly mode: 'resume'; readonly after: Position } {
  if (mark === undefined) return { mode: 'none' };
  return mark.inPicture ? { mode: 'warm' } : { mode: 'resume', after: mark.position };
}

/** Whether the event was read before the mark. Only a picture repeats such events. */
export function isBehind(event: TidemarkEvent, { position, inPicture }: Mark): boolean {
  return inPicture && event.epoch === position.epoch && event.sequenceId <= position.sequenceId;
}
