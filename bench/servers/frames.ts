/**
 * A simple server on `ws`, without history or filters. The benchmarks compare the gateway's fan-out with this server. The frame of an event
 * is built once, and all frames of one turn of the event loop are sent to each socket in one write.
 *
 *     node bench/servers/frames.ts PORT CONTROL_PORT BYTES PREFILL
 *
 * A frame has BYTES bytes. The server answers each message of a client with PREFILL events from memory, in one write.
 */
import { createServer } from 'node:http';
import { createServer as createControl } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { readLines } from './lines.ts';

const [port, controlPort, bytes, prefill = '0'] = process.argv.slice(2);
const HEADER_BYTES = 4;

function frameOf(number: string): Buffer {
  const frame = Buffer.alloc(Number(bytes), 'x');
  frame[0] = 0x81;
  frame[1] = 126;
  frame.writeUInt16BE(frame.length - HEADER_BYTES, 2);
  frame.write(`^${number}`, HEADER_BYTES);
  return frame;
}

const history = Buffer.concat(
  Array.from({ length: Number(prefill) }, (_, n) => frameOf(String(n + 1).padStart(10, '0'))),
);
const sockets = new Set<Socket>();
const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (ws, { socket }) => {
  sockets.add(socket);
  ws.on('error', () => undefined).on('close', () => sockets.delete(socket));
  ws.on('message', () => socket.write(history));
});

let due: Buffer[] = [];
function flush(): void {
  const chunk = due.length === 1 ? due[0] : Buffer.concat(due);
  due = [];
  if (chunk !== undefined) for (const socket of sockets) socket.write(chunk);
}

server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => {
  createControl((control) => {
    readLines(control, (line) => {
      if (due.push(frameOf(line)) === 1) setImmediate(flush);
    });
  }).listen(Number(controlPort), '127.0.0.1', () => console.log('ready'));
});
