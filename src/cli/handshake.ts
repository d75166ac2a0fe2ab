/**
 * Why no WebSocket could be opened. Those who open one are not told (a script could use it to explore networks), so the
 * handshake is made once more, as plain HTTP, only to see what is answered.
 */
import { randomBytes } from 'node:crypto';
import { request as requestHttp, STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { httpValidators } from '../../generated/validators.js';
import type { ErrorMessage } from '../../generated/types.ts';
import { reasonOf } from './reason.ts';
import { plain } from './terminal.ts';

const PATIENCE_MS = 3_000;
const NOT_FOUND = 404;

/** What the other end said or did, as the part of a sentence. @param url of a WebSocket */
export async function askWhy(url: string): Promise<string> {
  try {
    const answer = await handshake(new URL(url));
    return answer === undefined ? 'it took the connection, and ended it' : await refusalOf(answer);
  } catch (error) {
    return networkReason(error);
  }
}

/** The answer that is not the wanted one; undefined when a WebSocket was opened. */
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
  const said = `it answered ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  if (status === NOT_FOUND) return `${said}: its WebSocket has another address`;
  const body = parse(await text(answer));
  return httpValidators.error(body) ? plain(`${said}: ${(body as ErrorMessage).data.message}`) : said;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** OpenSSL's words; the code that comes with them depends on whether Node was reading or writing. */
const NO_TLS = /wrong version number|packet length too long/;
const UNKNOWN_HOST: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN']);
/** Of certificates that do not prove what they should. */
const CERTIFICATE = /CERT|ISSUER|SIGNATURE|ALTNAME/;

/** What happened on the way, in words. Node's own text where they are no better. */
export function networkReason(error: unknown): string {
  const { code, hostname } = innermost(error) as { readonly code?: unknown; readonly hostname?: unknown };
  if (typeof code !== 'string') return isTimeout(error) ? 'it did not answer in time' : reasonOf(error);
  if (UNKNOWN_HOST.has(code)) return `the host ${String(hostname)} is unknown, ${code}`;
  const reason = reasonOf(error).trim();
  if (NO_TLS.test(reason)) return 'TLS failed: the port speaks none; without TLS the address begins with ws: or http:';
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || CERTIFICATE.test(code))
    return `TLS failed: ${reason}`;
  return code.startsWith('HPE_') ? 'what answers there is not HTTP; is it TLS, and the address wss:?' : reason;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}

function innermost(error: unknown): object {
  if (!(error instanceof Error)) return {};
  if (error.cause !== undefined) return innermost(error.cause);
  return error instanceof AggregateError && error.errors.length > 0 ? innermost(error.errors[0]) : error;
}
