/** An HTTP answer written on a bare socket, where no `ServerResponse` exists: a refused upgrade, or bytes that are not HTTP. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpFailure } from '../wire/http-failure.ts';

/** For the peer to read the answer before the connection is cut, in milliseconds. */
const LINGER_MS = 1000;

/**
 * Writes the answer and ends the connection. The server's own listeners have left an upgraded socket, so both ends of it are ours:
 * without a listener a reset of the peer would end the process, and a peer that never hangs up would keep the socket for ever.
 */
export function refuseSocket(socket: Duplex, { status, headers, body }: HttpFailure): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(timer));
  socket.on('end', () => socket.destroy());
  // What else the peer sends is thrown away: unread bytes would turn the end into a reset, and the answer would be lost.
  socket.resume();
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `connection: close${'upgrade' in headers ? ', upgrade' : ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
