/** Offers streams as resources. A host lists them, reads the newest events of a stream, and is notified when the stream has new events. */
import { ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server';
import type { McpServer, ReadResourceResult } from '@modelcontextprotocol/server';
import { writePosition } from '../../src/agents/position.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { readNewest } from '../gateway/page.ts';
import { resourceErrorOf, STREAM_SCHEME, streamAt, uriOf } from './stream-uri.ts';
import type { ResourceSubscriptions } from './subscriptions.ts';

export interface StreamsHost {
  readonly gateway: Gateway;
  /** The streams that are listed; default `main`. Other streams are not listed, but can be read too. */
  readonly streams?: readonly string[];
  /**
   * How clients subscribe to resources: `listen` if the transport answers `subscriptions/listen` (revision 2026-07-28), an object that
   * handles `resources/subscribe` for earlier revisions, or undefined if clients cannot subscribe.
   */
  readonly subscriptions?: 'listen' | ResourceSubscriptions;
}

/** Number of events in the text of a resource: enough to see the recent activity. */
const NEWEST = 20;

export function registerStreams(server: McpServer, { gateway, streams = ['main'], subscriptions }: StreamsHost): void {
  const config = {
    title: 'Stream',
    description: `The position and the newest ${NEWEST} events of a stream: main, workspace:ID or session:ID.`,
    mimeType: 'application/json',
  };
  const template = new ResourceTemplate(`${STREAM_SCHEME}{name}`, {
    list: () => ({
      resources: streams.map((name) => ({ ...config, uri: uriOf(name), name, title: `Stream ${name}` })),
    }),
  });
  server.registerResource('stream', template, config, async ({ href }, _variables, { mcpReq }) => {
    try {
      return await read(href, gateway, mcpReq.signal);
    } catch (error) {
      throw resourceErrorOf(error);
    }
  });
  if (subscriptions === undefined) return;
  server.server.registerCapabilities({ resources: { subscribe: true } });
  if (subscriptions === 'listen') return;
  server.server.setRequestHandler('resources/subscribe', async ({ params }) => {
    await subscriptions.subscribe(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    subscriptions.unsubscribe(params.uri);
    return {};
  });
}

async function read(uri: string, gateway: Gateway, signal: AbortSignal): Promise<ReadResourceResult> {
  const stream = streamAt(uri);
  if (stream === undefined) throw new ResourceNotFoundError(uri);
  const client = await gateway.connected(signal);
  const { events, bookmark } = await readNewest(client, {
    stream,
    events: ['*'],
    filter: undefined,
    limit: NEWEST,
    signal,
  });
  const text = JSON.stringify({ stream, position: writePosition(bookmark.position), events });
  return { contents: [{ uri, mimeType: 'application/json', text }] };
}
