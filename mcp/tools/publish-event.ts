import type { OpenObject } from '../../generated/types.ts';
import { ConnectionError } from '../../generated/client.ts';
import type { TidemarkClient } from '../../generated/client.ts';
import { writePosition } from '../../src/agents/position.ts';
import { refTo } from '../contract/schema.ts';
import { objectSchema, POSITION } from './tool.ts';
import type { Tool } from './tool.ts';

interface Publication {
  readonly event: string;
  readonly payload: OpenObject;
  readonly stream?: string;
  readonly source?: string;
  readonly idempotencyKey?: string;
}

export const publishEvent: Tool<Publication> = {
  name: 'publish_event',
  title: 'Publish an event',
  description:
    'Publishes one event for all readers of a stream. The payload of a declared event must match its schema (see list_events); a custom ' +
    'event, such as build.finished, may have any JSON object. A repetition with the same `idempotencyKey` publishes nothing, so it is safe to retry.',
  isReadOnly: false,
  isIdempotent: false,
  input: (contract) =>
    objectSchema(
      {
        event: { ...refTo('EventName'), examples: [...contract.events.keys()] },
        payload: refTo('OpenObject'),
        stream: refTo('StreamName'),
        source: { ...refTo('Label'), description: 'Name of the publisher.' },
        idempotencyKey: contract.member('BroadcastData', 'idempotencyKey'),
      },
      ['event', 'payload'],
    ),
  output: () =>
    objectSchema(
      {
        stream: { type: 'string' },
        position: POSITION,
        eventId: { type: 'string' },
        duplicate: {
          type: 'boolean',
          description: 'True if the idempotency key was used before, so that nothing was published.',
        },
        hints: { type: 'array', items: { type: 'string' } },
      },
      ['stream', 'position', 'eventId', 'duplicate'],
    ),
  run: async ({ idempotencyKey = crypto.randomUUID(), ...event }, { gateway, signal }) => {
    const client = await gateway.connected(signal);
    const reply = await publishOnce(client, { ...event, idempotencyKey }, signal);
    const { stream, epoch, sequenceId, eventId, duplicate, hints } = reply;
    return {
      stream,
      position: writePosition({ epoch, sequenceId }),
      eventId,
      duplicate,
      ...(hints === undefined ? {} : { hints: hints.map(({ message }) => message) }),
    };
  },
};

type Broadcast = Parameters<TidemarkClient['broadcast']>[0];

/**
 * Publishes an event. If the connection is lost, it is unknown whether the event was published, so the function publishes again. The
 * idempotency key prevents a duplicate.
 */
async function publishOnce(
  client: TidemarkClient,
  event: Broadcast,
  signal: AbortSignal,
): ReturnType<TidemarkClient['broadcast']> {
  try {
    return await client.broadcast(event, { signal });
  } catch (error) {
    if (!(error instanceof ConnectionError && error.reason === 'connection_lost')) throw error;
    return client.broadcast(event, { signal });
  }
}
