/**
 * Converts between text and messages: decodes a client's frame into a command that is valid by the contract, and encodes the
 * server's messages. An event's frame is built from a per-connection prefix and the shared body of its record:
 *
 *     {"type":"event","data":{"subscriptionIds":["ts"],"isReplay":false,  stream … payload  }}
 *     └──────────────────────── prefix ─────────────────────────────────┘  └──── body ────┘
 *
 * Connections whose prefixes are equal share the bytes of the whole frame (EVT-1).
 */
import { COMMANDS, PATTERNS } from '../../generated/protocol.ts';
import type { CommandName } from '../../generated/protocol.ts';
import type { CommandMessage, ReplyMessage, ServerMessage } from '../../generated/types.ts';
import type { Validator } from '../../generated/validators.js';
import type { EventRecord } from '../broker/broker.ts';
import { ProtocolError } from '../errors.ts';
import { parseJson } from './json-guard.ts';
import { schemaError } from './schema-error.ts';

/** A decoded frame. The `id` is read as early as possible, so that an error reply can echo it (ENV-3). */
export type Decoded =
  | { readonly id: string | undefined; readonly command: CommandMessage }
  | { readonly id: string | undefined; readonly error: ProtocolError };

function isCommandName(type: string): type is CommandName {
  return Object.hasOwn(COMMANDS, type);
}

type CommandValidators = Readonly<Record<CommandName, Validator>>;

function validate(
  { type, value }: { readonly type: string; readonly value: object },
  validators: CommandValidators,
  id: string | undefined,
): Decoded {
  if (!isCommandName(type)) {
    const known = Object.keys(COMMANDS).join(', ');
    return {
      id,
      error: new ProtocolError(
        'unknown_type',
        `Unknown command ${JSON.stringify(type.slice(0, 64))}. The commands are: ${known}.`,
        { pointer: '/type' },
      ),
    };
  }
  const fits = validators[type];
  if (!fits(value)) return { id, error: schemaError(fits.errors ?? [], { codes: COMMANDS[type].errorPointers }) };
  return { id, command: value as CommandMessage };
}

/** Decodes one text frame of a client. Never throws; for an invalid frame it returns the error to reply with. */
export function decodeCommand(
  text: string,
  validators: CommandValidators,
  limits: { readonly jsonDepth: number },
): Decoded {
  let value: unknown;
  try {
    value = parseJson(text, { maxDepth: limits.jsonDepth });
  } catch (error) {
    if (error instanceof ProtocolError) return { id: undefined, error };
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      id: undefined,
      error: new ProtocolError('invalid_message', 'A message is one JSON object: {"type": …, "data": {…}}.', {
        pointer: '',
      }),
    };
  }
  const { type, id: rawId } = value as { readonly type?: unknown; readonly id?: unknown };
  const id = typeof rawId === 'string' && PATTERNS.MessageId.test(rawId) ? rawId : undefined;
  if (typeof type !== 'string') {
    return {
      id,
      error: new ProtocolError('invalid_message', 'A message needs a "type" (a string).', { pointer: '/type' }),
    };
  }
  return validate({ type, value }, validators, id);
}

/** Longest text of an error message, so that input which the error quotes stays bounded. */
const MAX_ERROR_TEXT = 2048;

export function errorData(error: ProtocolError): Extract<ReplyMessage, { type: 'error' }>['data'] {
  return {
    code: error.code,
    message: error.message.slice(0, MAX_ERROR_TEXT),
    retryable: error.retryable,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.pointer === undefined ? {} : { pointer: error.pointer.slice(0, 1024) }),
    ...(error.details === undefined ? {} : { details: error.details }),
  };
}

/** Encodes a message of the server, except events: see {@link encodeEvent}. */
export function encodeMessage(message: ServerMessage): Buffer {
  return encodeFrame(JSON.stringify(message));
}

/** The part of an event's frame that differs between connections. */
export function eventPrefix(subscriptionIds: readonly string[], replayReason?: 'warm' | 'resume'): string {
  const ids = JSON.stringify(subscriptionIds);
  return replayReason === undefined
    ? `{"type":"event","data":{"subscriptionIds":${ids},"isReplay":false,`
    : `{"type":"event","data":{"subscriptionIds":${ids},"isReplay":true,"replayReason":"${replayReason}",`;
}

const EVENT_END = '}}';

/** Size of the frame that {@link encodeEvent} makes, in bytes. A prefix is ASCII, because subscription ids are (SUB-1). */
export function eventFrameBytes(prefix: string, record: EventRecord): number {
  const payload = prefix.length + record.bytes + EVENT_END.length;
  return payload + frameHeaderBytes(payload);
}

/** Writes the frame of an event into `target` at `offset` and returns the offset after it. */
export function writeEventFrame(target: Buffer, offset: number, prefix: string, record: EventRecord): number {
  const start = writeFrameHeader(target, offset, prefix.length + record.bytes + EVENT_END.length);
  const afterPrefix = start + target.write(prefix, start, 'latin1');
  const afterBody = afterPrefix + target.write(record.body, afterPrefix, 'utf8');
  return afterBody + target.write(EVENT_END, afterBody, 'latin1');
}

/**
 * Node allocates small buffers from slabs (64 KiB in Node 24), and a slab stays in memory as long as any of its parts: a slow
 * client's queue of 30 KB frames took 8 % more memory than its bytes. Above this size a separate buffer saves more than it costs.
 */
const OWN_BUFFER_BYTES = 4096;

export function encodeEvent(prefix: string, record: EventRecord): Buffer {
  const bytes = eventFrameBytes(prefix, record);
  const frame = bytes < OWN_BUFFER_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
  writeEventFrame(frame, 0, prefix, record);
  return frame;
}

/**
 * The frames of several events, one after the other. Each call that writes text into a buffer costs about as much as the copying of an
 * event, so the text is joined first and written at once, if all of it is ASCII.
 */
export function encodeEvents(prefix: string, records: readonly EventRecord[]): Buffer {
  const bytes = records.reduce((sum, record) => sum + eventFrameBytes(prefix, record), 0);
  const frames = Buffer.allocUnsafeSlow(bytes);
  if (records.every((record) => record.bytes === record.body.length)) {
    let text = '';
    for (const record of records) {
      const payload = prefix.length + record.bytes + EVENT_END.length;
      text += latin1FrameHeader(payload) + prefix + record.body + EVENT_END;
    }
    frames.write(text, 'latin1');
    return frames;
  }
  let offset = 0;
  for (const record of records) offset = writeEventFrame(frames, offset, prefix, record);
  return frames;
}

const header = Buffer.alloc(10);

/** The header of a frame as text with one character for each byte. */
function latin1FrameHeader(payloadBytes: number): string {
  return header.toString('latin1', 0, writeFrameHeader(header, 0, payloadBytes));
}

/** RFC 6455 §5.2: an unmasked, final text frame has a header of 2, 4 or 10 bytes. */
function frameHeaderBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65536 ? 4 : 10;
}

const FINAL_TEXT = 0x81;

function writeFrameHeader(target: Buffer, offset: number, payloadBytes: number): number {
  target[offset] = FINAL_TEXT;
  if (payloadBytes < 126) {
    target[offset + 1] = payloadBytes;
    return offset + 2;
  }
  if (payloadBytes < 65536) {
    target[offset + 1] = 126;
    return target.writeUInt16BE(payloadBytes, offset + 2);
  }
  target[offset + 1] = 127;
  return target.writeBigUInt64BE(BigInt(payloadBytes), offset + 2);
}

/** One text frame, ready for the socket. It is framed once, so that all recipients share the bytes. */
export function encodeFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(frameHeaderBytes(payloadBytes) + payloadBytes);
  frame.write(text, writeFrameHeader(frame, 0, payloadBytes), 'utf8');
  return frame;
}
