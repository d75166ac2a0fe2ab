/**
 * A server with the faults that the pack must find: it accepts every frame, checks no origin, parses with `JSON.parse`,
 * publishes every event and sends stack traces. With an option, it crashes, blocks its event loop, refuses the command,
 * executes the command but says that it refused it, or resets the connection, when it receives a given text.
 *
 *     node careless-server.ts [--die-at TEXT] [--block-at TEXT] [--refuse-at TEXT] [--deny-at TEXT] [--reset-at TEXT]
 */
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { parseArgs } from 'node:util';
import { CONTRACT_DIGEST, LIMITS, PROTOCOL_VERSION } from '../../../generated/protocol.ts';
import { OPCODE, acceptFor, encodeFrame, lengthBitsOf } from '../frame.ts';

const BLOCK_MS = 1500;

interface Command {
  readonly type: string;
  readonly id?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const anyText = { type: 'string' } as const;
const { values: faults } = parseArgs({
  options: { 'die-at': anyText, 'block-at': anyText, 'refuse-at': anyText, 'deny-at': anyText, 'reset-at': anyText },
});
const clients = new Set<Duplex>();
const EPOCH = 'epoch';
let sequenceId = 0;

function sendFrame(socket: Duplex, opcode: number, payload: Buffer): void {
  const length = BigInt(payload.length);
  const mask = Buffer.alloc(4);
  const lengthBits = lengthBitsOf(length);
  socket.write(encodeFrame({ fin: true, rsv: 0, opcode, masked: false, mask, payload, length, lengthBits }));
}

function send(socket: Duplex, message: object): void {
  sendFrame(socket, OPCODE.text, Buffer.from(JSON.stringify(message)));
}

function publish({ stream, event, payload }: Command['data']): object {
  sequenceId += 1;
  const place = { stream, epoch: EPOCH, sequenceId, eventId: '01J00000000000000000000000' };
  const source = { name: 'careless', principal: 'anonymous' };
  const emittedAt = new Date().toISOString();
  const data = { subscriptionIds: ['s'], isReplay: false, ...place, event, emittedAt, source, payload };
  for (const each of clients) send(each, { type: 'event', data });
  return { ...place, duplicate: false };
}

function answer({ type, data }: Command): readonly [string, object] {
  const position = { epoch: EPOCH, sequenceId };
  if (type === 'ping') return ['pong', { time: new Date().toISOString() }];
  if (type === 'list_subscriptions') return ['subscriptions', { items: [] }];
  if (type === 'broadcast') return ['broadcasted', publish(data)];
  const { stream = 'main', events } = data;
  return ['subscribed', { subscriptionId: 's', stream, events, filter: {}, position, recovery: { attempted: false } }];
}

const REFUSAL = { code: 'rate_limited', message: 'Too many commands.', retryable: true, retryAfterMs: 1000 };

function take(socket: Duplex, text: string): void {
  const isAt = (option: keyof typeof faults): boolean => {
    const wanted = faults[option];
    return wanted !== undefined && text.includes(wanted);
  };
  if (isAt('die-at')) process.exit(1);
  if (isAt('block-at')) for (const until = Date.now() + BLOCK_MS; Date.now() < until;) continue;
  if (isAt('reset-at')) {
    socket.destroy();
    return;
  }
  try {
    const command = JSON.parse(text) as Command;
    if (isAt('refuse-at')) {
      send(socket, { type: 'error', id: command.id, data: REFUSAL });
      return;
    }
    const [type, data] = answer(command);
    // The server says that it refused the command, which it has executed.
    if (isAt('deny-at')) {
      send(socket, { type: 'error', id: command.id, data: REFUSAL });
      return;
    }
    send(socket, { type, ...(command.id === undefined ? {} : { id: command.id }), data });
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? '') : '';
    send(socket, { type: 'error', data: { code: 'internal', message, retryable: true } });
  }
}

/** Takes one frame from the buffer, valid or not; undefined while it is incomplete. */
function nextFrame(
  bytes: Buffer,
): { readonly opcode: number; readonly payload: Buffer; readonly size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const masked = bytes.readUInt8(1) >= 0x80 ? 4 : 0;
  const start = 2 + extended + masked;
  if (bytes.length < start) return undefined;
  const length = extended === 0 ? short : extended === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + length) return undefined;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (masked > 0)
    payload.forEach((byte, at) => payload.writeUInt8(byte ^ bytes.readUInt8(2 + extended + (at % 4)), at));
  return { opcode: bytes.readUInt8(0) & 0xf, payload, size: start + length };
}

function serve(socket: Duplex): void {
  let bytes = Buffer.alloc(0);
  clients.add(socket);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clients.delete(socket));
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let frame = nextFrame(bytes); frame !== undefined; frame = nextFrame(bytes)) {
      bytes = bytes.subarray(frame.size);
      if (frame.opcode === OPCODE.ping) sendFrame(socket, OPCODE.pong, frame.payload);
      else if (frame.opcode < 8) take(socket, frame.payload.toString('utf8'));
    }
  });
}

const server = createServer((_request, response) => response.end('{}'));
server.on('upgrade', (request, socket) => {
  const accept = acceptFor(request.headers['sec-websocket-key'] ?? '');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const limits = Object.fromEntries(Object.entries(LIMITS).map(([name, limit]) => [name, limit.default]));
  serve(socket);
  send(socket, {
    type: 'welcome',
    data: {
      connectionId: '01J00000000000000000000000',
      nodeId: 'careless',
      protocolVersion: PROTOCOL_VERSION,
      contractDigest: CONTRACT_DIGEST,
      heartbeatIntervalMs: 25_000,
      limits,
      features: { broadcast: true, replay: {} },
      principal: { kind: 'anonymous', id: 'anonymous', scopes: ['publish:*'] },
      authenticationRequired: false,
    },
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${port}/ws` }));
});
