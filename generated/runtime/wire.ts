/**
 * The parts of the protocol that the runtime itself reads. It gets all other parts as types ({@link Protocol}) and
 * constants ({@link ProtocolSpec}) from the generated facade, `client.ts` of the package. If the runtime cannot work with
 * a contract, the facade does not compile.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */

/** A position in a stream. Positions can be compared only within one epoch (STR-3). */
export interface Position {
  readonly epoch: string;
  readonly sequenceId: number;
}

/** A position in one of several streams. */
export interface StreamPosition extends Position {
  readonly stream: string;
}

/** What a client must do after a close code (CON-6). */
export type CloseClass = 'do-not-retry' | 'refresh' | 'retry-resume' | 'retry-fresh';

/** The contract's types, as one map. Keys of `commands` and `replies` are command names. */
export interface Protocol {
  readonly commands: {
    readonly subscribe: { readonly events: readonly string[]; readonly filter?: object; readonly replay?: object };
    readonly unsubscribe: object;
    readonly list_subscriptions: object;
    readonly broadcast: { readonly event: string; readonly payload: object };
    readonly authenticate: object;
    readonly sync: object;
    readonly ping: object;
  };
  readonly replies: {
    readonly subscribe: { readonly subscriptionId: string; readonly position?: Position; readonly recovery: object };
    readonly unsubscribe: object;
    readonly list_subscriptions: object;
    readonly broadcast: object;
    readonly authenticate: object;
    readonly sync: { readonly position: Position };
    readonly ping: object;
  };
  readonly pushes: {
    readonly welcome: { readonly heartbeatIntervalMs: number };
    readonly gap: { readonly reason: string; readonly from: Position; readonly to: Position; readonly repair?: object };
    readonly closing: { readonly code: number; readonly retryAfterMs?: number };
  };
  /** The `data` of each declared event's message, by the name of the event. */
  readonly events: object;
  /** The payload of each declared event, by the name of the event. */
  readonly payloads: object;
  /** `data` of an event that the contract does not declare. */
  readonly customEvent: { readonly event: string };
}

/** The contract's constants that the runtime needs; taken from the generated `protocol.ts`. */
export interface ProtocolSpec {
  /** SHA-256 of the contract. */
  readonly contractDigest: string;
  /** Names of the declared events. */
  readonly events: readonly string[];
  readonly subprotocol: string;
  /** Names of query parameters for credentials, in lower case. */
  readonly credentialParameters: readonly string[];
  /** The reply of each command, by command name. */
  readonly commands: Readonly<Record<string, { readonly reply: string }>>;
  /** The name and the class of each close code, by code. */
  readonly closeCodes: Readonly<Record<number, { readonly name: string; readonly class: CloseClass }>>;
}

/** One message as read from the socket (ENV-1). `data` is validated only by the code that reads it. */
export interface Frame {
  readonly type: string;
  readonly id?: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The members of an event's `data` that the client itself reads: subscriptions, replay flag, stream and position. */
export interface EventPrefix extends Position {
  readonly subscriptionIds: readonly string[];
  readonly isReplay: boolean;
  readonly stream: string;
}

/** @returns the frame, or the reason why the text is invalid. Unknown types and extra fields are allowed (ENV-4). */
export function readFrame(text: unknown): Frame | string {
  if (typeof text !== 'string') return 'a binary frame; every message is a text frame (ENV-1)';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'a frame that is not JSON';
  }
  if (!isObject(value)) return 'a frame that is not a JSON object';
  const { type, id, data } = value;
  if (typeof type !== 'string') return 'a message without a "type"';
  if (!isObject(data)) return `a "${type}" message without an object "data"`;
  if (id !== undefined && typeof id !== 'string') return `a "${type}" message whose "id" is not a string`;
  return { type, id, data };
}

export function readEventPrefix(data: Readonly<Record<string, unknown>>): EventPrefix | undefined {
  const { subscriptionIds, isReplay, stream, epoch, sequenceId } = data;
  const isPlaced = typeof stream === 'string' && typeof epoch === 'string' && isWholeNumber(sequenceId);
  if (!isPlaced || !isStrings(subscriptionIds) || typeof isReplay !== 'boolean') return undefined;
  return { subscriptionIds, isReplay, stream, epoch, sequenceId };
}

export function readPosition(value: unknown): Position | undefined {
  if (!isObject(value)) return undefined;
  const { epoch, sequenceId } = value;
  return typeof epoch === 'string' && isWholeNumber(sequenceId) ? { epoch, sequenceId } : undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Whether the value is a whole number from 0 to 2^53 - 1. */
export function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
