/** Reads and checks the parameters that poll, push and webhook have in common. */
import type { Bookmark } from '../gateway/bookmark.ts';
import type { Selection } from '../gateway/page.ts';
import { readCursor } from './cursor.ts';
import { invalidParams, notFound } from './errors.ts';
import type { EventType } from './event-types.ts';

export interface SubscriptionParameters {
  readonly name: string;
  readonly arguments?: unknown;
  readonly cursor?: string | null;
  readonly maxAgeMs?: number;
}

export interface EventsRequest {
  readonly type: EventType;
  readonly selection: Selection;
  /** The bookmark after which to start; undefined to select only new events. */
  readonly after: Bookmark | undefined;
  /** Events before this time, in milliseconds since the Unix epoch, are left out. */
  readonly notBefore: number | undefined;
}

/** Checks the parameters of a request, and converts them. @throws {ProtocolError} NotFound or InvalidParams */
export async function readRequest(
  types: ReadonlyMap<string, EventType>,
  { name, arguments: given = {}, cursor, maxAgeMs }: SubscriptionParameters,
): Promise<EventsRequest> {
  const type = types.get(name);
  if (type === undefined)
    throw notFound('event', `There is no event type ${name}; events/list returns all event types.`);
  const selection = await type.select(given);
  if (typeof selection === 'string')
    throw invalidParams(`The arguments do not match the inputSchema of ${name}: ${selection}`);
  const after = typeof cursor === 'string' ? readCursor(selection.stream, cursor) : undefined;
  if (typeof cursor === 'string' && after === undefined)
    throw invalidParams(`The cursor was not issued by this server for the stream ${selection.stream}.`);
  return { type, selection, after, notBefore: maxAgeMs === undefined ? undefined : Date.now() - maxAgeMs };
}

export const SUBSCRIPTION_PROPERTIES = {
  name: { type: 'string' },
  arguments: { type: 'object' },
  cursor: { type: ['string', 'null'] },
  maxAgeMs: { type: 'integer', minimum: 0 },
} as const;
