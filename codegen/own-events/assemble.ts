/** Adds the parts of an own-events document to the contract that it extends. */
import type { Schema } from '../model.ts';
import type { RawContract, RawMessage, Ref } from '../raw.ts';
import { CONNECTION, refName } from '../raw.ts';
import type { OwnDocument, OwnEvent } from './document.ts';
import type { Place } from './findings.ts';
import { typeName } from '../names.ts';
import type { SchemaReader } from './schema-reader.ts';

/** The names that every contract uses for the operation that pushes events and for the channel of the connection. */
export const EVENT_OPERATION = 'event';
export const FILTER_SCHEMA = 'SubscriptionFilter';

export type Filters = RawContract['x-filters'];

/**
 * The message of custom events, which is the model for own events, with the schemas of the message and of its `data`.
 */
export interface Template {
  readonly message: RawMessage;
  readonly messageName: string;
  readonly envelope: Schema;
  readonly data: Schema;
}

/** The parts that each own event adds. */
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

export function assemble(
  document: OwnDocument,
  base: RawContract,
  { template, additions, filters, schemas }: Parts,
): RawContract {
  const names = additions.map(({ event }) => event.name);
  const before = <Item>(list: readonly Item[], isCustom: (item: Item) => boolean, added: readonly Item[]): Item[] => {
    const at = list.findIndex(isCustom);
    return at < 0 ? [...list, ...added] : list.toSpliced(at, 0, ...added);
  };
  const keyed = <Value>(
    record: Readonly<Record<string, Value>>,
    added: readonly (readonly [string, Value])[],
  ): Record<string, Value> =>
    Object.fromEntries(
      before<readonly [string, Value]>(Object.entries(record), ([name]) => name === template.messageName, added),
    );
  const channel = base.channels[CONNECTION];
  const pushes = base.operations[EVENT_OPERATION];
  const filterSchema = base.components.schemas[FILTER_SCHEMA];
  const [values] = Object.values(filterSchema?.properties ?? {});
  const ownFields = Object.keys(filters).filter((field) => !Object.hasOwn(base['x-filters'], field));
  const channelRef = (name: string): Ref => ({ $ref: `#/channels/${CONNECTION}/messages/${name}` });
  return {
    ...base,
    info: {
      ...base.info,
      description: `${base.info.description.trim()}\n\nWith the events of ${document.title} ${document.version}.${document.description === undefined ? '' : ` ${document.description}`}\n`,
    },
    'x-own-events': [
      ...(base['x-own-events'] ?? []),
      { title: document.title, version: document.version, events: names },
    ],
    channels: {
      ...base.channels,
      ...(channel === undefined
        ? {}
        : {
            [CONNECTION]: {
              ...channel,
              messages: keyed(
                channel.messages,
                names.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
              ),
            },
          }),
    },
    operations: {
      ...base.operations,
      ...(pushes === undefined
        ? {}
        : {
            [EVENT_OPERATION]: {
              ...pushes,
              messages: before(pushes.messages, (ref) => refName(ref) === template.messageName, names.map(channelRef)),
            },
          }),
    },
    components: {
      ...base.components,
      messages: keyed(
        base.components.messages,
        additions.map(({ event, message }) => [event.name, message]),
      ),
      schemas: {
        ...base.components.schemas,
        [FILTER_SCHEMA]: {
          ...filterSchema,
          properties: {
            ...filterSchema?.properties,
            ...Object.fromEntries(ownFields.map((field) => [field, values ?? {}])),
          },
        },
        ...namedSchemas(schemas),
        ...Object.fromEntries(additions.flatMap((each) => Object.entries(each.schemas))),
      },
    },
    'x-filters': filters,
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
