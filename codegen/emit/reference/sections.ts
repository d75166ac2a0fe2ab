/** The content of the reference for each operation and event, in order, independent of HTML or Markdown. */
import type { Command, Contract, Event, Example, HttpOperation, Message, Push, Schema } from '../../model.ts';
import { resolveSchema } from '../../model.ts';
import type { Row, RowOptions } from './fields.ts';
import { isSimple, rowsOf } from './fields.ts';

/** A name of the contract or a place in the repository. */
export interface Mention {
  readonly text: string;
  /** Anchor of the section about this name on the page. */
  readonly anchor?: string;
  /** Path of the mentioned file from the root of the repository. */
  readonly file?: string;
  /** Text after the mention. */
  readonly note?: string;
}

export interface Fact {
  readonly term: string;
  readonly mentions: readonly Mention[];
}

/** A table of fields, with example messages. */
export interface Shape {
  readonly title: string;
  readonly text: string;
  readonly rows: readonly Row[];
  readonly examples: readonly Example[];
  /** The error code of an invalid value, by the pointer to the value. */
  readonly errorPointers: Readonly<Record<string, string>>;
  /** Prefix of the rows' anchors. */
  readonly prefix: string;
  /** Anchor of the heading, if it has one. */
  readonly anchor?: string;
}

export interface Topic {
  readonly name: string;
  readonly anchor: string;
  readonly kind: 'command' | 'push' | 'event' | 'http';
  readonly summary: string;
  readonly description: string;
  readonly facts: readonly Fact[];
  readonly clauses: readonly string[];
  readonly shapes: readonly Shape[];
}

export interface Group {
  readonly anchor: string;
  readonly title: string;
  readonly lead: string;
  readonly topics: readonly Topic[];
}

export function groupsOf(contract: Contract): readonly Group[] {
  const { commands, pushes, events, customEvent, http } = contract;
  return [
    {
      anchor: 'commands',
      title: 'Commands',
      lead: 'Sent by the client. Each command gets exactly one reply, or an `error`.',
      topics: commands.map((each) => commandTopic(contract, each)),
    },
    {
      anchor: 'pushes',
      title: 'Pushes',
      lead: 'Sent by the server without a command. They have no `id`.',
      topics: pushes.map((each) => pushTopic(contract, each)),
    },
    {
      anchor: 'events',
      title: 'Events',
      lead: 'The items of streams: the payloads of `event` messages, distinguished by `data.event`.',
      topics: [...events, customEvent].map((each) => eventTopic(contract, each)),
    },
    {
      anchor: 'http',
      title: 'HTTP',
      lead: 'For operators and for programs without a WebSocket. JSON bodies are objects without an envelope.',
      topics: http.map((each) => httpTopic(contract, each)),
    },
  ];
}

const NO_EXAMPLES: readonly Example[] = [];

function messageOf(contract: Contract, name: string): Message {
  const message = contract.messages[name];
  if (message === undefined) throw new Error(`The contract has no message ${name}.`);
  return message;
}

function dataOf(contract: Contract, schema: string): Schema {
  const whole = resolveSchema(contract, { $ref: `#/components/schemas/${schema}` });
  return whole.properties?.['data'] ?? whole;
}

interface ShapeOptions extends RowOptions {
  readonly title: string;
  readonly prefix: string;
  readonly anchor?: string;
}

function shapeOf(contract: Contract, name: string, options: ShapeOptions): Shape {
  const { title, prefix, anchor, listed } = options;
  const { schema, description, examples, errorPointers } = messageOf(contract, name);
  return {
    title,
    text: description,
    rows: rowsOf(contract, dataOf(contract, schema), { listed }),
    examples,
    errorPointers,
    prefix,
    ...(anchor === undefined ? {} : { anchor }),
  };
}

/** The table of the error message, which is the reply to a command that failed. */
export function errorShape(contract: Contract): Shape {
  return shapeOf(contract, 'error', {
    title: 'The error message',
    prefix: 'error.data',
    anchor: 'error',
    listed: 'elsewhere',
  });
}

/** Leaves out facts without mentions. */
function withMentions(facts: readonly Fact[]): readonly Fact[] {
  return facts.filter(({ mentions }) => mentions.length > 0);
}

function scopeFact(scopes: readonly string[]): Fact {
  return { term: 'Scope', mentions: scopes.map((text) => ({ text, anchor: 'scopes' })) };
}

function typesFact(types: readonly string[]): Fact {
  return { term: 'Types', mentions: types.map((text) => ({ text, file: 'generated/types.ts' })) };
}

function fileFact(term: string, path: string): Fact {
  return { term, mentions: [{ text: path, file: path }] };
}

/** The clauses that an operation or one of its messages cites. */
function clausesOf(contract: Contract, own: readonly string[], messages: readonly string[]): readonly string[] {
  return [...new Set([...own, ...messages.flatMap((name) => contract.messages[name]?.requirements ?? [])])];
}

function commandTopic(contract: Contract, command: Command): Topic {
  const { name, reply, summary, description, scopes, requirements } = command;
  return {
    name,
    anchor: name,
    kind: 'command',
    summary,
    description,
    facts: withMentions([
      { term: 'Reply', mentions: [{ text: reply, anchor: reply }] },
      scopeFact(scopes),
      fileFact('Handler', `src/handlers/${name}.ts`),
      typesFact([messageOf(contract, name).schema, messageOf(contract, reply).schema]),
      fileFact('Tapes', `conformance/tapes/${name}/`),
    ]),
    clauses: clausesOf(contract, requirements, [name, reply]),
    shapes: [
      shapeOf(contract, name, { title: 'Fields of data', prefix: `${name}.data`, listed: 'here' }),
      shapeOf(contract, reply, {
        title: `Reply: ${reply}`,
        prefix: `${reply}.data`,
        anchor: reply,
        listed: 'elsewhere',
      }),
    ],
  };
}

function pushTopic(contract: Contract, push: Push): Topic {
  const { name, summary, description, requirements } = push;
  const isEvent = name === 'event';
  const types = [isEvent ? 'EventMessage' : messageOf(contract, name).schema];
  return {
    name,
    anchor: name,
    kind: 'push',
    summary,
    description,
    facts: [typesFact(types), fileFact('Tapes', `conformance/tapes/${name}/`)],
    clauses: clausesOf(contract, requirements, [name]),
    shapes: [
      isEvent
        ? envelope(contract)
        : shapeOf(contract, name, { title: 'Fields of data', prefix: `${name}.data`, listed: 'elsewhere' }),
    ],
  };
}

/** The fields that all events have; the payload is described with each event. */
function envelope(contract: Contract): Shape {
  const schema = dataOf(contract, contract.customEvent.messageSchema);
  return {
    title: 'Fields of data of every event',
    text: '',
    rows: rowsOf(contract, schema).filter(({ path }) => !path.startsWith('payload.')),
    examples: NO_EXAMPLES,
    errorPointers: {},
    prefix: 'event.data',
  };
}

function eventTopic(contract: Contract, event: Event): Topic {
  const { summary, description, examples, requirements } = messageOf(contract, event.message);
  const payload = { $ref: `#/components/schemas/${event.payload}` };
  return {
    name: event.name === '*' ? event.message : event.name,
    anchor: event.message,
    kind: 'event',
    summary,
    description,
    facts: withMentions([
      replayFact(contract, event),
      { term: 'Filters', mentions: Object.entries(event.filterable).map(filterMention) },
      ...streamFact(event),
      typesFact([event.messageSchema, event.payload]),
      fileFact('Tapes', 'conformance/tapes/event/'),
    ]),
    clauses: requirements,
    shapes: [
      {
        title: 'Fields of payload',
        text: resolveSchema(contract, payload).description ?? '',
        rows: rowsOf(contract, payload),
        examples,
        errorPointers: {},
        prefix: `${event.message}.payload`,
      },
    ],
  };
}

function streamFact({ message, stream }: Event): readonly Fact[] {
  if (stream === undefined) return [];
  const text = `${stream.kind}:{${dotted(stream.id)}}`;
  return [{ term: 'Stream', mentions: [{ text, anchor: message, note: 'only' }] }];
}

function replayFact({ replayPolicies }: Contract, { replay: { policy, key, clears } }: Event): Fact {
  const note = [
    replayPolicies[policy] ?? '',
    ...(key === undefined ? [] : [`The key is \`${dotted(key)}\`${clears === true ? '; this event clears it' : ''}.`]),
  ].join(' ');
  return { term: 'Warm replay', mentions: [{ text: policy, anchor: `replay-${policy}`, note }] };
}

function filterMention([field, pointers]: readonly [string, readonly string[]]): Mention {
  return {
    text: field,
    anchor: `filter-${field}`,
    note: `by ${pointers.map((each) => `\`${dotted(each)}\``).join(' or ')}`,
  };
}

/** A pointer in the notation of the tables: `payload.path` for `/payload/path`. */
function dotted(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.');
}

/** Replies without a table: those that are not JSON, and those that are the same for every operation. */
const WITHOUT_TABLE: ReadonlySet<string> = new Set(['error', 'empty', 'text', '']);

function httpTopic(contract: Contract, operation: HttpOperation): Topic {
  const { name, method, path, summary, description, scopes, fullScopes, requirements, query, request, replies } =
    operation;
  const bodies = [request, ...replies].filter((each) => !WITHOUT_TABLE.has(each));
  const parameters = query === undefined ? [] : [queryShape(contract, name, query)];
  return {
    name: `${method} ${path}`,
    anchor: name,
    kind: 'http',
    summary,
    description,
    facts: withMentions([
      scopeFact(scopes),
      { term: 'Scope for the full response', mentions: fullScopes.map((text) => ({ text, anchor: 'scopes' })) },
      fileFact('Handler', 'src/http/routes.ts'),
      typesFact(bodies.map((each) => messageOf(contract, each).schema)),
      fileFact('Tapes', `conformance/tapes/${name}/`),
    ]),
    clauses: clausesOf(contract, requirements, bodies),
    shapes: [
      ...parameters,
      ...bodies.map((each) => {
        const title = each === request ? 'Request body' : 'Response body';
        return shapeOf(contract, each, { title, prefix: `${name}.${each}`, listed: 'elsewhere' });
      }),
    ],
  };
}

function queryShape(contract: Contract, name: string, query: Schema): Shape {
  return {
    title: 'Query',
    text: '',
    rows: rowsOf(contract, query),
    examples: NO_EXAMPLES,
    errorPointers: {},
    prefix: `${name}.query`,
  };
}

/** The types that tables link to. */
export function simpleTypes(contract: Contract): readonly (readonly [string, Schema])[] {
  return Object.entries(contract.schemas).filter(([, schema]) => isSimple(contract, schema));
}

/** For each clause, the anchors of the operations that cite it, directly or through one of their messages. */
export function citations(contract: Contract): ReadonlyMap<string, ReadonlySet<string>> {
  const cited = new Map<string, Set<string>>();
  const note = (anchor: string, clauses: readonly string[]): void => {
    for (const clause of clauses) cited.set(clause, (cited.get(clause) ?? new Set()).add(anchor));
  };
  const { connection, commands, pushes, events, customEvent, http, messages } = contract;
  const noteMessage = (anchor: string, message: string): void => note(anchor, messages[message]?.requirements ?? []);
  note('connection', connection.requirements);
  for (const { name, reply, requirements } of commands) {
    note(name, requirements);
    noteMessage(name, name);
    noteMessage(reply, reply);
  }
  for (const { name, requirements } of pushes) {
    note(name, requirements);
    noteMessage(name, name);
  }
  for (const { message } of [...events, customEvent]) noteMessage(message, message);
  for (const { name, requirements } of http) note(name, requirements);
  noteMessage('error', 'error');
  return cited;
}
