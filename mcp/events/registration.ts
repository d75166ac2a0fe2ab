/** Registers the Events extension (SEP-3415, `io.modelcontextprotocol/events`) on an MCP server. */
import { fromJsonSchema, SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server';
import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { ToolHost } from '../tools/registration.ts';
import { eventsErrorOf, forbidden } from './errors.ts';
import { eventTypesOf } from './event-types.ts';
import type { EventType } from './event-types.ts';
import { poll } from './poll.ts';
import { HEARTBEAT_MS, push } from './push.ts';
import { readRequest, SUBSCRIPTION_PROPERTIES } from './request.ts';
import type { SubscriptionParameters } from './request.ts';
import { subscribeWebhook, unsubscribeWebhook } from './webhook.ts';
import type { WebhookContext, WebhookParameters } from './webhook.ts';

const EVENTS_EXTENSION = 'io.modelcontextprotocol/events';

/** Handles a request. Its parameters were already validated with the JSON Schema of the method. */
type Handler = (parameters: Record<string, unknown>, context: ServerContext) => Promise<Record<string, unknown>>;

type ObjectProperties = Readonly<Record<string, { readonly [keyword: string]: unknown }>>;

export interface EventsHost extends ToolHost {
  /** Milliseconds between the heartbeats of a stream; default 15,000. */
  readonly heartbeatMs?: number;
  /**
   * Resolves when the client has received everything that was sent to it in the response to this HTTP request. Not needed over a transport
   * whose `send` waits for the client, such as stdio.
   */
  readonly taken?: (request: Request) => Promise<void>;
  /** The webhook subscriptions, and the authenticated caller who owns them. Undefined if callers are not authenticated. */
  readonly webhooks?: { readonly registry: Webhooks; readonly principal: string };
}

/** Registers the handler of a method. `properties` are the JSON Schemas of the parameters. */
type Handle = (method: string, properties: ObjectProperties, run: Handler) => void;
type EventTypes = ReturnType<typeof eventTypesOf>;

export function registerEvents(server: McpServer, host: EventsHost): void {
  const types = eventTypesOf(host.contract);
  const { webhooks } = host;
  const delivery = ['poll', 'push', ...(webhooks === undefined ? [] : ['webhook'])];
  // The capability `events` is not part of the extension, but clients of the draft of the extension expect it (*Backward Compatibility*).
  server.server.registerCapabilities({ extensions: { [EVENTS_EXTENSION]: {} }, ...{ events: {} } });
  const handle: Handle = (method, properties, run) => {
    const required = ['name', 'delivery'].filter((name) => name in properties);
    const params = fromJsonSchema<Record<string, unknown>>({ type: 'object', properties, required });
    server.server.setRequestHandler(method, { params }, async (given, context) => {
      try {
        return await run(given, context);
      } catch (error) {
        throw eventsErrorOf(error, host.onFault);
      }
    });
  };
  handle('events/list', {}, () =>
    Promise.resolve({ events: [...types.values()].map((type) => listed(type, delivery)) }),
  );
  handle(
    'events/poll',
    { ...SUBSCRIPTION_PROPERTIES, maxEvents: { type: 'integer', minimum: 1 } },
    async (given, { mcpReq }) => {
      const parameters = given as unknown as SubscriptionParameters & { readonly maxEvents?: number };
      const request = await readRequest(types, parameters);
      return poll(request, { gateway: host.gateway, maxEvents: parameters.maxEvents, signal: mcpReq.signal });
    },
  );
  handle('events/stream', SUBSCRIPTION_PROPERTIES, async (given, { mcpReq, http }) => {
    const request = await readRequest(types, given as unknown as SubscriptionParameters);
    const _meta = { [SUBSCRIPTION_ID_META_KEY]: mcpReq.id };
    await push(request, {
      gateway: host.gateway,
      heartbeatMs: host.heartbeatMs ?? HEARTBEAT_MS,
      signal: mcpReq.signal,
      notify: async (method, params) => {
        await mcpReq.notify({ method, params: { ...params, _meta: { ...metaOf(params), ..._meta } } });
        if (http?.req !== undefined) await host.taken?.(http.req);
      },
      onFault: host.onFault,
    });
    return { _meta };
  });
  registerWebhooks(handle, types, host);
}

function registerWebhooks(handle: Handle, types: EventTypes, { gateway, webhooks, onFault }: EventsHost): void {
  const webhookContext = (): WebhookContext => {
    // Required by SEP-3415, *Authentication required*.
    if (webhooks === undefined)
      throw forbidden('Webhooks need a caller that this server has authenticated; use poll or push.');
    const { registry, principal } = webhooks;
    return { gateway, webhooks: registry, principal, onFault };
  };
  handle('events/subscribe', WEBHOOK_PROPERTIES, async (given) => {
    const parameters = given as unknown as WebhookParameters;
    const context = webhookContext();
    return { ...(await subscribeWebhook(await readRequest(types, parameters), parameters, context)) };
  });
  handle('events/unsubscribe', WEBHOOK_PROPERTIES, async (given) => {
    await unsubscribeWebhook(given as unknown as WebhookParameters, webhookContext());
    return {};
  });
}

const WEBHOOK_PROPERTIES: ObjectProperties = {
  ...SUBSCRIPTION_PROPERTIES,
  ttlMs: { type: ['integer', 'null'], minimum: 1 },
  delivery: {
    type: 'object',
    required: ['url'],
    properties: { mode: { type: 'string' }, url: { type: 'string', maxLength: 2_048 }, secret: { type: 'string' } },
  },
};

function listed({ name, description, inputSchema, payloadSchema }: EventType, delivery: readonly string[]): object {
  return { name, description, delivery, inputSchema, payloadSchema };
}

function metaOf({ _meta }: Readonly<Record<string, unknown>>): object {
  return typeof _meta === 'object' && _meta !== null ? _meta : {};
}
