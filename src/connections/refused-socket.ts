/**
 * Writes an HTTP response directly to a socket. Used where there is no `ServerResponse`: for refused upgrades, and bytes that are not HTTP.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpFailure } from '../wire/http-failure.ts';

/** How long the peer may take to read the response, in milliseconds. Then the connection is cut. */
const LINGER_MS = 1000;

/**
 * Writes the response and ends the connection. Node removes its own listeners from an upgraded socket, so this function adds
 * others. Otherwise a reset by the peer would end the process, and a peer that never closes the connection would keep the socket open
 * permanently.
 */
export function refuseSocket(socket: Duplex, { status, headers, body }: HttpFailure): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(timer));
  socket.on('end', () => socket.destroy());
  // Read and discard further data of the peer: with unread data, closing would send a reset, and the response would be lost.
  socket.resume();
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `connection: close${'upgrade' in headers ? ', upgrade' : ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
