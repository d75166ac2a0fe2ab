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
import { PATTERNS } from '../../generated/protocol.ts';
import { writePosition } from '../../src/agents/position.ts';
import { failureOf } from '../gateway/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { readNewest } from '../gateway/page.ts';
import type { ResourceSubscriptions } from './subscriptions.ts';

export interface StreamsHost {
  readonly gateway: Gateway;
  /** The streams that are listed; default `main`. Other streams can be read by their names. */
  readonly streams?: readonly string[];
  /**
   * How clients subscribe to resources: `listen` if what serves the connection answers `subscriptions/listen` (2026-07-28), or what
   * handles `resources/subscribe` (before). Undefined: they cannot.
   */
  readonly subscriptions?: 'listen' | ResourceSubscriptions;
}

const SCHEME = 'tidemark://stream/';
/** Events in the text of a resource: enough to see what goes on. */
const NEWEST = 20;

export function uriOf(stream: string): string {
  return SCHEME + encodeURIComponent(stream);
}

/** @returns the name of the stream for the address of a resource; undefined if the address is not one of a stream */
export function streamAt(uri: string): string | undefined {
  if (!uri.startsWith(SCHEME)) return undefined;
  const name = decoded(uri.slice(SCHEME.length));
  return PATTERNS.StreamName.test(name) ? name : undefined;
}

/** The text as it is if it is no valid encoding, such as `%`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A failure of the gateway as clients see it; other errors unchanged. */
export function resourceErrorOf(error: unknown): unknown {
  const failure = failureOf(error);
  if (failure === undefined) return error;
  return new ProtocolError(ProtocolErrorCode.InternalError, `${failure.code}: ${failure.message}`);
}

export function registerStreams(server: McpServer, { gateway, streams = ['main'], subscriptions }: StreamsHost): void {
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
