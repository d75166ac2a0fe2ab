/**
 * Emits `types.ts`: every schema of the contract as a type, the unions of messages, and maps from wire names to types.
 *
 * json-schema-to-typescript compiles all schemas together, as one bundled schema. If it compiled them one by one, it would
 * declare shared schemas several times. Then every property and array is made `readonly`, because received messages must
 * not be changed.
 */
import { compile } from 'json-schema-to-typescript';
import type { Contract, Event, Schema } from '../model.ts';
import { finalName, schemaName } from '../model.ts';
import { typeNameOf } from '../names.ts';
import { readonlyArrays } from './readonly-arrays.ts';
import { banner, doc, key, quote, union } from './text.ts';

const STYLE = { singleQuote: true, printWidth: 120 };
/**
 * The name of a schema that has every other schema as an optional property, so that the compiler emits all of them. It
 * is removed from the output.
 */
const ROOT = 'TidemarkContractRoot';

export async function emitTypes(contract: Contract): Promise<string> {
  const schemas = await compileSchemas(contract);
  return [
    banner('The types of all messages and payloads, one per schema of the contract.'),
    schemas,
    emitUnions(contract),
    emitMaps(contract),
  ].join('\n');
}

async function compileSchemas(contract: Contract): Promise<string> {
  // The compiler gives each schema only one name, so a second name (a schema that is only a reference) is added
  // afterwards.
  const [aliases, own] = partition(Object.entries(contract.schemas));
  const definitions = Object.fromEntries(own.map(([name, schema]) => [typeNameOf(name), toDraft4(schema, contract)]));
  const properties = Object.fromEntries(own.map(([name]) => [typeNameOf(name), reference(name, contract)]));
  const bundled = { type: 'object' as const, additionalProperties: false, properties, definitions };
  const text = await compile(bundled, ROOT, {
    additionalProperties: false,
    bannerComment: '',
    cwd: '/',
    declareExternallyReferenced: true,
    ignoreMinAndMaxItems: true,
    style: STYLE,
    unknownAny: true,
  });
  return makeReadonly(cutRoot(text)) + aliases.map(([name, schema]) => emitAlias(name, schema)).join('');
}

type Entry = readonly [name: string, schema: Schema];

function partition(entries: readonly Entry[]): readonly [aliases: readonly Entry[], own: readonly Entry[]] {
  const isAlias = ([, { $ref }]: Entry): boolean => $ref !== undefined;
  return [entries.filter(isAlias), entries.filter((each) => !isAlias(each))];
}

function emitAlias(name: string, { $ref = '' }: Schema): string {
  const target = schemaName($ref);
  return `/** Alias of ${target}. */\nexport type ${typeNameOf(name)} = ${typeNameOf(target)};\n`;
}

function reference(name: string, { schemas }: Contract): { readonly $ref: string } {
  return { $ref: `#/definitions/${typeNameOf(finalName(schemas, name))}` };
}

function cutRoot(text: string): string {
  const start = text.indexOf(`export interface ${ROOT} {`);
  return text.slice(0, start) + text.slice(text.indexOf('\n}\n', start) + 3);
}

/**
 * Keywords that determine the type. A schema without any of them accepts values of every type, but the compiler would
 * treat it as an object.
 */
const SHAPES = ['type', 'const', 'enum', 'properties', 'additionalProperties', 'items', 'oneOf', 'anyOf'] as const;

/**
 * A copy of a schema for the compiler. Its references lead to definitions. Our own annotations, and bounds that no type can
 * express, are left out.
 */
function toDraft4(schema: Schema, contract: Contract): Record<string, unknown> {
  if (schema.$ref !== undefined) return reference(schemaName(schema.$ref), contract);
  const inner = (each: Schema): Record<string, unknown> => toDraft4(each, contract);
  const { properties, items, oneOf, anyOf } = schema;
  const { description, type, const: constant, enum: values, required } = schema;
  return defined({
    description: description?.replaceAll('*/', '*∕'),
    type,
    const: constant,
    enum: values,
    required,
    properties: properties && Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, inner(each)])),
    items: items && inner(items),
    oneOf: oneOf?.map(inner),
    anyOf: anyOf?.map(inner),
    additionalProperties: additional(schema, inner),
    tsType: SHAPES.some((keyword) => schema[keyword] !== undefined) ? undefined : 'unknown',
  });
}

/**
 * The schema of additional members. In TypeScript, an index signature must also match the declared members, so its type
 * is `unknown` if the object declares members.
 */
function additional({ additionalProperties, properties = {} }: Schema, inner: (schema: Schema) => unknown): unknown {
  if (typeof additionalProperties !== 'object') return additionalProperties;
  return Object.keys(properties).length > 0 ? true : inner(additionalProperties);
}

function defined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
}

/**
 * Makes every member `readonly`. Expects the layout of prettier: one member per line, and comment lines that begin with
 * ` *`.
 */
function makeReadonly(text: string): string {
  return readonlyArrays(text)
    .replaceAll(/^export interface (\w+) \{\}$/gm, 'export type $1 = Readonly<Record<string, never>>;')
    .replaceAll(/^\/\*\*\n \* (.*)\n \*\/$/gm, '/** $1 */')
    .replaceAll(/^( +)\/\*\*\n +\* (.*)\n +\*\/$/gm, '$1/** $2 */')
    .replaceAll(/^( +)((?:[\p{ID_Continue}$]+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\??:(?= |$))/gmu, '$1readonly $2')
    .replaceAll(/^( +)(\[k: string\]: )/gm, '$1readonly $2');
}

function emitUnions(contract: Contract): string {
  const schemaOf = (message: string): string => typeNameOf(contract.messages[message]?.schema ?? message);
  const commands = contract.commands.map(({ name }) => schemaOf(name));
  const replies = [...new Set([...contract.commands.map(({ reply }) => schemaOf(reply)), schemaOf('error')])];
  const pushes = contract.pushes
    .filter(({ name }) => name !== 'event')
    .flatMap(({ messages }) => messages.map(schemaOf));
  return [
    union('CommandMessage', commands, 'The messages that a client sends.'),
    union('ReplyMessage', replies, "The server's reply to a command: success or error (ENV-3)."),
    union(
      'DeclaredEventMessage',
      contract.events.map(({ messageSchema }) => typeNameOf(messageSchema)),
      'An event that the contract declares; `data.event` is its name.',
    ),
    union(
      'EventMessage',
      ['DeclaredEventMessage', typeNameOf(contract.customEvent.messageSchema)],
      'Any event, declared or custom (EVT-4).',
    ),
    union('PushMessage', [...pushes, 'EventMessage'], 'The messages that the server sends without a command.'),
    union('ServerMessage', ['ReplyMessage', 'PushMessage'], 'The messages that a client receives.'),
    union(
      'DeclaredEvent',
      contract.events.map(({ schema }) => typeNameOf(schema)),
      '`data` of a declared event; `event` is its name.',
    ),
    union('AnyEvent', ['DeclaredEvent', typeNameOf(contract.customEvent.schema)], '`data` of any event.'),
  ].join('\n');
}

function emitMaps(contract: Contract): string {
  const map = (name: string, text: string, entries: readonly (readonly [string, string])[]): string =>
    [
      doc(text),
      `export interface ${name} {`,
      ...entries.map(([from, to]) => `  readonly ${key(from)}: ${to};`),
      '}',
      '',
    ].join('\n');
  const { commands, pushes, events } = contract;
  const dataOf = (push: string): string => `Extract<PushMessage, { readonly type: ${quote(push)} }>['data']`;
  const entry = (pick: (event: Event) => string) =>
    events.map((event) => [event.name, typeNameOf(pick(event))] as const);
  return [
    map(
      'CommandDataMap',
      '`data` of each command.',
      commands.map(({ name, data }) => [name, typeNameOf(data)]),
    ),
    map(
      'ReplyDataMap',
      "`data` of each command's success reply, by command.",
      commands.map(({ name, replyData }) => [name, typeNameOf(replyData)]),
    ),
    map(
      'PushDataMap',
      '`data` of each push.',
      pushes.map(({ name }) => [name, name === 'event' ? 'AnyEvent' : dataOf(name)]),
    ),
    map(
      'EventMap',
      "`data` of each declared event, by the event's name.",
      entry(({ schema }) => schema),
    ),
    map(
      'PayloadMap',
      "Payload of each declared event, by the event's name.",
      entry(({ payload }) => payload),
    ),
  ].join('\n');
}
