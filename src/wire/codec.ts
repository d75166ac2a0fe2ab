/**
 * Converts between text and messages. It decodes a frame of a client into a command, which is validated against the contract. It also
 * creates the parts of the server's messages. An event message consists of a prefix, which differs between connections, and the body of the
 * record, which all connections share:
 *
 *     {"type":"event","data":{"subscriptionIds":["ts"],"isReplay":false,  stream … payload  }}
 *     └──────────────────────── prefix ─────────────────────────────────┘  └──── body ────┘
 *
 * A `Framing` (framing.ts) converts messages to bytes. Connections with the same prefix and the same kind of framing share these bytes
 * (EVT-1).
 */
import { COMMANDS, PATTERNS } from '../../generated/protocol.ts';
import type { CommandName } from '../../generated/protocol.ts';
import type { CommandMessage, ReplyMessage } from '../../generated/types.ts';
import type { Validator } from '../../generated/validators.js';
import { ProtocolError } from '../errors.ts';
import { parseJson } from './json-guard.ts';
import { schemaError } from './schema-error.ts';

/** A decoded frame. The `id` is read before other checks, so that an error reply can repeat it (ENV-3). */
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

/** Decodes one text frame of a client. Never throws: for an invalid frame, it returns the error to send as the reply. */
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
      error: new ProtocolError('invalid_message', 'A message must have a "type", which is a string.', {
        pointer: '/type',
      }),
    };
  }
  return validate({ type, value }, validators, id);
}

/** Maximum length of an error message. An error may quote the input of a client, which may be long. */
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

/** The part of an event message that differs between connections. It is ASCII only, because subscription ids are ASCII (SUB-1). */
export function eventPrefix(subscriptionIds: readonly string[], replayReason?: 'warm' | 'resume'): string {
  const ids = JSON.stringify(subscriptionIds);
  return replayReason === undefined
    ? `{"type":"event","data":{"subscriptionIds":${ids},"isReplay":false,`
    : `{"type":"event","data":{"subscriptionIds":${ids},"isReplay":true,"replayReason":"${replayReason}",`;
}

/** Maximum number of prefixes in the cache of shared prefixes. */
const MAX_SHARED_PREFIXES = 1024;
const sharedPrefixes = new Map<string, string>();

/**
 * The prefix of live events that match only one subscription of a connection. It is cached by subscription id, because the clients of one
 * program use the same ids.
 */
export function livePrefix(subscriptionId: string): string {
  const known = sharedPrefixes.get(subscriptionId);
  if (known !== undefined) return known;
  if (sharedPrefixes.size >= MAX_SHARED_PREFIXES) sharedPrefixes.clear();
  const prefix = eventPrefix([subscriptionId]);
  sharedPrefixes.set(subscriptionId, prefix);
  return prefix;
}

/** The end of an event message, after its body. */
export const EVENT_END = '}}';
