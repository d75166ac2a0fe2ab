/** The objects that serve one caller over HTTP: a gateway connection with the caller's credential, and the MCP servers that use it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { McpHttpHandler } from '@modelcontextprotocol/server';
import { Gateway } from '../gateway/gateway.ts';
import type { GatewayOptions } from '../gateway/gateway.ts';
import { StreamWatch } from '../resources/watch.ts';
import { isListenRequest, startListening } from '../resources/listen.ts';
import type { ListenRequest } from '../resources/listen.ts';
import { mcpServerOf } from '../server.ts';
import type { McpHost } from '../server.ts';
import { ResponsePace } from './response-pace.ts';

const LARGEST_BODY = 1024 * 1024;

export interface CallerSessionOptions {
  readonly gateway: GatewayOptions;
  readonly host: Omit<McpHost, 'gateway' | 'subscriptions' | 'taken'>;
  /** Milliseconds after which a client that does not read is disconnected; default 60,000. */
  readonly stallMs?: number;
}

interface Answered {
  readonly request: Request;
  /** The parsed body of the request; undefined if it is not JSON. */
  readonly parsedBody: unknown;
}

export class CallerSession {
  readonly #options: CallerSessionOptions;
  readonly #gateway: Gateway;
  readonly #watch: StreamWatch;
  readonly #handler: McpHttpHandler;
  readonly #paces = new WeakMap<Request, ResponsePace>();

  /** @throws {CliError} if the address is invalid or the credential cannot be read */
  constructor(options: CallerSessionOptions) {
    this.#options = options;
    const { onFault } = options.host;
    this.#gateway = new Gateway(options.gateway);
    const host: McpHost = {
      ...options.host,
      gateway: this.#gateway,
      taken: async (request) => this.#paces.get(request)?.taken(),
    };
    // Over HTTP, clients of revisions before 2026 have no connection on which a notification could reach them.
    this.#handler = createMcpHandler(
      ({ era }) => mcpServerOf(era === 'modern' ? { ...host, subscriptions: 'listen' } : host),
      { onerror: onFault, maxRequestBodySize: LARGEST_BODY },
    );
    this.#watch = new StreamWatch(this.#gateway, {
      onUpdate: (uri) => this.#handler.notify.resourceUpdated(uri),
      onFault,
    });
  }

  /** Answers one HTTP request. */
  async serve(
    request: IncomingMessage & { readonly method: string; readonly url: string },
    response: ServerResponse,
  ): Promise<void> {
    const fetch: McpHttpHandler['fetch'] = async (given) => this.fetch(given, () => response.destroy());
    const { onFault: onerror } = this.#options.host;
    await toNodeHandler({ fetch }, { onerror, maxRequestBodySize: LARGEST_BODY })(request, response);
  }

  /** Handles one HTTP request. @param onStall called when the client has read nothing of its response for too long */
  async fetch(request: Request, onStall: () => void): Promise<Response> {
    const { stallMs } = this.#options;
    const ended = new AbortController();
    const pace = new ResponsePace({
      ...{ onStall, onEnd: () => ended.abort() },
      ...(stallMs === undefined ? {} : { stallMs }),
    });
    const parsedBody: unknown = await request
      .clone()
      .json()
      .catch(() => undefined);
    try {
      const signal = AbortSignal.any([request.signal, ended.signal]);
      const answered = isListenRequest(parsedBody)
        ? await this.#listen(request, parsedBody, signal)
        : { request, parsedBody };
      this.#paces.set(answered.request, pace);
      const rest = answered.parsedBody === undefined ? {} : { parsedBody: answered.parsedBody };
      return pace.follow(await this.#handler.fetch(answered.request, rest));
    } catch (error) {
      ended.abort();
      throw error;
    }
  }

  /**
   * Ends the response when the gateway ends a subscription. The client then sends a new request, and learns from its acknowledgement which
   * resources can still be watched.
   */
  async #listen(request: Request, body: ListenRequest, signal: AbortSignal): Promise<Answered> {
    const { message, ended } = await startListening(body, { watch: this.#watch, signal });
    const narrowed = new Request(request, { signal: AbortSignal.any([request.signal, ended]) });
    return { request: narrowed, parsedBody: message };
  }

  async close(): Promise<void> {
    this.#watch.close();
    await Promise.all([this.#handler.close(), this.#gateway.close()]);
  }
}
