/**
 * Merges an own-events document with the contract that it extends into one ordinary AsyncAPI document. Besides its
 * payload, an event needs a message, entries in channels and operations, filter fields, requirements and an example.
 * This file makes these parts, modelled on the contract's custom event.
 */
import type { ReadFile } from '../files.ts';
import type { ReplaySpec, Schema } from '../model.ts';
import type { RawContract, RawMessage } from '../raw.ts';
import { refName } from '../raw.ts';
import { assemble, EVENT_OPERATION, FILTER_SCHEMA, namedSchemas, originsOf } from './assemble.ts';
import type { Addition, Filters, Template } from './assemble.ts';
import { sampleOf } from './sample.ts';
import { SchemaReader } from './schema-reader.ts';
import type { OwnDocument, OwnEvent } from './document.ts';
import { checkFilterable, checkReplay } from './event-rules.ts';
import { below, suggestion } from './findings.ts';
import type { Findings, Place } from './findings.ts';
import { isEventName, isFieldName, typeName } from '../names.ts';

/** The filter field for the publisher. Every event of the stock contract has this field. */
const SOURCES = 'sources';
const PREFIX = '#/components/schemas/';

export interface Merged {
  readonly contract: RawContract;
  /** For a pointer into the merged contract, the place where the author wrote this part. */
  readonly origins: ReadonlyMap<string, Place>;
}

export interface MergeOptions {
  readonly document: OwnDocument;
  readonly base: RawContract;
  readonly findings: Findings;
  /** Reads the files that the document refers to. */
  readonly readFile: ReadFile;
}

export async function merge(options: MergeOptions): Promise<Merged | undefined> {
  const { document, base, findings, readFile } = options;
  const template = templateOf(base);
  const filterFields = base.components.schemas[FILTER_SCHEMA]?.properties;
  if (template === undefined || filterFields === undefined) {
    const place: Place = { source: document.source, path: ['x-extends'] };
    findings.add(
      'extends',
      place,
      `names a contract that is not based on the contract of Tidemark. Write x-extends: tidemark.`,
    );
    return undefined;
  }
  const taken = checkNames(document, base, findings);
  const schemas = new SchemaReader({
    document: document.source,
    own: document.schemas,
    stock: Object.keys(base.components.schemas),
    findings,
    readFile,
  });
  const filters = filtersOf(document, base, findings);
  const additions: Addition[] = [];
  for (const event of document.events.filter(({ name }) => !taken.has(name)))
    additions.push(await additionOf(event, { ...options, template, schemas, filters }));
  // Schemas to which no payload refers are checked too, and then reported as unused.
  for (const [name, value] of Object.entries(document.schemas)) {
    if (schemas.named.has(name) || schemas.parts.has(name)) continue;
    const place: Place = { source: document.source, path: ['components', 'schemas', name] };
    findings.add('schema-unused', place, 'is not used by any event. Remove it, or refer to it.');
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

/**
 * @returns the events whose names are already in use. They are not checked further, because more findings about them
 * would only be consequences.
 */
function checkNames({ events, schemas }: OwnDocument, base: RawContract, findings: Findings): ReadonlySet<string> {
  const { messages } = base.components;
  const types = new Set([...Object.keys(base.components.schemas), ...Object.keys(schemas)]);
  const byType = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name, place } of events) {
    const type = typeName(name);
    const fault = nameFault(name, messages);
    const clash = [`${type}Event`, `${type}EventMessage`].find((each) => types.has(each));
    const other = byType.get(type);
    byType.set(type, name);
    if (fault !== undefined) findings.add('event-name', place, fault);
    else if (other !== undefined)
      findings.add('event-name', place, `becomes the type ${type}, like ${other}. Rename one of them.`);
    else if (clash !== undefined)
      findings.add(
        'event-name',
        place,
        `needs the type ${clash}, but another schema already has this name. Rename the event or the schema.`,
      );
    else continue;
    taken.add(name);
  }
  return taken;
}

function nameFault(name: string, messages: RawContract['components']['messages']): string | undefined {
  const taken = Object.hasOwn(messages, name) ? messages[name] : undefined;
  const { 'x-event': stock } = taken ?? {};
  if (stock !== undefined && stock !== '*')
    return 'is an event of the contract that is extended. Give it another name.';
  if (taken !== undefined || name === EVENT_OPERATION)
    return 'is the name of a message of the protocol. Give it another name.';
  if (isEventName(name)) return undefined;
  return 'is not the name of an event. Join parts by dots, such as build.finished. Each part begins with a lower-case letter, followed by lower-case letters, digits or _. Rename the event.';
}

/**
 * The filter fields of three origins: the extended contract has them, the document declares them, or events of the
 * document use them without a declaration.
 */
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
        'is already a filter field of the contract that is extended. Remove this declaration: events can use the field without it.',
      );
    else if (!users.has(field))
      findings.add(
        'filter-name',
        place,
        'is not used by any event. Add it to the x-filterable of an event, or remove it.',
      );
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
          'is not a valid name of a filter field: a lower-case letter followed by letters and digits, such as targets. Rename it.',
        );
      const near = suggestion(field, Object.keys(stock));
      if (near !== '' && !Object.hasOwn(document.filters, field))
        findings.add(
          'filter-name',
          at,
          `is similar to a filter field of the contract.${near} To declare a new field of this name, add it to x-filters.`,
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
  // A reference that does not resolve has already been reported.
  const root = rootOf(shape);
  if (event.payload !== undefined && root !== undefined && root.type !== 'object' && Object.keys(root).length > 0)
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
        description: `A \`${event.name}\` event with its position in the stream.`,
        properties: {
          ...template.data.properties,
          event: { type: 'string', const: event.name, description: 'The name of the event.' },
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

/** Wraps each example in the envelope of a message, as in the contract. If the author gave no example, one is made from the schema. */
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
  // If there are findings, no example is needed, because the document is refused. An invalid schema may have no valid example.
  if (findings.list.length > 0) return [];
  const sample = sampleOf(schemas, { $ref: `${PREFIX}${payload}` });
  if (sample === undefined)
    findings.add(
      'event-example',
      event.place,
      'has no example, and no example could be made from its schema. Add examples: [{ payload: { … } }].',
    );
  return [{ name: 'generated', summary: 'Made from the schema.', payload: wrap(sample ?? {}) }];
}
