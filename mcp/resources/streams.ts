/**
 * Offers streams as resources: a host lists streams, reads the newest events of a stream, and is notified when the
 * stream has new events.
 */
import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import type { McpServer, ReadResourceResult } from '@modelcontextprotocol/server';
import { writePosition } from '../../src/agents/position.ts';
import { failureOf } from '../gateway/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { readNewest } from '../gateway/page.ts';

export interface StreamsHost {
  readonly gateway: Gateway;
  /** The streams that are listed; default `main`. Other streams can be read by their names. */
  readonly streams?: readonly string[];
}

const SCHEME = 'tidemark://stream/';
const NAME = /^(main|(workspace|session):[A-Za-z0-9._-]{1,128})$/;
/** How many events the text of a resource contains: enough to see the current activity. */
const NEWEST = 20;

export function uriOf(stream: string): string {
  return SCHEME + encodeURIComponent(stream);
}

/** @returns the name of the stream for the address of a resource; undefined if the address is not one of a stream */
export function streamAt(uri: string): string | undefined {
  if (!uri.startsWith(SCHEME)) return undefined;
  const name = decodeURIComponent(uri.slice(SCHEME.length));
  return NAME.test(name) ? name : undefined;
}

export function registerStreams(server: McpServer, { gateway, streams = ['main'] }: StreamsHost): void {
  const config = {
    title: 'Stream',
    description: `The position and the newest ${NEWEST} events of a stream: main, workspace:ID or session:ID.`,
    mimeType: 'application/json',
  };
  const template = new ResourceTemplate(`${SCHEME}{name}`, {
    list: () => ({
      resources: streams.map((name) => ({ ...config, uri: uriOf(name), name, title: `Stream ${name}` })),
    }),
  });
  server.registerResource('stream', template, config, async ({ href }, _variables, { mcpReq }) => {
    try {
      return await read(href, gateway, mcpReq.signal);
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      throw new ProtocolError(ProtocolErrorCode.InternalError, `${failure.code}: ${failure.message}`);
    }
  });
  // `StreamWatch` handles subscriptions: it also receives these messages, and watches the stream.
  server.server.registerCapabilities({ resources: { subscribe: true } });
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}

async function read(uri: string, gateway: Gateway, signal: AbortSignal): Promise<ReadResourceResult> {
  const stream = streamAt(uri);
  if (stream === undefined) throw new ResourceNotFoundError(uri);
  const client = await gateway.connected(signal);
  const { events, mark } = await readNewest(client, {
    stream,
    events: ['*'],
    filter: undefined,
    limit: NEWEST,
    signal,
  });
  const text = JSON.stringify({ stream, position: writePosition(mark.position), events });
  return { contents: [{ uri, mimeType: 'application/json', text }] };
}
