/**
 * A server like frames.ts that writes to all sockets by one call of a C function. It does not handle a socket that is closed or that accepts
 * only a part of the bytes. The load client then reports a missing event. A real native writer would have to handle such sockets, and would
 * therefore save less processing time.
 *
 *     node bench/servers/native.ts PORT CONTROL_PORT BYTES LIBRARY
 */
import { createServer } from 'node:http';
import { createServer as createControl } from 'node:net';
import type { Socket } from 'node:net';
import koffi from 'koffi';
import { WebSocketServer } from 'ws';
import { readLines } from './lines.ts';

const [port, controlPort, bytes, library = ''] = process.argv.slice(2);
const HEADER_BYTES = 4;

const sendLoop = koffi
  .load(library)
  .func('int send_loop(const int *sockets, int count, const void *bytes, int length)');

function frameOf(number: string): Buffer {
  const frame = Buffer.alloc(Number(bytes), 'x');
  frame[0] = 0x81;
  frame[1] = 126;
  frame.writeUInt16BE(frame.length - HEADER_BYTES, 2);
  frame.write(`^${number}`, HEADER_BYTES);
  return frame;
}

/** Reads the file descriptor of a socket from a private member, because Node has no public API for it. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd: number } };
  return handle?.fd ?? -1;
}

const sockets = new Set<Socket>();
let descriptors = new Int32Array();
const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (ws, { socket }) => {
  const change = (): void => {
    descriptors = Int32Array.from(sockets, descriptorOf);
  };
  sockets.add(socket);
  change();
  ws.on('error', () => undefined).on('close', () => {
    sockets.delete(socket);
    change();
  });
});

let due: Buffer[] = [];
function flush(): void {
  const chunk = due.length === 1 ? due[0] : Buffer.concat(due);
  due = [];
  if (chunk !== undefined) sendLoop(descriptors, descriptors.length, chunk, chunk.length);
}

server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => {
  createControl((control) => {
    readLines(control, (line) => {
      if (due.push(frameOf(line)) === 1) setImmediate(flush);
    });
  }).listen(Number(controlPort), '127.0.0.1', () => console.log('ready'));
});
