/** Streams as resources: a host lists them, reads the newest events of one, and is notified when it has new ones. */
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
  /** The streams that are listed; any other can be read by its name. Default: `main`. */
  readonly streams?: readonly string[];
}

const SCHEME = 'tidemark://stream/';
const NAME = /^(main|(workspace|session):[A-Za-z0-9._-]{1,128})$/;
/** Events in the text of a resource: enough to see what goes on. */
const NEWEST = 20;

export function uriOf(stream: string): string {
  return SCHEME + encodeURIComponent(stream);
}

/** @returns the stream of a resource's address, or undefined */
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
  // The serving entry sees these messages too, and watches the stream (`StreamWatch`).
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
