/** What the reference tells, in which order, whatever it is written in. */
import type { Command, Contract, Event, Example, HttpOperation, Message, Push, Schema } from '../../model.ts';
import { resolveSchema } from '../../model.ts';
import type { Row } from './fields.ts';
import { isSimple, rowsOf } from './fields.ts';

/** A table of fields with the messages that show them. */
export interface Shape {
  readonly title: string;
  readonly text: string;
  readonly rows: readonly Row[];
  readonly examples: readonly Example[];
  /** Pointer → error code. */
  readonly errorPointers: Readonly<Record<string, string>>;
  /** Stands before the path of a row in its anchor. */
  readonly anchor: string;
}

/** Where a name of the contract leads in the repository. */
export interface Places {
  readonly handler?: string;
  readonly types: readonly string[];
  readonly tapes: string;
}

export interface Topic {
  readonly name: string;
  readonly kind: 'command' | 'push' | 'event' | 'http';
  readonly anchor: string;
  readonly summary: string;
  readonly description: string;
  /** Facts in a word or two. */
  readonly badges: readonly string[];
  readonly scopes: readonly string[];
  readonly clauses: readonly string[];
  readonly places: Places;
  readonly shapes: readonly Shape[];
  readonly event?: Event;
}

const NO_EXAMPLES: readonly Example[] = [];

function messageOf(contract: Contract, name: string): Message {
  const message = contract.messages[name];
  if (message === undefined) throw new Error(`There is no message ${name}.`);
  return message;
}

function dataOf(contract: Contract, schema: string): Schema {
  const whole = resolveSchema(contract, { $ref: `#/components/schemas/${schema}` });
  return whole.properties?.['data'] ?? whole;
}

function shapeOf(
  contract: Contract,
  name: string,
  { title, anchor }: { readonly title: string; readonly anchor: string },
): Shape {
  const { schema, description, examples, errorPointers } = messageOf(contract, name);
  return {
    title,
    text: description,
    rows: rowsOf(contract, dataOf(contract, schema)),
    examples,
    errorPointers,
    anchor,
  };
}

export function commandTopic(contract: Contract, command: Command): Topic {
  const { name, reply, summary, description, scopes, requirements } = command;
  const types = [messageOf(contract, name).schema, messageOf(contract, reply).schema];
  return {
    name,
    kind: 'command',
    anchor: name,
    summary,
    description,
    badges: [`answers ${reply}`],
    scopes,
    clauses: requirements,
    places: { handler: `src/handlers/${name}.ts`, types, tapes: `conformance/tapes/${name}/` },
    shapes: [
      shapeOf(contract, name, { title: `${name} data`, anchor: `${name}.data` }),
      shapeOf(contract, reply, { title: `${reply} data`, anchor: `${reply}.data` }),
    ],
  };
}

export function pushTopic(contract: Contract, push: Push): Topic {
  const { name, summary, description, requirements } = push;
  const [first = ''] = push.messages;
  const { schema } = messageOf(contract, push.name === 'event' ? first : name);
  const shape: Shape =
    name === 'event'
      ? {
          ...shapeOf(contract, first, { title: 'event data', anchor: 'event.data' }),
          text: '',
          rows: envelopeRows(contract),
          examples: NO_EXAMPLES,
        }
      : shapeOf(contract, name, { title: `${name} data`, anchor: `${name}.data` });
  return {
    name,
    kind: 'push',
    anchor: name,
    summary,
    description,
    badges: [],
    scopes: [],
    clauses: requirements,
    places: { types: name === 'event' ? ['EventMessage'] : [schema], tapes: `conformance/tapes/${name}/` },
    shapes: [shape],
  };
}

/** What all events have in common; the payload is told with each of them. */
function envelopeRows(contract: Contract): Row[] {
  const schema = dataOf(contract, contract.customEvent.messageSchema);
  return rowsOf(contract, schema).filter(({ path }) => !path.startsWith('payload.'));
}

export function eventTopic(contract: Contract, event: Event): Topic {
  const { summary, description, examples, requirements } = messageOf(contract, event.message);
  const payload = { $ref: `#/components/schemas/${event.payload}` };
  return {
    name: event.name === '*' ? event.message : event.name,
    kind: 'event',
    anchor: event.message,
    summary,
    description,
    badges: [`warm replay: ${event.replay.policy}`],
    scopes: [],
    clauses: requirements,
    places: { types: [event.messageSchema, event.payload], tapes: 'conformance/tapes/event/' },
    shapes: [
      {
        title: 'payload',
        text: resolveSchema(contract, payload).description ?? '',
        rows: rowsOf(contract, payload),
        examples,
        errorPointers: {},
        anchor: `${event.message}.payload`,
      },
    ],
    event,
  };
}

export function httpTopic(contract: Contract, operation: HttpOperation): Topic {
  const { name, method, path, summary, description, scopes, requirements, query, request, replies } = operation;
  const bodies = [request, ...replies].filter((each) => each !== 'error' && each !== 'empty' && each !== 'text');
  const shapes = bodies.map((each) =>
    shapeOf(contract, each, { title: each === request ? 'request body' : 'response body', anchor: `${name}.${each}` }),
  );
  const parameters: Shape[] =
    query === undefined
      ? []
      : [
          {
            title: 'query',
            text: '',
            rows: rowsOf(contract, query),
            examples: NO_EXAMPLES,
            errorPointers: {},
            anchor: `${name}.query`,
          },
        ];
  return {
    name,
    kind: 'http',
    anchor: name,
    summary,
    description,
    badges: [`${method} ${path}`],
    scopes,
    clauses: requirements,
    places: { types: bodies.map((each) => messageOf(contract, each).schema), tapes: `conformance/tapes/${name}/` },
    shapes: [...parameters, ...shapes],
  };
}

/** Types that tables link to. */
export function simpleTypes(contract: Contract): readonly (readonly [string, Schema])[] {
  return Object.entries(contract.schemas).filter(([, schema]) => isSimple(contract, schema));
}

/** Clause → where it is cited, as anchors. */
export function citations(contract: Contract): ReadonlyMap<string, readonly string[]> {
  const cited = new Map<string, string[]>();
  const note = (anchor: string, clauses: readonly string[]): void => {
    for (const clause of clauses) cited.set(clause, [...(cited.get(clause) ?? []), anchor]);
  };
  const { connection, commands, pushes, events, customEvent, http, messages } = contract;
  note('connection', connection.requirements);
  for (const { name, requirements } of [...commands, ...pushes]) note(name, requirements);
  for (const { message } of [...events, customEvent]) note(message, messages[message]?.requirements ?? []);
  for (const { name, requirements } of http) note(name, requirements);
  return cited;
}
