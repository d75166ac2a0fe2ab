/** The event types that `events/list` offers: each declared event of the contract, and one type for all custom events. */
import { fromJsonSchema } from '@modelcontextprotocol/server';
import type { TidemarkEvent } from '../../generated/client.ts';
import type { SubscriptionFilter } from '../../generated/types.ts';
import type { Contract, EventKind } from '../contract/contract.ts';
import { refTo } from '../contract/schema.ts';
import type { JsonSchema } from '../contract/schema.ts';
import type { Selection } from '../gateway/page.ts';

/** The name of the type of all custom events. If the contract declares an event of this name, there is no type for custom events. */
const CUSTOM_TYPE = 'custom_event';

export interface EventType {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly payloadSchema: JsonSchema;
  /** Converts the arguments of a subscription. @returns the events to subscribe to; if the arguments are invalid, a text with the reason */
  readonly select: (parameters: unknown) => Promise<Selection | string>;
  /** The `data` of an occurrence of this type. */
  readonly dataOf: (event: TidemarkEvent) => object;
}

interface Arguments {
  readonly stream?: string;
  readonly event?: string;
}

/** A cache of the event types of each contract, because over HTTP a new server is created for each request. */
const made = new WeakMap<Contract, ReadonlyMap<string, EventType>>();

export function eventTypesOf(contract: Contract): ReadonlyMap<string, EventType> {
  const known = made.get(contract) ?? makeTypes(contract);
  made.set(contract, known);
  return known;
}

function makeTypes(contract: Contract): ReadonlyMap<string, EventType> {
  const types = [...contract.events.values()].map((kind) => declaredType(contract, kind));
  if (!contract.events.has(CUSTOM_TYPE)) types.push(customType(contract));
  return new Map(types.map((type) => [type.name, type]));
}

function declaredType(contract: Contract, kind: EventKind): EventType {
  const { name, summary, description, payload, stream } = kind;
  const streamName = { ...refTo('StreamName'), ...(stream === undefined ? { default: 'main' } : {}) };
  const inputSchema = inputOf(contract, kind, { stream: streamName }, stream === undefined ? [] : ['stream']);
  return {
    name,
    description: description === undefined ? summary : `${summary} ${description}`,
    inputSchema,
    payloadSchema: payload,
    select: selector(inputSchema, ({ stream: given = 'main' }) => ({ stream: given, events: [name] })),
    dataOf: (event) => event.payload,
  };
}

function customType(contract: Contract): EventType {
  const { custom } = contract;
  const event = {
    ...refTo('EventPattern'),
    description: 'The name of a custom event, such as build.finished, or a prefix followed by `*`, such as build.*',
    not: { enum: ['*', ...contract.events.keys()] },
  };
  const inputSchema = inputOf(contract, custom, { event, stream: { ...refTo('StreamName'), default: 'main' } }, [
    'event',
  ]);
  return {
    name: CUSTOM_TYPE,
    description: `${custom.summary} ${custom.description ?? ''}`.trim(),
    inputSchema,
    payloadSchema: contract.complete({
      type: 'object',
      additionalProperties: false,
      required: ['event', 'payload'],
      properties: { event: refTo('EventName'), payload: refTo('OpenObject') },
    }),
    select: selector(inputSchema, ({ stream = 'main', event: name = '' }) => ({ stream, events: [name] })),
    dataOf: ({ event: name, payload }) => ({ event: name, payload }),
  };
}

function inputOf(
  contract: Contract,
  { filters }: EventKind,
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[],
): JsonSchema {
  const fields = filters.map((field) => [
    field,
    { ...refTo('FilterValues'), description: contract.filters.get(field) ?? field },
  ]);
  return contract.complete({
    type: 'object',
    additionalProperties: false,
    required,
    properties: { ...properties, ...(Object.fromEntries(fields) as Record<string, JsonSchema>) },
  });
}

function selector(
  inputSchema: JsonSchema,
  chosen: (parameters: Arguments) => Pick<Selection, 'stream' | 'events'>,
): EventType['select'] {
  const schema = fromJsonSchema(inputSchema);
  return async (parameters) => {
    const result = await schema['~standard'].validate(parameters);
    if (result.issues !== undefined) return result.issues.map(({ message }) => message).join('; ');
    const { stream: _stream, event: _event, ...filter } = parameters as Arguments & SubscriptionFilter;
    return { ...chosen(parameters as Arguments), filter: Object.keys(filter).length === 0 ? undefined : filter };
  };
}
