/**
 * Serves MCP over Streamable HTTP. A foreign web page must not use the server through a browser (Streamable HTTP, *Security*). Therefore
 * requests with a foreign origin or a foreign host name are refused.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostHeaderValidation, originValidation } from '@modelcontextprotocol/node';
import { localhostAllowedHostnames } from '@modelcontextprotocol/server';
import { requestTarget } from '../../src/auth/request-target.ts';
import type { Contract } from '../contract/contract.ts';
import type { GatewayOptions } from '../gateway/gateway.ts';
import { Webhooks } from '../webhooks/webhooks.ts';
import type { WebhookOptions } from '../webhooks/webhooks.ts';
import { callerWith } from './callers.ts';
import type { Caller } from './callers.ts';
import { CallerSession } from './caller-session.ts';

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly contract: Contract;
  readonly gateway: GatewayOptions;
  /**
   * The callers. If undefined, every client that can reach the address uses the same gateway credential, and there are no webhooks.
   */
  readonly callers?: readonly Caller[];
  /**
   * Host names by which clients may address this server, in addition to this machine's own names. Pages from origins with these host names
   * may call too.
   */
  readonly allowedHosts?: readonly string[];
  /** The streams that are listed as resources; default `main`. */
  readonly streams?: readonly string[];
  readonly webhooks?: WebhookOptions;
  readonly heartbeatMs?: number;
  readonly onFault: (error: unknown) => void;
}

export interface HttpService {
  readonly url: string;
  close(): Promise<void>;
}

const MCP_PATH = '/mcp';
/**
 * The HTTP methods that Streamable HTTP uses in any revision. Other methods are refused before a `Request` is created, because `Request`
 * throws for some of them, such as TRACE.
 */
const METHODS: ReadonlySet<string> = new Set(['POST', 'GET', 'DELETE']);

/** Starts the server. @throws {CliError} if a credential cannot be read; the error of the socket if the server cannot listen */
export async function serveOverHttp(options: HttpOptions): Promise<HttpService> {
  const sessions = new CallerSessions(options);
  const allowed = [...localhostAllowedHostnames(), ...(options.allowedHosts ?? [])];
  const isHostAllowed = hostHeaderValidation(allowed);
  const isOriginAllowed = originValidation(allowed);
  const server = createServer((request, response) => {
    if (!isHostAllowed(request, response) || !isOriginAllowed(request, response)) return;
    if (requestTarget(request.url).pathname !== MCP_PATH)
      return answer(response, 404, `Not found; MCP is at ${MCP_PATH}.`);
    if (request.method === undefined || !METHODS.has(request.method)) return refuseMethod(response);
    const session = sessions.of(tokenOf(request));
    if (session === undefined) return challenge(response);
    // The request target may be an absolute URL. The library receives a fixed path instead, which it can always parse.
    const target = Object.assign(request, { method: request.method, url: MCP_PATH });
    session.serve(target, response).catch((error: unknown) => {
      options.onFault(error);
      response.destroy();
    });
  });
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const name = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${name}:${port}${MCP_PATH}`,
    close: async () => {
      server.close();
      await sessions.close();
      server.closeAllConnections();
    },
  };
}

class CallerSessions {
  readonly #options: HttpOptions;
  readonly #webhooks: Webhooks;
  readonly #sessions = new Map<string, CallerSession>();
  readonly #shared: CallerSession | undefined;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#webhooks = new Webhooks(options.webhooks);
    if (options.callers === undefined) this.#shared = this.#make(options.gateway, undefined);
    else
      for (const { name, credential } of options.callers)
        this.#sessions.set(name, this.#make({ url: options.gateway.url, ...credential }, name));
  }

  of(token: string | undefined): CallerSession | undefined {
    if (this.#options.callers === undefined) return this.#shared;
    const caller = token === undefined ? undefined : callerWith(token, this.#options.callers);
    return caller === undefined ? undefined : this.#sessions.get(caller.name);
  }

  async close(): Promise<void> {
    this.#webhooks.close();
    const all = [...this.#sessions.values(), ...(this.#shared === undefined ? [] : [this.#shared])];
    await Promise.all(all.map(async (session) => session.close()));
  }

  #make(gateway: GatewayOptions, principal: string | undefined): CallerSession {
    const { contract, heartbeatMs, streams, onFault } = this.#options;
    const host = {
      ...{ contract, onFault },
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
      ...(streams === undefined ? {} : { streams }),
      ...(principal === undefined ? {} : { webhooks: { registry: this.#webhooks, principal } }),
    };
    return new CallerSession({ gateway, host });
  }
}

function tokenOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? '')?.[1];
}

function challenge(response: ServerResponse): void {
  response.setHeader('www-authenticate', 'Bearer');
  answer(response, 401, 'This server requires a token: send it as `Authorization: Bearer TOKEN`.');
}

function refuseMethod(response: ServerResponse): void {
  response.setHeader('allow', [...METHODS].join(', '));
  answer(response, 405, 'Method not allowed.');
}

function answer(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }));
}

function listen(server: Server, { host, port }: HttpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
}
