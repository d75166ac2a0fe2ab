/** An HTTP answer written on a bare socket, where no `ServerResponse` exists: a refused upgrade, or bytes that are not HTTP. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorData } from '../wire/codec.ts';
import type { ProtocolError } from '../errors.ts';

/** Sent with 429 and 503, in seconds. */
export const RETRY_AFTER_S = 2;
/** For the peer to read the answer before the connection is cut, in milliseconds. */
const LINGER_MS = 1000;

const HEADERS: Readonly<Record<number, string>> = {
  401: 'WWW-Authenticate: Bearer\r\n',
  426: 'Sec-WebSocket-Version: 13\r\n',
  429: `Retry-After: ${RETRY_AFTER_S}\r\n`,
  503: `Retry-After: ${RETRY_AFTER_S}\r\n`,
};

/**
 * Says why, and lets go of the connection. The server's own listeners have left an upgraded socket, so both ends of it are ours:
 * without a listener a reset of the peer would end the process, and a peer that never hangs up would hold the socket for ever.
 */
export function refuseSocket(socket: Duplex, status: number, error: ProtocolError): void {
  if (socket.destroyed) return;
  const body = JSON.stringify({ type: 'error', data: errorData(error) });
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(timer));
  socket.on('end', () => socket.destroy());
  // What else the peer sends is thrown away: unread bytes would turn the end into a reset, and the answer would be lost.
  socket.resume();
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: application/json\r\n${HEADERS[status] ?? ''}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
