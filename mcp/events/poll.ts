/** `events/poll`: one page of events after a cursor. The server keeps nothing between two polls. */
import { readPage } from '../gateway/page.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { writeCursor } from './cursor.ts';
import { occurrenceOf } from './occurrence.ts';
import type { EventsRequest } from './request.ts';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 500;
/**
 * The recommended delay before the next poll, in milliseconds. It is so long that polling costs little. A client that needs events earlier
 * uses push.
 */
const NEXT_POLL_MS = 5_000;

/** Reads the page of events that a poll returns. @throws the errors of `readPage` */
export async function poll(
  { type, selection, after, notBefore }: EventsRequest,
  {
    gateway,
    maxEvents,
    signal,
  }: { readonly gateway: Gateway; readonly maxEvents: number | undefined; readonly signal: AbortSignal },
): Promise<Record<string, unknown>> {
  const client = await gateway.connected(signal);
  const limit = Math.min(maxEvents ?? DEFAULT_PAGE, LARGEST_PAGE);
  const page = await readPage(client, {
    ...selection,
    after,
    limit,
    ...(notBefore === undefined ? {} : { notBefore }),
    signal,
  });
  return {
    events: page.events.map((event) => occurrenceOf(type, event)),
    cursor: writeCursor(selection.stream, page.bookmark),
    truncated: page.truncated,
    hasMore: page.hasMore,
    nextPollMs: NEXT_POLL_MS,
  };
}
