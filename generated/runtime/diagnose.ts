/**
 * Finds out why a client does not connect. A WebSocket does not reveal why it could not be opened, so the server is
 * asked by HTTP. This is a separate export, so only an application that uses it loads it.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Diagnosis } from './diagnosis.ts';
import { TidemarkError } from './errors.ts';
import { isObject } from './wire.ts';

export type Cause =
  /** The client is connected, or has not tried to connect. */
  | 'none'
  /** No HTTP response: wrong host or port, no server, no network, or TLS failed. */
  | 'unreachable'
  /** A server answers, but there is no WebSocket at this path. */
  | 'path'
  /** The gateway does not accept connections from the origin of this page. */
  | 'origin'
  /** The credential is missing, invalid, expired, or lacks a permission. */
  | 'credentials'
  /** A page that was loaded by HTTPS may not open a `ws:` address. */
  | 'mixed-content'
  /** The connection was opened and then ended, by the server or after an error; see `lastClose` and `lastError`. */
  | 'closed'
  | 'unknown';

export interface Findings {
  readonly cause: Cause;
  /** What is wrong and what to do, in one or two sentences. */
  readonly advice: string;
  readonly diagnosis: Diagnosis;
}

export interface DiagnoseOptions {
  /** The function that sends the HTTP requests. Default: the global `fetch`. */
  readonly fetch?: (url: string, init: Request) => Promise<Answer>;
  /** The origin of the page; default `location.origin`, undefined outside pages and workers. */
  readonly origin?: string | undefined;
  /** Limit of each HTTP request, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

interface Request {
  readonly mode: 'cors' | 'no-cors';
  readonly headers: { readonly accept: string };
  readonly signal: AbortSignal;
}

/** The part of a `Response` that is read. */
interface Answer {
  readonly status: number;
  readonly type?: string;
  json(): Promise<unknown>;
}

type Finding = Pick<Findings, 'cause' | 'advice'>;

/** `GET /ws` without an upgrade (OPS-1). */
const UPGRADE_REQUIRED = 426;
const NOT_FOUND = 404;
/** Close codes of the contract that concern the credential: forbidden, auth_timeout, token_expired, token_revoked. */
const CREDENTIAL_CLOSES: ReadonlySet<number> = new Set([4003, 4008, 4100, 4101]);
/** Error codes of the contract that concern the credential (ERR-1). */
const CREDENTIAL_ERRORS: ReadonlySet<string> = new Set(['unauthenticated', 'forbidden']);

/** Finds out why a client does not connect, with at most two HTTP requests to its server. Never rejects. */
export async function diagnose(
  client: { readonly diagnosis: Diagnosis },
  options: DiagnoseOptions = {},
): Promise<Findings> {
  const { diagnosis } = client;
  const finding = known(diagnosis) ?? (await ask(diagnosis.url, options));
  return { ...finding, diagnosis };
}

/** The diagnosis, if it follows from the client's own observations; otherwise undefined. */
function known({ state, lastClose, lastError, url }: Diagnosis): Finding | undefined {
  if (state === 'open') return { cause: 'none', advice: 'The client is connected.' };
  if (state === 'idle') return { cause: 'none', advice: `The client has not tried to connect to ${url} yet.` };
  const code = lastClose?.code ?? 0;
  const rejection = lastError instanceof TidemarkError ? lastError : undefined;
  const error = rejection === undefined ? undefined : `${rejection.code}: ${rejection.message}`;
  if (CREDENTIAL_ERRORS.has(rejection?.code ?? '') || CREDENTIAL_CLOSES.has(code)) {
    const reason = error ?? `close code ${code} ${lastClose?.reason ?? ''}`.trim();
    return {
      cause: 'credentials',
      advice: `The gateway rejected the credential (${reason}). Check the options token and apiKey.`,
    };
  }
  if (lastClose?.opened !== true) return undefined;
  const { reason } = lastClose;
  const end = `The connection was opened and ended with ${code} ${reason}`.trim();
  return { cause: 'closed', advice: error === undefined ? `${end}.` : `${end}. The latest error is ${error}` };
}

async function ask(url: string, options: DiagnoseOptions): Promise<Finding> {
  const address = new URL(url);
  const isPlain = address.protocol === 'ws:';
  address.protocol = isPlain ? 'http:' : 'https:';
  const origin = 'origin' in options ? options.origin : pageOrigin();
  if (isPlain && origin?.startsWith('https:') === true && !isLoopback(address.hostname))
    return { cause: 'mixed-content', advice: `A page from ${origin} cannot open ${url}. Use a wss: address.` };
  const get = getter(options);
  if (origin === undefined || origin === address.origin) return askDirectly(address, get);
  return askAcrossOrigins(address, origin, get);
}

type Get = (url: URL, mode: 'cors' | 'no-cors') => Promise<Answer | undefined>;

function getter({ fetch = globalFetch(), timeoutMs = 5_000 }: DiagnoseOptions): Get {
  return (url, mode) =>
    fetch(url.href, { mode, headers: { accept: 'application/json' }, signal: AbortSignal.timeout(timeoutMs) }).catch(
      () => undefined,
    );
}

/** Requests the address itself. Only a program, or a page of the gateway's own origin, can read the response. */
async function askDirectly(address: URL, get: Get): Promise<Finding> {
  const answer = await get(address, 'cors');
  if (answer === undefined) return unreachable(address);
  const { status } = answer;
  if (status === NOT_FOUND)
    return {
      cause: 'path',
      advice: `A server answers at ${address.host}, but there is nothing at the path ${address.pathname}. Check the path in the option url.`,
    };
  if (status === 401 || status === 403)
    return {
      cause: 'credentials',
      advice: `The gateway, or a proxy before it, answers ${status}: it refuses this client. Check the options token and apiKey.`,
    };
  if (status === UPGRADE_REQUIRED)
    return {
      cause: 'unknown',
      advice: `The gateway answers at ${address.href}. It may be starting, draining or at a limit; the client retries.`,
    };
  return {
    cause: 'unknown',
    advice: `The server answers ${status} to HTTP at ${address.href}. Check that a gateway is behind this address.`,
  };
}

/**
 * Reads the contract, because a page of another origin can read nothing else (OPS-5). The contract contains the path of
 * the WebSocket.
 */
async function askAcrossOrigins(address: URL, origin: string, get: Get): Promise<Finding> {
  const answer = await get(new URL('/asyncapi.yaml', address), 'cors');
  if (answer === undefined || answer.status >= 400) {
    if ((await get(address, 'no-cors')) === undefined) return unreachable(address);
    return {
      cause: 'unknown',
      advice: `A server answers at ${address.host}, but it serves no contract at /asyncapi.yaml. Check host, port and path prefix.`,
    };
  }
  const path = await pathOf(answer);
  if (path !== undefined && path !== address.pathname)
    return {
      cause: 'path',
      advice: `The WebSocket of this gateway is at ${path}, not at ${address.pathname}. Correct the path in the option url.`,
    };
  const remedy = `Start the gateway with --allow-origin ${origin} (setting allowedOrigins), or serve the page from the gateway's own origin.`;
  return {
    cause: 'origin',
    advice: `The gateway answers at ${address.host}, but opens no WebSocket for pages from ${origin}. ${remedy}`,
  };
}

async function pathOf(answer: Answer): Promise<string | undefined> {
  const contract = await answer.json().catch(() => undefined);
  const channels = isObject(contract) && isObject(contract.channels) ? contract.channels : {};
  const { address } = isObject(channels.connection) ? channels.connection : {};
  return typeof address === 'string' ? address : undefined;
}

function unreachable({ host }: URL): Finding {
  return {
    cause: 'unreachable',
    advice: `No server answers at ${host}. Check host and port, and that the gateway runs.`,
  };
}

function pageOrigin(): string | undefined {
  const { location } = globalThis as { readonly location?: { readonly origin?: string } };
  return location?.origin;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

function globalFetch(): NonNullable<DiagnoseOptions['fetch']> {
  return (url, init) => globalThis.fetch(url, init);
}
