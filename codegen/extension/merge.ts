/**
 * An own-events document and the contract that it extends → one ordinary AsyncAPI document. Everything that the contract
 * demands of an event beyond its payload (the envelope and its message, entries in channels and operations, filter fields,
 * requirements, an example) is made here, after the model of the event that stands for all custom ones.
 */
import type { ReplaySpec, Schema } from '../model.ts';
import type { RawContract, RawMessage, Ref } from '../raw.ts';
import { CONNECTION, refName } from '../raw.ts';
import { sampleOf } from './sample.ts';
import { SchemaReader } from './schema-reader.ts';
import type { OwnDocument, OwnEvent } from './document.ts';
import { checkFilterable, checkReplay } from './event-rules.ts';
import { below, suggestion } from './findings.ts';
import type { Findings, Place } from './findings.ts';
import { isEventName, isFieldName, typeName } from './names.ts';

/** What the connection's channel and the operation that pushes events are called in every contract. */
const EVENT_OPERATION = 'event';
/** How an event is filtered by its publisher, as every event of the stock contract is. */
const SOURCES = 'sources';
const FILTER_SCHEMA = 'SubscriptionFilter';
const PREFIX = '#/components/schemas/';

export interface Merged {
  readonly contract: RawContract;
  /** Pointer of a part of the merged contract, as keys → where its author wrote it. */
  readonly origins: ReadonlyMap<string, Place>;
}

export interface MergeOptions {
  readonly document: OwnDocument;
  readonly base: RawContract;
  readonly findings: Findings;
}

/** The event that stands for all custom ones, with the schemas of its message and of its `data`. */
interface Template {
  readonly message: RawMessage;
  readonly messageName: string;
  readonly envelope: Schema;
  readonly data: Schema;
}

/** What each own event adds. */
interface Addition {
  readonly event: OwnEvent;
  readonly message: RawMessage;
  readonly schemas: Readonly<Record<string, Schema>>;
}

export async function merge({ document, base, findings }: MergeOptions): Promise<Merged | undefined> {
  const template = templateOf(base);
  const filterFields = base.components.schemas[FILTER_SCHEMA]?.properties;
  if (template === undefined || filterFields === undefined) {
    const place: Place = { source: document.source, path: ['x-extends'] };
    findings.add('extends', place, `names a contract that is not Tidemark's. Write x-extends: tidemark.`);
    return undefined;
  }
  checkNames(document, base, findings);
  const schemas = new SchemaReader({
    document: document.source,
    own: document.schemas,
    stock: Object.keys(base.components.schemas),
    findings,
  });
  const filters = filtersOf(document, base, findings);
  const additions: Addition[] = [];
  for (const event of document.events)
    additions.push(await additionOf(event, { document, base, template, schemas, filters, findings }));
  // Schemas that no payload refers to are checked, too, and then reported as unused.
  for (const [name, value] of Object.entries(document.schemas)) {
    if (schemas.named.has(name)) continue;
    const place: Place = { source: document.source, path: ['components', 'schemas', name] };
    findings.add('schema-unused', place, 'is used by no event. Remove it, or refer to it.');
    await schemas.name(value, place, { name, what: `${name}.` });
  }
  return {
    contract: assemble(document, base, { template, additions, filters, schemas }),
    origins: originsOf(document, schemas),
  };
}

function templateOf(base: RawContract): Template | undefined {
  const { messages, schemas } = base.components;
  const [messageName, message] = Object.entries(messages).find(([, each]) => each['x-event'] === '*') ?? [];
  const envelope = message === undefined ? undefined : schemas[refName(message.payload)];
  const data = schemas[(envelope?.properties?.['data']?.$ref ?? '').slice(PREFIX.length)];
  if (messageName === undefined || message === undefined || envelope === undefined || data === undefined)
    return undefined;
  return { messageName, message, envelope, data };
}

function checkNames({ events, schemas }: OwnDocument, base: RawContract, findings: Findings): void {
  const taken = base.components.messages;
  const news = events.filter(({ name }) => taken[name] === undefined);
  for (const { name, place } of events) {
    const { 'x-event': stock } = taken[name] ?? {};
    if (stock !== undefined && stock !== '*')
      findings.add('event-name', place, 'is an event of the contract that is extended. Give it another name.');
    else if (taken[name] !== undefined || name === EVENT_OPERATION)
      findings.add('event-name', place, 'is the name of a message of the protocol. Give it another name.');
    else if (!isEventName(name))
      findings.add(
        'event-name',
        place,
        'is not the name of an event: a small letter, then small letters, digits and _, in parts joined by a dot, such as build.finished. Rename it.',
      );
  }
  const types = new Set([...Object.keys(base.components.schemas), ...Object.keys(schemas)]);
  for (const { name, place } of news)
    for (const type of [`${typeName(name)}Event`, `${typeName(name)}EventMessage`].filter((each) => types.has(each)))
      findings.add('event-name', place, `needs a type ${type}, and another schema is called that. Rename one of them.`);
  const named = Map.groupBy(events, ({ name }) => typeName(name));
  for (const [type, [first, ...others]] of named)
    for (const { place } of others)
      findings.add('event-name', place, `gives the type ${type}, as ${first?.name ?? ''} does. Rename one of them.`);
}

type Filters = RawContract['x-filters'];

/** The fields of the contract that is extended, those that the document declares, and those that its events only use. */
function filtersOf(document: OwnDocument, base: RawContract, findings: Findings): Filters {
  const stock = base['x-filters'];
  const filters: Record<string, Filters[string]> = { ...stock };
  const users = Map.groupBy(
    document.events.flatMap(({ name, filterable }) => Object.keys(filterable).map((field) => ({ field, name }))),
    ({ field }) => field,
  );
  for (const [field, { kind, description }] of Object.entries(document.filters)) {
    const place: Place = { source: document.source, path: ['x-filters', field] };
    if (Object.hasOwn(stock, field))
      findings.add(
        'filter-name',
        place,
        `is a filter field of the contract that is extended. Remove it: events may use it.`,
      );
    else if (!users.has(field))
      findings.add('filter-name', place, 'is used by no event. Let one declare it in x-filterable, or remove it.');
    filters[field] ??= { kind, description: description ?? `Own filter field of ${eventsText(users.get(field))}.` };
  }
  for (const [field, using] of users)
    filters[field] ??= { kind: 'exact', description: `Own filter field of ${eventsText(using)}.` };
  for (const { place, filterable } of document.events)
    for (const field of Object.keys(filterable).filter((each) => !Object.hasOwn(stock, each))) {
      const at = below(place, 'x-filterable', field);
      if (!isFieldName(field))
        findings.add(
          'filter-name',
          at,
          'is no name of a filter field: a small letter, then letters and digits, such as targets. Rename it.',
        );
      const near = suggestion(field, Object.keys(stock));
      if (near !== '' && !Object.hasOwn(document.filters, field))
        findings.add(
          'filter-name',
          at,
          `is near a filter field of the contract.${near} To declare a field of this name all the same, add it to x-filters.`,
        );
    }
  return filters;
}

function eventsText(users: readonly { readonly name: string }[] = []): string {
  return [...new Set(users.map(({ name }) => `\`${name}\``))].join(', ');
}

interface Context extends MergeOptions {
  readonly template: Template;
  readonly schemas: SchemaReader;
  readonly filters: Filters;
}

async function additionOf(event: OwnEvent, context: Context): Promise<Addition> {
  const { document, base, template, schemas, findings } = context;
  const type = typeName(event.name);
  const payload = await schemas.name(event.payload ?? {}, below(event.place, 'payload'), {
    name: `${type}Payload`,
    what: event.summary,
  });
  const all = { ...base.components.schemas, ...namedSchemas(schemas) };
  const shape = { schemas: all, payload };
  if (event.payload !== undefined && rootOf(shape)?.type !== 'object')
    findings.add(
      'event-payload',
      below(event.place, 'payload'),
      'must be the schema of an object. Write type: object.',
    );
  const replay = replayOf(event);
  checkReplay(event, { ...shape, policies: Object.keys(base['x-replay-policies']), findings });
  checkFilterable(event, { ...shape, findings });
  const sources = template.message['x-filterable']?.[SOURCES];
  return {
    event,
    schemas: {
      [`${type}Event`]: {
        ...template.data,
        description: `A \`${event.name}\` event with its place in the stream.`,
        properties: {
          ...template.data.properties,
          event: { type: 'string', const: event.name, description: 'Its name.' },
          payload: { $ref: `${PREFIX}${payload}` },
        },
      },
      [`${type}EventMessage`]: {
        ...template.envelope,
        properties: { ...template.envelope.properties, data: { $ref: `${PREFIX}${type}Event` } },
      },
    },
    message: {
      ...template.message,
      name: event.name,
      summary: event.summary,
      description: event.description ?? `Declared by ${document.title}.`,
      payload: { $ref: `${PREFIX}${type}EventMessage` },
      'x-event': event.name,
      'x-payload': payload,
      'x-replay': replay,
      'x-filterable': { ...event.filterable, ...(sources === undefined ? {} : { [SOURCES]: sources }) },
      'x-requirements': ['EVT-3', 'RPL-3'].filter((clause) => Object.hasOwn(base['x-requirements'], clause)),
      examples: examplesOf(event, template, shape, findings),
    },
  };
}

function rootOf({
  schemas,
  payload,
}: {
  readonly schemas: Readonly<Record<string, Schema>>;
  readonly payload: string;
}): Schema | undefined {
  const schema = schemas[payload];
  return schema?.$ref === undefined ? schema : schemas[schema.$ref.slice(PREFIX.length)];
}

function replayOf({ name, replay }: OwnEvent): ReplaySpec {
  return replay.key === undefined || replay.keySpace !== undefined ? replay : { ...replay, keySpace: name };
}

/** Each in the envelope of a whole message, as the examples of the contract are. */
function examplesOf(
  event: OwnEvent,
  { message }: Template,
  { schemas, payload }: { readonly schemas: Readonly<Record<string, Schema>>; readonly payload: string },
  findings: Findings,
): RawMessage['examples'] {
  const envelope = message.examples[0]?.payload as { readonly data: object } | undefined;
  const wrap = (value: unknown): object => ({
    ...envelope,
    data: { ...envelope?.data, event: event.name, payload: value },
  });
  if (event.examples.length > 0)
    return event.examples.map(({ name, summary, payload: value }, at) => ({
      name: name ?? `example_${at + 1}`,
      summary: summary ?? event.summary,
      payload: wrap(value),
    }));
  // Of a schema that is wrong no example can be made, and none is needed.
  if (findings.list.length > 0) return [];
  const sample = sampleOf(schemas, { $ref: `${PREFIX}${payload}` });
  if (sample === undefined)
    findings.add(
      'event-example',
      event.place,
      'has no example, and none could be made from its schema. Add examples: [{ payload: { … } }].',
    );
  return [{ name: 'generated', summary: 'Made from the schema.', payload: wrap(sample ?? {}) }];
}

function namedSchemas({ named }: SchemaReader): Record<string, Schema> {
  return Object.fromEntries([...named].map(([name, { schema }]) => [name, schema]));
}

interface Parts {
  readonly template: Template;
  readonly additions: readonly Addition[];
  readonly filters: Filters;
  readonly schemas: SchemaReader;
}

function assemble(
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
        ...Object.assign({}, ...additions.map((each) => each.schemas)),
      },
    },
    'x-filters': filters,
  };
}

function originsOf(document: OwnDocument, { named }: SchemaReader): ReadonlyMap<string, Place> {
  const origins = new Map<string, Place>();
  for (const [name, { place }] of named) origins.set(`components/schemas/${name}`, place);
  for (const { name, place } of document.events) {
    origins.set(`components/messages/${name}`, place);
    for (const part of ['Event', 'EventMessage']) origins.set(`components/schemas/${typeName(name)}${part}`, place);
    origins.set(`channels/${CONNECTION}/messages/${name}`, place);
  }
  for (const field of Object.keys(document.filters))
    origins.set(`x-filters/${field}`, { source: document.source, path: ['x-filters', field] });
  return origins;
}
