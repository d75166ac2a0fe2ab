/**
 * The type of a tool of the MCP server: its schemas, which come from the contract, and its function. This file also has schemas that
 * several tools share.
 */
import type { Contract } from '../contract/contract.ts';
import type { JsonSchema, ObjectSchema } from '../contract/schema.ts';
import { refTo } from '../contract/schema.ts';
import { UsageError } from '../gateway/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Bookmark } from '../gateway/bookmark.ts';
import { readPosition, writePosition } from '../../src/agents/position.ts';
import type { Position } from '../../generated/client.ts';
import type { SubscriptionFilter } from '../../generated/types.ts';

export interface ToolContext {
  readonly gateway: Gateway;
  readonly contract: Contract;
  /** Aborted when the caller cancels the call. */
  readonly signal: AbortSignal;
}

export interface Tool<Arguments> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** JSON Schema of the arguments. A `$ref` in it refers to a schema of the contract. */
  readonly input: (contract: Contract) => ObjectSchema;
  readonly output: (contract: Contract) => ObjectSchema;
  /** Whether the tool changes nothing. */
  readonly isReadOnly: boolean;
  /** Whether a second call with the same arguments has no further effect. */
  readonly isIdempotent: boolean;
  /** Runs the tool. @returns the structured content, which the output schema describes @throws the failure, if the tool fails */
  readonly run: (parameters: Arguments, context: ToolContext) => Promise<object>;
}

export const STREAM: JsonSchema = { ...refTo('StreamName'), default: 'main' };

/** The schema of a position. A position is one string, so that a model can easily pass it on. */
export const POSITION: JsonSchema = {
  type: 'string',
  pattern: '^[^:]+:\\d+(~\\d+)?$',
  description: 'A position of the stream that this server returned. Pass it unchanged.',
};

export const PATTERN: JsonSchema = refTo('EventPattern');

/** One event with its position, payload and publisher. The payload's schema is in `list_events`. */
export const EVENT: JsonSchema = refTo('CustomEvent');

/** The filter fields of the contract, with their descriptions. */
export function filterSchema({ filters }: Contract): JsonSchema {
  return {
    type: 'object',
    additionalProperties: false,
    description: 'An event must match every field, and in each field at least one value.',
    properties: Object.fromEntries(
      [...filters].map(([field, description]) => [field, { ...refTo('FilterValues'), description }]),
    ),
  };
}

export function objectSchema(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): ObjectSchema {
  return { type: 'object', additionalProperties: false, properties, required };
}

/** Parses a position. @throws {UsageError} if the text is not a position, or is a position inside a warm picture */
export function positionOf(text: string): Position {
  const { position, pictureHead } = readBookmark(text);
  if (pictureHead !== undefined)
    throw new UsageError(`More events are ready after "${text}": call recent_changes until \`hasMore\` is false.`);
  return position;
}

/** Formats a bookmark as one word: the position and, inside a warm picture, `~` and the head of the picture. */
export function writeBookmark({ position, pictureHead }: Bookmark): string {
  return writePosition(position) + (pictureHead === undefined ? '' : `~${pictureHead}`);
}

/** Parses a bookmark that {@link writeBookmark} has formatted. @throws {UsageError} if the text is not valid */
export function readBookmark(text: string): Bookmark {
  const [, word = '', head] = /^([^~]*?)(?:~(\d+))?$/.exec(text) ?? [];
  const position = readPosition(word);
  const pictureHead = head === undefined ? undefined : Number(head);
  if (position === undefined || !Number.isSafeInteger(pictureHead ?? 0))
    throw new UsageError(`"${text}" is not a position. Pass a position that this server returned, or omit it.`);
  return pictureHead === undefined ? { position } : { position, pictureHead };
}

/** The filter; undefined if it is empty. */
export function filterOf(filter: SubscriptionFilter | undefined): SubscriptionFilter | undefined {
  return filter === undefined || Object.keys(filter).length === 0 ? undefined : filter;
}

/**
 * The stream of an event: the given one, or `main`. @throws {UsageError} if no stream is given, although the event cannot be on `main`
 */
export function streamOf(stream: string | undefined, events: readonly string[], contract: Contract): string {
  if (stream !== undefined) return stream;
  const homeless = events.map((name) => contract.events.get(name)).find((kind) => kind?.stream !== undefined);
  if (homeless !== undefined)
    throw new UsageError(
      `${homeless.name} belongs to another stream than main: pass \`stream\`, such as ${homeless.stream}:ID.`,
    );
  return 'main';
}
