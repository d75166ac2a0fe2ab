/** Uses the Events extension through the official client, which has no API for this extension. */
import { fromJsonSchema } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/client';
import { onCleanup } from '../../src/testing/rig.ts';

const ANY = fromJsonSchema<Record<string, unknown>>({ type: 'object' });

export function eventsCall(
  client: Client,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, unknown>> {
  return client.request({ method, params }, ANY);
}

export interface Notification {
  /** The part of the method after `notifications/events/`. */
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface EventStream {
  /** The received notifications, in order of arrival. */
  readonly received: Notification[];
  /** The sequenceIds of the delivered events, in order of arrival. */
  readonly sequenceIds: () => readonly unknown[];
  readonly cursor: () => unknown;
  readonly cancel: () => void;
  /** Resolves when the stream has ended: with the error, or with undefined if the server has closed the stream. */
  readonly ended: Promise<unknown>;
}

/** Opens an event stream. A client may have only one. */
export function eventStream(client: Client, params: Readonly<Record<string, unknown>>): EventStream {
  const received: Notification[] = [];
  client.fallbackNotificationHandler = ({ method, params: given }) => {
    received.push({ name: method.replace('notifications/events/', ''), params: given ?? {} });
    return Promise.resolve();
  };
  const end = new AbortController();
  onCleanup(() => end.abort());
  const ended = client
    .request({ method: 'events/stream', params }, ANY, { signal: end.signal, timeout: 600_000 })
    .then(() => undefined)
    .catch((error: unknown) => error);
  return {
    received,
    sequenceIds: () =>
      received.filter(({ name }) => name === 'event').map((each) => positionOf(each.params)['sequenceId']),
    cursor: () => received.findLast((each) => 'cursor' in each.params)?.params['cursor'],
    cancel: () => end.abort(),
    ended,
  };
}

function positionOf({ _meta }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const meta = _meta as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return meta['tidemark/position'] ?? {};
}
