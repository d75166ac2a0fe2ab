/** An MCP server over HTTP in this process, its callers, and a receiver of webhooks. */
import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/client';
import { onCleanup } from '../../src/testing/rig.ts';
import { testContract } from './contracts.ts';
import type { Caller } from '../serve/callers.ts';
import { serveOverHttp } from '../serve/http.ts';
import type { HttpOptions, HttpService } from '../serve/http.ts';
import { WEBHOOK_DEFAULTS } from '../webhooks/webhooks.ts';
import type { WebhookOptions } from '../webhooks/webhooks.ts';
import { clientOf } from './mcp-process.ts';
import type { Era } from './mcp-process.ts';

/** Webhook options with short times, for tests. */
export const QUICK_WEBHOOKS: WebhookOptions = {
  ...WEBHOOK_DEFAULTS,
  endpoint: { allowPrivate: true, timeoutMs: 5_000 },
  retryDelaysMs: [20, 40, 80],
  ttlMs: { shortest: 200, usual: 60_000, longest: 120_000 },
};

/** A caller whose token for this server differs from its gateway credential. */
export function callerOf(name: string, tokenFile: string): Caller {
  return { name, digest: createHash('sha256').update(tokenAt(name)).digest(), credential: { tokenFile } };
}

export function tokenAt(name: string): string {
  return `mcp-token-of-${name}`;
}

export async function httpServer(
  url: string,
  options: Partial<HttpOptions> = {},
): Promise<HttpService & { readonly faults: unknown[] }> {
  const faults: unknown[] = [];
  const service = await serveOverHttp({
    ...{ host: '127.0.0.1', port: 0, contract: await testContract(), gateway: { url } },
    ...{ webhooks: QUICK_WEBHOOKS, onFault: (fault: unknown) => faults.push(fault) },
    ...options,
  });
  onCleanup(() => service.close());
  return { ...service, faults };
}

export async function httpClient(
  url: string,
  { token, era = 'modern' }: { readonly token?: string; readonly era?: Era } = {},
): Promise<Client> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client = clientOf(era);
  onCleanup(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

export interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
  readonly isSigned: boolean;
}

export interface Receiver {
  readonly url: string;
  readonly secret: string;
  /** All received requests, including verifications. */
  readonly received: Received[];
  /** The events in these requests, in order of arrival. */
  readonly events: () => readonly Readonly<Record<string, unknown>>[];
  /** The statuses of the next deliveries, in order; 204 when the list is empty. Verifications are always accepted. */
  readonly statuses: number[];
  isAway: boolean;
  echo: (challenge: unknown) => unknown;
}

/**
 * Starts a receiver of webhooks. It verifies signatures with its own code, which was written from the text of Standard Webhooks.
 */
export async function receiver(): Promise<Receiver> {
  const key = Buffer.alloc(32, 7);
  const server = createServer((request, response) => {
    void text(request).then((raw) => {
      const { headers } = request;
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${raw}`;
      const wanted = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
      const body = JSON.parse(raw) as Record<string, unknown>;
      if (hook.isAway) return request.socket.destroy();
      hook.received.push({ headers, body, isSigned: String(headers['webhook-signature']).split(' ').includes(wanted) });
      if (body['type'] === 'verification')
        return response.writeHead(200).end(JSON.stringify({ challenge: hook.echo(body['challenge']) }));
      return response.writeHead(hook.statuses.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(() => server.close());
  const hook: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    secret: `whsec_${key.toString('base64')}`,
    received: [],
    events: () => hook.received.map(({ body }) => body).filter((body) => 'eventId' in body),
    statuses: [],
    isAway: false,
    echo: (challenge) => challenge,
  };
  return hook;
}
