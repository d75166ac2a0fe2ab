/** Adds the parts of an own-events document to the contract that it extends. */
import type { Schema } from '../model.ts';
import type { RawContract, RawMessage, Ref } from '../raw.ts';
import { CONNECTION, refName } from '../raw.ts';
import type { OwnDocument, OwnEvent } from './document.ts';
import type { Place } from './findings.ts';
import { typeName } from '../names.ts';
import type { SchemaReader } from './schema-reader.ts';

/** The names that every contract uses for the operation that pushes events and for the schema of filters. */
export const EVENT_OPERATION = 'event';
export const FILTER_SCHEMA = 'SubscriptionFilter';

export type Filters = RawContract['x-filters'];

/**
 * The message of custom events, with the schemas of the message and of its `data`. It is the template for the messages
 * of a team's own events.
 */
export interface Template {
  readonly message: RawMessage;
  readonly messageName: string;
  readonly envelope: Schema;
  readonly data: Schema;
}

/** The parts that one event of the own-events document adds to the contract. */
export interface Addition {
  readonly event: OwnEvent;
  readonly message: RawMessage;
  readonly schemas: Readonly<Record<string, Schema>>;
}

export function namedSchemas({ named }: SchemaReader): Record<string, Schema> {
  return Object.fromEntries([...named].map(([name, { schema }]) => [name, schema]));
}

interface Parts {
  readonly template: Template;
  readonly additions: readonly Addition[];
  readonly filters: Filters;
  readonly schemas: SchemaReader;
}

export function assemble(document: OwnDocument, base: RawContract, parts: Parts): RawContract {
  const { template, additions, filters } = parts;
  const names = additions.map(({ event }) => event.name);
  const { title, version, description } = document;
  const more = description === undefined ? '' : ` ${description}`;
  return {
    ...base,
    info: {
      ...base.info,
      description: `${base.info.description.trim()}\n\nWith the events of ${title} ${version}.${more}\n`,
    },
    'x-own-events': [...(base['x-own-events'] ?? []), { title, version, events: names }],
    channels: channelsWith(names, base, template),
    operations: operationsWith(names, base, template),
    components: componentsWith(base, parts),
    'x-filters': filters,
  };
}

/** Inserts items before the item of custom events, so that this item remains the last one of its list. */
function beforeCustom<Item>(items: readonly Item[], isCustom: (item: Item) => boolean, added: readonly Item[]): Item[] {
  const at = items.findIndex(isCustom);
  return at < 0 ? [...items, ...added] : items.toSpliced(at, 0, ...added);
}

/** Inserts messages before the message of custom events. */
function messagesWith<Value>(
  messages: Readonly<Record<string, Value>>,
  { messageName }: Template,
  added: readonly (readonly [string, Value])[],
): Record<string, Value> {
  const entries: readonly (readonly [string, Value])[] = Object.entries(messages);
  return Object.fromEntries(beforeCustom(entries, ([name]) => name === messageName, added));
}

function channelsWith(names: readonly string[], base: RawContract, template: Template): RawContract['channels'] {
  const channel = base.channels[CONNECTION];
  if (channel === undefined) return base.channels;
  const added = names.map((name) => [name, { $ref: `#/components/messages/${name}` }] as const);
  return { ...base.channels, [CONNECTION]: { ...channel, messages: messagesWith(channel.messages, template, added) } };
}

function operationsWith(
  names: readonly string[],
  base: RawContract,
  { messageName }: Template,
): RawContract['operations'] {
  const pushes = base.operations[EVENT_OPERATION];
  if (pushes === undefined) return base.operations;
  const added = names.map((name): Ref => ({ $ref: `#/channels/${CONNECTION}/messages/${name}` }));
  const messages = beforeCustom(pushes.messages, (ref) => refName(ref) === messageName, added);
  return { ...base.operations, [EVENT_OPERATION]: { ...pushes, messages } };
}

function componentsWith(
  { components, 'x-filters': known }: RawContract,
  { template, additions, filters, schemas }: Parts,
): RawContract['components'] {
  const filterSchema = components.schemas[FILTER_SCHEMA];
  const [values] = Object.values(filterSchema?.properties ?? {});
  const ownFields = Object.keys(filters).filter((field) => !Object.hasOwn(known, field));
  const properties = {
    ...filterSchema?.properties,
    ...Object.fromEntries(ownFields.map((field) => [field, values ?? {}])),
  };
  return {
    ...components,
    messages: messagesWith(
      components.messages,
      template,
      additions.map(({ event, message }) => [event.name, message]),
    ),
    schemas: {
      ...components.schemas,
      [FILTER_SCHEMA]: { ...filterSchema, properties },
      ...namedSchemas(schemas),
      ...Object.fromEntries(additions.flatMap((each) => Object.entries(each.schemas))),
    },
  };
}

export function originsOf(document: OwnDocument, { named }: SchemaReader): ReadonlyMap<string, Place> {
  const origins = new Map<string, Place>();
  for (const [name, { place }] of named) origins.set(`/components/schemas/${name}`, place);
  for (const { name, place } of document.events) {
    origins.set(`/components/messages/${name}`, place);
    for (const part of ['Event', 'EventMessage']) origins.set(`/components/schemas/${typeName(name)}${part}`, place);
    origins.set(`/channels/${CONNECTION}/messages/${name}`, place);
  }
  for (const field of Object.keys(document.filters))
    origins.set(`/x-filters/${field}`, { source: document.source, path: ['x-filters', field] });
  return origins;
}
