/** Makes valid and invalid frames (RFC 6455 §5.2), and reads the frames of a server. */
import { createHash } from 'node:crypto';

export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** The parts of a frame. Each can be given an invalid value. */
export interface FrameParts {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly mask: Buffer;
  readonly payload: Buffer;
  readonly length: bigint;
  readonly lengthBits: 7 | 16 | 64;
}

/** The size of the smallest length field that can contain a length, in bits. */
export function lengthBitsOf(length: bigint): FrameParts['lengthBits'] {
  if (length < 126n) return 7;
  return length < 65536n ? 16 : 64;
}

function encodeLength({ length, lengthBits, masked }: FrameParts): Buffer {
  const maskBit = masked ? 0x80 : 0;
  if (lengthBits === 7) return Buffer.from([maskBit | Number(length & 0x7fn)]);
  const bytes = Buffer.alloc(lengthBits === 16 ? 3 : 9);
  bytes[0] = maskBit | (lengthBits === 16 ? 126 : 127);
  if (lengthBits === 16) bytes.writeUInt16BE(Number(length & 0xffffn), 1);
  else bytes.writeBigUInt64BE(BigInt.asUintN(64, length), 1);
  return bytes;
}

export function encodeFrame(parts: FrameParts): Buffer {
  const first = (parts.fin ? 0x80 : 0) | ((parts.rsv & 7) << 4) | (parts.opcode & 0xf);
  const head = [Buffer.from([first]), encodeLength(parts)];
  if (!parts.masked) return Buffer.concat([...head, parts.payload]);
  const body = Buffer.from(parts.payload);
  for (let at = 0; at < body.length; at += 1) body[at] = (body[at] ?? 0) ^ (parts.mask[at % 4] ?? 0);
  return Buffer.concat([...head, parts.mask, body]);
}

const MASK = Buffer.from('37fa213d', 'hex');

/** Encodes a valid frame of a client. */
export function clientFrame(opcode: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload);
  const length = BigInt(body.length);
  const lengthBits = lengthBitsOf(length);
  return encodeFrame({ fin: true, rsv: 0, opcode, masked: true, mask: MASK, payload: body, length, lengthBits });
}

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** The fault of the frame, if it has one. */
  readonly fault?: string;
}

/** Largest payload accepted from a server, in bytes. A larger frame is a fault. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

function faultOf(first: number, second: number, length: number): string | undefined {
  const opcode = first & 0xf;
  if ((first & 0x70) !== 0) return 'the server set a reserved bit without a negotiated extension';
  if ((second & 0x80) !== 0) return 'the server masked a frame';
  if (opcode >= 8 && ((first & 0x80) === 0 || length > 125))
    return 'the server sent a long or fragmented control frame';
  if (!(Object.values(OPCODE) as number[]).includes(opcode)) return `the server sent the opcode ${opcode}`;
  return undefined;
}

/** Splits the bytes of a server into frames, and joins fragments. */
export class FrameReader {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #fragments: Buffer[] = [];
  #fragmentOpcode: number = OPCODE.text;

  push(chunk: Buffer): ServerFrame[] {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    const frames: ServerFrame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      if (frame !== 'fragment') frames.push(frame);
    }
    return frames;
  }

  #next(): ServerFrame | 'fragment' | undefined {
    const [first = 0, second = 0] = this.#peek(2) ?? [];
    if (this.#pendingBytes < 2) return undefined;
    const extended = (second & 0x7f) === 126 ? 2 : (second & 0x7f) === 127 ? 8 : 0;
    const head = this.#peek(2 + extended);
    if (head === undefined) return undefined;
    const length =
      extended === 0 ? second & 0x7f : extended === 2 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
    if (length > MAX_FRAME_BYTES)
      return { opcode: first & 0xf, payload: this.#take(this.#pendingBytes), fault: `a frame of ${length} bytes` };
    const header = head.length + ((second & 0x80) === 0 ? 0 : 4);
    if (this.#pendingBytes < header + length) return undefined;
    const payload = this.#take(header + length).subarray(header);
    const fault = faultOf(first, second, length);
    if (fault !== undefined) return { opcode: first & 0xf, payload, fault };
    return this.#join(first, payload);
  }

  #join(first: number, payload: Buffer): ServerFrame | 'fragment' {
    const opcode = first & 0xf;
    if (opcode >= 8) return { opcode, payload };
    if (opcode !== OPCODE.continuation) this.#fragmentOpcode = opcode;
    this.#fragments.push(payload);
    if ((first & 0x80) === 0) return 'fragment';
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = [];
    return { opcode: this.#fragmentOpcode, payload: whole };
  }

  #peek(bytes: number): Buffer | undefined {
    if (this.#pendingBytes < bytes) return undefined;
    if ((this.#pending[0]?.length ?? 0) < bytes) this.#pending = [Buffer.concat(this.#pending)];
    return this.#pending[0]?.subarray(0, bytes);
  }

  #take(bytes: number): Buffer {
    if ((this.#pending[0]?.length ?? 0) < bytes) this.#pending = [Buffer.concat(this.#pending)];
    const [all = Buffer.alloc(0), ...rest] = this.#pending;
    this.#pendingBytes -= bytes;
    this.#pending = all.length === bytes ? rest : [all.subarray(bytes), ...rest];
    return all.subarray(0, bytes);
  }
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2). */
export function acceptFor(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}
