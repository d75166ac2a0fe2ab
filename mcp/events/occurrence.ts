/** An event as the Events extension sends it: in a poll result, a notification and a webhook body. */
import type { TidemarkEvent } from '../../generated/client.ts';
import type { EventType } from './event-types.ts';

export interface EventOccurrence {
  /** The id that the gateway has given to the event. It is the same for every reader, whether by poll, push or webhook. */
  readonly eventId: string;
  readonly name: string;
  readonly timestamp: string;
  readonly data: object;
  readonly cursor?: string;
  readonly _meta: Readonly<Record<string, unknown>>;
}

export function occurrenceOf(type: EventType, event: TidemarkEvent): EventOccurrence {
  const { eventId, emittedAt, stream, epoch, sequenceId, source } = event;
  return {
    eventId,
    name: type.name,
    timestamp: emittedAt,
    data: type.dataOf(event),
    _meta: { 'tidemark/stream': stream, 'tidemark/position': { epoch, sequenceId }, 'tidemark/source': source },
  };
}
