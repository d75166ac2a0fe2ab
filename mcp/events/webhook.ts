/** `events/subscribe` and `events/unsubscribe`: sends events as signed requests to an address of the caller. */
import { ProtocolError } from '@modelcontextprotocol/server';
import { Follower } from '../gateway/follower.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Source, SourceItem } from '../webhooks/source.ts';
import { WebhookRefusal } from '../webhooks/webhooks.ts';
import type { Grant, SubscriptionKey, Webhooks } from '../webhooks/webhooks.ts';
import { writeCursor } from './cursor.ts';
import { EVENTS_ERROR, eventsErrorOf, invalidParams, notFound } from './errors.ts';
import { occurrenceOf } from './occurrence.ts';
import type { EventsRequest, SubscriptionParameters } from './request.ts';

export interface Delivery {
  readonly mode?: string;
  readonly url: string;
  readonly secret?: string;
}

export interface WebhookParameters extends SubscriptionParameters {
  readonly delivery: Delivery;
  readonly ttlMs?: number | null;
}

export interface WebhookContext {
  readonly gateway: Gateway;
  readonly webhooks: Webhooks;
  /** The authenticated caller. */
  readonly principal: string;
  readonly onFault: (error: unknown) => void;
}

/** Handles `events/subscribe`: creates or refreshes a webhook subscription. @throws {ProtocolError} if it is refused */
export async function subscribeWebhook(
  request: EventsRequest,
  { delivery, ttlMs, ...parameters }: WebhookParameters,
  context: WebhookContext,
): Promise<Grant> {
  if (delivery.mode !== undefined && delivery.mode !== 'webhook')
    throw new ProtocolError(EVENTS_ERROR.unsupported, 'Unsupported: events/subscribe delivers only to webhooks.', {
      feature: 'deliveryMode',
      value: delivery.mode,
    });
  try {
    return await context.webhooks.subscribe({
      key: keyOf(parameters, delivery, context.principal),
      secret: delivery.secret ?? '',
      ttlMs,
      open: (signal) => sourceOf(request, context.gateway, signal),
      onEnd: (error) => {
        const { code, message, data } = eventsErrorOf(error, context.onFault);
        return { code, message, data };
      },
    });
  } catch (error) {
    throw error instanceof WebhookRefusal ? refusalOf(error) : error;
  }
}

/** Handles `events/unsubscribe`: ends a webhook subscription. @throws {ProtocolError} NotFound */
export async function unsubscribeWebhook(
  { delivery, ...parameters }: WebhookParameters,
  { webhooks, principal }: WebhookContext,
): Promise<void> {
  if (!(await webhooks.unsubscribe(keyOf(parameters, delivery, principal))))
    throw notFound('subscription', 'There is no such webhook subscription: it has expired, or was never created.');
}

function keyOf(
  { name, arguments: given = {} }: SubscriptionParameters,
  { url }: Delivery,
  principal: string,
): SubscriptionKey {
  return { principal, url, name, parameters: given };
}

function sourceOf({ type, selection, after, notBefore }: EventsRequest, gateway: Gateway, signal: AbortSignal): Source {
  let follower: Follower | undefined;
  const cursorOf = (bookmark: Parameters<typeof writeCursor>[1]): string => writeCursor(selection.stream, bookmark);
  async function* items(): AsyncGenerator<SourceItem, undefined> {
    const client = await gateway.connected(signal);
    follower = new Follower(client, { ...selection, after, ...(notBefore === undefined ? {} : { notBefore }), signal });
    for await (const item of follower.follow()) {
      const cursor = cursorOf(item.bookmark);
      if (item.kind === 'start') yield { kind: 'start', cursor, truncated: item.truncated };
      else {
        const body = occurrenceOf(type, item.event);
        yield { kind: 'event', id: body.eventId, body, cursor };
      }
    }
    return undefined;
  }
  return { items: items(), cursor: () => (follower?.bookmark === undefined ? undefined : cursorOf(follower.bookmark)) };
}

function refusalOf({ reason, message, fault, limit }: WebhookRefusal): ProtocolError {
  if (reason === 'invalid') return invalidParams(message);
  if (reason === 'exhausted')
    return new ProtocolError(EVENTS_ERROR.resourceExhausted, `ResourceExhausted: ${message}`, limit);
  return new ProtocolError(EVENTS_ERROR.callbackEndpoint, `CallbackEndpointError: ${message}`, { reason: fault });
}
