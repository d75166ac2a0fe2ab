/**
 * Makes a {@link Contract} from `asyncapi.yaml`: reads the file, checks it, and flattens it. No other file imports the
 * AsyncAPI parser.
 *
 * The parser checks whether the file is AsyncAPI; the house rules check what AsyncAPI does not define. The model is
 * made from the file itself, not from the parser's document: the parser replaces references with their targets, so the
 * names in the references are lost.
 */
import { createHash } from 'node:crypto';
import type { AsyncAPIDocumentInterface } from '@asyncapi/parser';
import { bundle } from './bundle/bundle.ts';
import { checkExtensions } from './extensions.ts';
import type { Command, Contract, Event, HttpOperation, Message, Push, Schema } from './model.ts';
import { resolveSchema, schemaName } from './model.ts';
import { enumeratedFields } from './enumerated.ts';
import { CONNECTION, messageName, refName } from './raw.ts';
import type { RawContract, RawMessage, RawOperation } from './raw.ts';
import { resolveReferences } from './references.ts';
import { lint } from './rules.ts';
import { readSource } from './files.ts';
import { contractError } from './source.ts';
import type { Finding, Source } from './source.ts';
import { checkVersion, specificationFindings } from './specification.ts';

export type { AsyncAPIDocumentInterface };

export interface LoadedContract {
  readonly contract: Contract;
  /** The parser's document, for AsyncAPI tools. */
  readonly document: AsyncAPIDocumentInterface;
}

/** Reads and checks a contract. @throws {ContractError} with file, line, pointer and remedy of every fault. */
export async function loadContract(file: string): Promise<LoadedContract> {
  return parseContract((await bundle(await readSource(file))).source);
}

/** @throws {ContractError} in the same cases as {@link loadContract}. */
export async function parseContract(source: Source): Promise<LoadedContract> {
  // The house rules run first, because they point to the line at fault, while the parser often reports only
  // consequences.
  const contract = checkContract(source);
  const document = await parseDocument(source);
  contracts.set(document.json(), contract);
  return { contract, document };
}

/** Checks the house rules without the AsyncAPI parser, for a contract merged from valid documents. @throws {ContractError} */
export function checkContract(written: Source): Contract {
  refuse(written, checkVersion(written));
  const { value, findings } = resolveReferences(written);
  refuse(written, findings);
  const source: Source = { ...written, value };
  refuse(source, checkExtensions(source));
  refuse(source, lint(source));
  return flatten(value as RawContract, canonicalJson(written.value));
}

/** The contract of each parsed document. AsyncAPI tools pass only the document to a template, so the template needs this map. */
const contracts = new WeakMap<object, Contract>();

/** @throws {Error} on a document that {@link parseContract} did not make. */
export function contractOf(document: AsyncAPIDocumentInterface): Contract {
  const contract = contracts.get(document.json());
  if (contract === undefined) throw new Error('This document does not come from parseContract().');
  return contract;
}

function refuse(source: Source, findings: readonly Finding[]): void {
  // A merge key copies one line to many places. Report an error in this line only once.
  const byText = new Map(findings.toReversed().map((each) => [`${each.line} ${each.text}`, each]));
  const first = new Set(byText.values());
  if (findings.length > 0)
    throw contractError(
      source,
      findings.filter((each) => first.has(each)),
    );
}

async function parseDocument(source: Source): Promise<AsyncAPIDocumentInterface> {
  // The parser is loaded only when it is needed: loading it takes longer than everything else, and own-events documents
  // do not need it.
  const { Parser } = await import('@asyncapi/parser');
  // Parse the raw text, because our own reader accepts some files that other AsyncAPI tools cannot read.
  const { document, diagnostics } = await new Parser().parse(withoutTabs(source.text));
  refuse(source, specificationFindings(source, diagnostics));
  if (document === undefined) throw new Error('The AsyncAPI parser reported no fault but returned no document.');
  return document;
}

/** Replaces tabs in JSON, because the parser reads JSON as YAML and refuses tabs. In JSON, tabs occur only between values. */
function withoutTabs(text: string): string {
  return text.trimStart().startsWith('{') ? text.replaceAll('\t', ' ') : text;
}

/**
 * Formats a value in canonical form: keys sorted, indented by two spaces, one newline at the end. `sha256sum
 * contract.json` prints the digest.
 */
function canonicalJson(value: unknown): string {
  return `${JSON.stringify(value, sortKeys, 2)}\n`;
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))));
}

/** @param text the contract in canonical form, in which references are not replaced */
function flatten(raw: RawContract, text: string): Contract {
  const { schemas } = raw.components;
  const connection = raw.channels[CONNECTION];
  const events = Object.entries(raw.components.messages).flatMap(([name, message]) => eventOf(schemas, name, message));
  const customEvent = events.find(({ name }) => name === '*');
  if (connection === undefined || customEvent === undefined)
    throw new Error('The linter accepted a contract that has no connection or no custom event.');
  return {
    title: raw.info.title,
    version: raw.info.version,
    description: raw.info.description,
    license: raw.info.license.name,
    subprotocol: raw['x-subprotocol'],
    credentialParameters: raw['x-credential-parameters'],
    path: connection.address,
    connection: { description: connection.description, requirements: connection['x-requirements'] ?? [] },
    bundle: text,
    digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
    schemas,
    messages: mapValues(raw.components.messages, messageOf),
    ...operationsOf(raw),
    events: events.filter((event) => event !== customEvent),
    customEvent,
    errors: raw['x-errors'],
    closeCodes: raw['x-close-codes'],
    closeClasses: raw['x-close-classes'],
    limits: raw['x-limits'],
    scopes: raw['x-scopes'],
    filters: raw['x-filters'],
    replayPolicies: raw['x-replay-policies'],
    gapReasons: raw['x-gap-reasons'],
    clauses: raw['x-requirements'],
    tags: Object.fromEntries((raw.info.tags ?? []).map(({ name, description }) => [name, description])),
  };
}

function mapValues<In, Out>(
  record: Readonly<Record<string, In>>,
  change: (value: In, key: string) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}

function messageOf(raw: RawMessage, name: string): Message {
  const { summary, description, payload, examples } = raw;
  return {
    name,
    summary,
    description,
    schema: refName(payload),
    examples,
    requirements: raw['x-requirements'] ?? [],
    errorPointers: raw['x-error-pointers'] ?? {},
    ordered: raw['x-ordered'] ?? false,
  };
}

/** The name of the schema of a message's `data`. */
function dataOf(schemas: Readonly<Record<string, Schema>>, message: RawMessage): string {
  const schema = resolveSchema({ schemas }, message.payload);
  return schemaName(schema.properties?.['data']?.$ref ?? '');
}

function eventOf(schemas: Readonly<Record<string, Schema>>, message: string, raw: RawMessage): Event[] {
  const { 'x-event': name, 'x-payload': payload, 'x-replay': replay, 'x-filterable': filterable } = raw;
  if (name === undefined || payload === undefined || replay === undefined) return [];
  return [
    {
      name,
      message,
      messageSchema: refName(raw.payload),
      schema: dataOf(schemas, raw),
      payload,
      replay,
      filterable: filterable ?? {},
      enumerated: enumeratedFields(schemas, dataOf(schemas, raw), filterable ?? {}),
      stream: raw['x-stream'],
    },
  ];
}

function operationsOf(raw: RawContract): Pick<Contract, 'commands' | 'pushes' | 'http'> {
  const commands: Command[] = [];
  const pushes: Push[] = [];
  const http: HttpOperation[] = [];
  for (const [name, operation] of Object.entries(raw.operations)) {
    if (refName(operation.channel) !== CONNECTION) http.push(httpOf(raw, name, operation));
    else if (operation.action === 'receive') commands.push(commandOf(raw, name, operation));
    else pushes.push({ ...baseOf(name, operation), messages: operation.messages.map((ref) => messageName(raw, ref)) });
  }
  return { commands, pushes, http };
}

function baseOf(
  name: string,
  operation: RawOperation,
): Pick<Command, 'name' | 'summary' | 'description' | 'tags' | 'requirements'> {
  const { summary, description, tags } = operation;
  return {
    name,
    summary,
    description,
    tags: (tags ?? []).map((tag) => tag.name),
    requirements: operation['x-requirements'] ?? [],
  };
}

function repliesOf(raw: RawContract, operation: RawOperation): string[] {
  return (operation.reply?.messages ?? []).map((ref) => messageName(raw, ref));
}

function commandOf(raw: RawContract, name: string, operation: RawOperation): Command {
  const { messages, schemas } = raw.components;
  const reply = repliesOf(raw, operation).find((each) => each !== 'error') ?? '';
  const [asked, answered] = [messages[name], messages[reply]];
  if (asked === undefined || answered === undefined)
    throw new Error(`The command ${name} has no message or no reply, but the linter accepted it.`);
  return {
    ...baseOf(name, operation),
    reply,
    data: dataOf(schemas, asked),
    replyData: dataOf(schemas, answered),
    scopes: operation['x-scopes'] ?? [],
    beforeAuthentication: operation['x-before-authentication'] ?? false,
  };
}

function httpOf(raw: RawContract, name: string, operation: RawOperation): HttpOperation {
  const [request] = operation.messages;
  const binding = operation.bindings?.http;
  const channel = raw.channels[refName(operation.channel)];
  return {
    ...baseOf(name, operation),
    method: binding?.method ?? 'GET',
    path: channel?.address ?? '',
    servesBelow: channel?.['x-serves-below'] ?? false,
    anyOrigin: operation['x-any-origin'] ?? false,
    fullScopes: operation['x-full-scopes'] ?? [],
    query: binding?.query,
    request: request === undefined ? '' : messageName(raw, request),
    replies: repliesOf(raw, operation),
    scopes: operation['x-scopes'] ?? [],
  };
}
