/**
 * Finds out why a WebSocket could not be opened. The WebSocket API does not give the reason, because scripts could use it to scan networks.
 * Therefore the handshake is repeated as plain HTTP, and the response is read.
 */
import { randomBytes } from 'node:crypto';
import { request as requestHttp, STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { httpValidators } from '../../generated/validators.js';
import type { ErrorMessage } from '../../generated/types.ts';
import { reasonOf } from './reason.ts';
import { readText } from './response-text.ts';
import { plain } from './terminal.ts';

const PATIENCE_MS = 3_000;
const NOT_FOUND = 404;
/** Maximum size of a refusal, in bytes. */
const MAXIMUM_REFUSAL_BYTES = 64 * 1024;

/** Describes why the WebSocket at the address `url` could not be opened. The text can be part of a sentence. */
export async function connectionFailureText(url: string): Promise<string> {
  try {
    const answer = await handshake(new URL(url));
    return answer === undefined ? 'the server closed the connection without a response' : await refusalOf(answer);
  } catch (error) {
    return networkReason(error);
  }
}

/** The HTTP response of the server; undefined if the server opened a WebSocket. */
function handshake(address: URL): Promise<IncomingMessage | undefined> {
  const secure = address.protocol === 'wss:';
  address.protocol = secure ? 'https:' : 'http:';
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-version': '13',
    'sec-websocket-protocol': SUBPROTOCOL,
  };
  return new Promise((resolve, reject) => {
    const request = (secure ? requestHttps : requestHttp)(address, {
      headers,
      agent: false,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve(undefined);
    });
    request.on('response', resolve).on('error', reject).end();
  });
}

async function refusalOf(answer: IncomingMessage): Promise<string> {
  const status = answer.statusCode ?? 0;
  const refusal = `status ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  if (status === NOT_FOUND) return `${refusal}: the WebSocket has another path`;
  // The status is reported even if the body ends early or never.
  const body = parse(await readText(answer, MAXIMUM_REFUSAL_BYTES).catch(() => undefined));
  return httpValidators.error(body) ? plain(`${refusal}: ${(body as ErrorMessage).data.message}`) : refusal;
}

function parse(json = ''): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Error texts of OpenSSL. The texts are compared, because the error code depends on whether Node was reading or writing. */
const NO_TLS = /wrong version number|packet length too long/;
const UNKNOWN_HOST: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN']);
/** Error codes of invalid certificates. */
const CERTIFICATE = /CERT|ISSUER|SIGNATURE|ALTNAME/;

/** Describes a network error in plain words. For an unknown error, returns the text of Node. */
export function networkReason(error: unknown): string {
  const { code, hostname } = innermost(error) as { readonly code?: unknown; readonly hostname?: unknown };
  if (typeof code !== 'string') return isTimeout(error) ? 'no response in time' : reasonOf(error);
  if (UNKNOWN_HOST.has(code)) return `the host ${String(hostname)} is unknown, ${code}`;
  const reason = reasonOf(error).trim();
  if (NO_TLS.test(reason)) return 'TLS failed: the port does not use TLS; for plain connections, use ws: or http:';
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || CERTIFICATE.test(code))
    return `TLS failed: ${reason}`;
  return code.startsWith('HPE_') ? 'the server does not speak HTTP; if it uses TLS, use wss:' : reason;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}

function innermost(error: unknown): object {
  if (!(error instanceof Error)) return {};
  if (error.cause !== undefined) return innermost(error.cause);
  return error instanceof AggregateError && error.errors.length > 0 ? innermost(error.errors[0]) : error;
}
