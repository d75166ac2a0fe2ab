/**
 * `subscriptions/listen` of the revision 2026-07-28, as far as it concerns resources. The MCP library answers the request. Before that,
 * resources that cannot be watched are removed from the request, so that the acknowledgement names exactly the watched resources.
 */
import type { StreamWatch } from './watch.ts';

interface ListenParams {
  readonly notifications: { readonly resourceSubscriptions: readonly unknown[] };
}

/** A request for notifications of resources. */
export interface ListenRequest {
  readonly method: 'subscriptions/listen';
  readonly params: ListenParams;
}

export function isListenRequest(message: unknown): message is ListenRequest {
  const { method, params } = (message ?? {}) as { readonly method?: unknown; readonly params?: Partial<ListenParams> };
  return method === 'subscriptions/listen' && Array.isArray(params?.notifications?.resourceSubscriptions);
}

export interface Listening<Message> {
  /** The request without the resources that cannot be watched. */
  readonly message: Message;
  /** Aborted when the gateway ends the subscription to one of the resources. */
  readonly ended: AbortSignal;
}

/** Watches the resources of a request until the signal is aborted. */
export async function startListening<Message extends ListenRequest>(
  message: Message,
  { watch, signal }: { readonly watch: StreamWatch; readonly signal: AbortSignal },
): Promise<Listening<Message>> {
  const { params } = message;
  const { resourceSubscriptions: asked } = params.notifications;
  const uris = new Set(asked.filter((uri) => typeof uri === 'string'));
  const watched = await Promise.all(
    [...uris].map(async (uri) => {
      const ended = await watch.watch(uri, signal).catch(() => undefined);
      return ended === undefined ? [] : [{ uri, ended }];
    }),
  );
  const resourceSubscriptions = watched.flat().map(({ uri }) => uri);
  const notifications = { ...params.notifications, resourceSubscriptions };
  return {
    message: { ...message, params: { ...params, notifications } },
    ended: AbortSignal.any(watched.flat().map(({ ended }) => ended)),
  };
}
