/** Answers malformed and incomplete requests with errors of the contract (OPS-0). */
import type { Socket } from 'node:net';
import { ProtocolError } from '../errors.ts';
import { refuseSocket } from '../connections/refused-socket.ts';
import { httpFailure } from '../wire/http-failure.ts';

interface Fault {
  readonly status: number;
  readonly message: string;
}

const NOT_HTTP: Fault = { status: 400, message: 'This is not an HTTP/1.1 request.' };

const FAULTS: Readonly<Record<string, Fault>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The headers are too long.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'The chunk extensions are too long.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.' },
};

/** Listener for the `clientError` event of a server. */
export function refuseMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  // If a response has already started, the client would read the error as a part of it. Only the connection is closed then.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const { status, message } = FAULTS[error.code ?? ''] ?? NOT_HTTP;
  refuseSocket(socket, httpFailure(new ProtocolError('invalid_message', message), status));
}
