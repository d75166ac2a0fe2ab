/**
 * Sends requests to callback addresses, which callers choose. A caller must not be able to make this server send requests to internal
 * addresses (SEP-3415, *SSRF prevention*). Therefore only https is allowed, redirects are not followed, and for each request the IP address
 * is checked. The connection is made to the checked IP address.
 */
import { lookup as lookupAddresses } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { orAbort } from '../../src/agents/abort.ts';

/** The values of `lastError`. A caller learns nothing else about a response or a failure. */
export type DeliveryFault =
  'connection_refused' | 'timeout' | 'tls_error' | 'http_4xx' | 'http_5xx' | 'challenge_failed';

export interface Reply {
  readonly status: number;
  /** The beginning of the response body, at most a few kilobytes. */
  readonly body: string;
}

export interface EndpointOptions {
  /** For development and tests: also allow http, and addresses that are not public. */
  readonly allowPrivate: boolean;
  readonly timeoutMs: number;
  /** Resolves a host name to its addresses; default: the resolver of the system. */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>;
  /** The certificate, as PEM, of a certificate authority to trust in addition to the public ones. */
  readonly ca?: string;
}

const LARGEST_REPLY = 4_096;

function lookupAll(host: string): Promise<readonly LookupAddress[]> {
  return lookupAddresses(host, { all: true });
}

export class EndpointError extends Error {
  readonly fault: DeliveryFault;

  constructor(fault: DeliveryFault) {
    super(fault);
    this.name = 'EndpointError';
    this.fault = fault;
  }
}

/** Checks a callback address. @returns the reason why it is not allowed; undefined if it is allowed */
export function callbackFault(text: string, { allowPrivate }: EndpointOptions): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return 'delivery.url is not a URL.';
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:'))
    return 'delivery.url must begin with https:.';
  if (url.username !== '' || url.password !== '') return 'delivery.url must not contain a credential.';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublic(host)) return 'delivery.url must name a public address.';
  return undefined;
}

/** Whether an IP address is globally routable according to the registries of IANA. */
function isPublic(address: string): boolean {
  // `process` also converts IPv4 addresses that are written as IPv6.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** Sends a POST request to a callback address, after checking its IP address. @throws {EndpointError} */
export async function post(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  options: EndpointOptions,
): Promise<Reply> {
  try {
    const address = new URL(url);
    // This is one time limit for everything: the lookup, the connection, and the response with its body.
    const signal = AbortSignal.timeout(options.timeoutMs);
    const pinned = await orAbort(resolve(address.hostname.replace(/^\[|\]$/g, ''), options), signal);
    const send = address.protocol === 'https:' ? requestHttps : requestHttp;
    const response = await new Promise<IncomingMessage>((fulfil, reject) => {
      const request = send(address, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        // Use a new connection for each request, because a reused connection would bypass the check of the IP address.
        agent: false,
        lookup: pinned,
        signal,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      });
      request.on('response', fulfil).on('error', reject).end(body);
    });
    return { status: response.statusCode ?? 0, body: await beginningOf(response) };
  } catch (error) {
    throw error instanceof EndpointError ? error : new EndpointError(faultOf(error));
  }
}

/** The category of an unsuccessful response. */
export function statusFault(status: number): DeliveryFault {
  return status >= 500 ? 'http_5xx' : 'http_4xx';
}

/** Resolves a host name once, and checks its addresses, so that they cannot change between the check and the connection. */
async function resolve(host: string, { allowPrivate, lookup = lookupAll }: EndpointOptions): Promise<LookupFunction> {
  const family = isIP(host);
  const found = family === 0 ? await lookup(host) : [{ address: host, family }];
  const usable = found.filter(({ address }) => allowPrivate || isPublic(address));
  const [first] = usable;
  if (first === undefined) throw new EndpointError('connection_refused');
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [...usable]);
    else callback(null, first.address, first.family);
  };
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > LARGEST_REPLY) break;
  }
  response.destroy();
  return text.slice(0, LARGEST_REPLY);
}

function faultOf(error: unknown): DeliveryFault {
  if (!(error instanceof Error)) return 'connection_refused';
  const code = 'code' in error ? String(error.code) : '';
  if (error.name === 'TimeoutError' || error.name === 'AbortError' || code === 'ETIMEDOUT') return 'timeout';
  return /TLS|SSL|CERT|SELF_SIGNED|UNABLE_TO_VERIFY|EPROTO/.test(code) ? 'tls_error' : 'connection_refused';
}
