/**
 * Sends requests to callback addresses, which callers choose. A caller must not be able to make this server send
 * requests to internal addresses (SEP-3415, *SSRF prevention*). So only https is allowed, redirects are not followed,
 * and the IP address is checked on each use; the connection is made to the checked IP address.
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

/** The categories of `lastError`. Nothing else of a response or a failure reaches a caller. */
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
  /** PEM of a certificate authority to trust besides the public ones. */
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

/** @returns why the address cannot be a callback, or undefined */
export function callbackFault(text: string, { allowPrivate }: EndpointOptions): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return 'delivery.url is not a URL.';
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:'))
    return 'delivery.url must begin with https:.';
  if (url.username !== '' || url.password !== '') return 'delivery.url must not contain a credential.';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublic(host))
    return 'delivery.url must not name an address that is not public.';
  return undefined;
}

/** Whether an address is globally routable by the registries of IANA. */
function isPublic(address: string): boolean {
  // `process` also converts IPv4 addresses that are written as IPv6.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** @throws {EndpointError} */
export async function post(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  options: EndpointOptions,
): Promise<Reply> {
  try {
    const address = new URL(url);
    // One time limit for everything: the lookup, the connection, and the response with its body.
    const signal = AbortSignal.timeout(options.timeoutMs);
    const pinned = await orAbort(resolve(address.hostname.replace(/^\[|\]$/g, ''), options), signal);
    const send = address.protocol === 'https:' ? requestHttps : requestHttp;
    const response = await new Promise<IncomingMessage>((fulfil, reject) => {
      const request = send(address, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        // Use a new connection, because a kept connection could lead to an address that was checked earlier.
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

/** Resolves a name once and checks the result, so that the address cannot change between the check and the connection. */
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
