/**
 * Makes tapes for a user's own events from the contract that declares them. The tapes check that a valid payload is
 * delivered, that an invalid payload is rejected with a pointer, that each filter field of the event has an effect, and
 * that its replay policy is applied.
 */
import type { ClauseId } from '../../generated/protocol.ts';
import { EVENTS, HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { EventSpec, FilterKind } from '../filters/declared-events.ts';
import { isArray, isObject, valueAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Step, StimEvent, Tape, TapeHeader } from './tape.ts';
import { enumeratedValues } from './enumerated-values.ts';
import { invalidPayloads } from './invalid-payloads.ts';
import type { Schema, Schemas } from './invalid-payloads.ts';

export interface OwnEvent extends EventSpec {
  readonly name: string;
  /** Valid payloads: the contract's examples. */
  readonly payloads: readonly JsonObject[];
  readonly schema: Schema;
}

export interface OwnContract {
  readonly events: readonly OwnEvent[];
  /** The filter fields of the contract. */
  readonly filters: ReadonlyMap<string, FilterKind>;
  readonly schemas: Schemas;
}

const ACTOR = 'alice';
const FENCE = 'suite.fence';
const ELSEWHERE = 'suite-elsewhere';

interface Checked {
  readonly event: OwnEvent;
  readonly contract: OwnContract;
  readonly payload: JsonObject;
  /** Each check has its own stream, so that the sequenceIds in one check do not depend on the others. */
  readonly stream: string;
}

export function ownEventTapes(contract: OwnContract): readonly Tape[] {
  return contract.events.flatMap((event, at) => {
    const [payload] = event.payloads;
    if (payload === undefined) return [];
    const checked = (check: string): Checked => ({
      event,
      contract,
      payload,
      stream: `workspace:\${nonce}-${at}${check}`,
    });
    return [
      payloadTape(checked('p')),
      ...Object.keys(event.filterable).flatMap((field, index) => filterTape(field, checked(`f${index}`))),
      ...misspeltTape(checked('m')),
      replayTape(checked('r')),
    ];
  });
}

type Head = Pick<TapeHeader, 'clauses' | 'why'> & { readonly needs?: readonly string[]; readonly check: string };

function tapeOf({ event }: Checked, { check, clauses, why, needs = [] }: Head, steps: readonly Step[]): Tape {
  const id = `own/${event.name}/${check}`;
  const stimulus = steps.some(({ verb }) => verb === 'stim') ? 'publish' : 'none';
  return {
    header: { tape: 1, id, clauses, level: 'must', needs, stimulus, why, actors: { [ACTOR]: {} } },
    steps: steps.map((step, index) => ({ ...step, line: index + 1 })),
    file: `${event.name} of the contract`,
  };
}

function subscribe(id: string, data: JsonObject): readonly Step[] {
  return [
    { verb: 'send', as: ACTOR, message: { type: 'subscribe', id, data: { subscriptionId: id, ...data } }, line: 0 },
    { verb: 'recv', as: ACTOR, pattern: { type: 'subscribed', id }, line: 0 },
  ];
}

const open: Step = { verb: 'open', as: ACTOR, line: 0 };

function payloadTape(checked: Checked): Tape {
  const { event, contract, payload, stream } = checked;
  const { method, path } = HTTP_OPERATIONS.post_broadcast;
  const post = (body: JsonObject, expect: Json): Step => ({
    verb: 'http',
    request: { method, path, body: { stream, event: event.name, payload: body } },
    expect,
    line: 0,
  });
  const refused = invalidPayloads(event.schema, payload, contract.schemas).map(({ payload: body, pointer }) =>
    post(body, {
      status: 422,
      body: { type: 'error', data: { code: 'payload_invalid', pointer: `/payload${pointer}` } },
    }),
  );
  const isEvent = (fitting: JsonObject): Json => ({ type: 'event', data: { event: event.name, payload: fitting } });
  const steps = [
    open,
    ...subscribe('s1', { stream, events: [event.name], replay: { mode: 'none' } }),
    ...refused,
    // A rejected event gets no sequenceId, so the first valid event has sequenceId 1.
    post(payload, { status: 200, body: { sequenceId: 1 } }),
    ...event.payloads.slice(1).map((each) => post(each, { status: 200 })),
    ...event.payloads.map((each): Step => ({ verb: 'recv', as: ACTOR, pattern: isEvent(each), line: 0 })),
  ];
  const why = `A valid ${event.name} is delivered; an invalid one is refused with a pointer, and not stored.`;
  return tapeOf(checked, { check: 'payload', clauses: ['EVT-3'], needs: ['http'], why }, steps);
}

interface WantedValues {
  /** A value that the payload has. */
  readonly met: string;
  /** A value that the payload does not have. Undefined if the payload has all possible values. */
  readonly unmet: string | undefined;
  /** All possible values, if the schema enumerates them. */
  readonly allowed?: readonly string[];
}

function wantedValues(field: string, { event, contract, payload }: Checked): WantedValues | undefined {
  const kind = contract.filters.get(field);
  const values = (event.filterable[field] ?? []).flatMap((pointer) => {
    const value = valueAt({ payload }, pointer) ?? null;
    return (isArray(value) ? value : [value]).filter((each) => typeof each === 'string');
  });
  const [value] = values;
  // No tape is made if the example payload has no string to filter by. A filter on the source gets no tape either, because
  // the source is not part of the payload.
  if (kind === undefined || value === undefined || value === '') return undefined;
  const allowed = enumeratedValues(event.schema, event.filterable[field] ?? [], contract.schemas);
  if (allowed !== undefined) return { met: value, unmet: allowed.find((each) => !values.includes(each)), allowed };
  if (kind === 'exact') return { met: value, unmet: `${ELSEWHERE}-${value}`.slice(0, 200) };
  if (kind === 'path')
    return /^[\w./-]+$/.test(value) && !value.startsWith('/') ? { met: value, unmet: ELSEWHERE } : undefined;
  const extension = /\.\w+$/.exec(value)?.[0];
  return extension === undefined ? undefined : { met: extension, unmet: '.suite' };
}

function filterTape(field: string, checked: Checked): readonly Tape[] {
  const { event, payload, stream } = checked;
  const wanted = wantedValues(field, checked);
  if (wanted === undefined) return [];
  const made = (subscription: string): Json => ({
    type: 'event',
    data: { eventId: { $ref: 'made/0/eventId' }, subscriptionIds: { $contains: [subscription] } },
  });
  const follow = (id: string, value: string): readonly Step[] =>
    subscribe(id, { stream, events: [event.name], filter: { [field]: [value] }, replay: { mode: 'none' } });
  const events: readonly StimEvent[] = [
    { stream, event: event.name, payload },
    { stream, event: FENCE, payload: {} },
  ];
  const fence = { type: 'event', data: { event: FENCE } };
  const steps: readonly Step[] = [
    open,
    ...(wanted.allowed === undefined ? [] : refusedValue(checked, field, wanted.allowed)),
    ...follow('met', wanted.met),
    ...(wanted.unmet === undefined ? [] : follow('unmet', wanted.unmet)),
    ...subscribe('fence', { stream, events: [FENCE], replay: { mode: 'none' } }),
    { verb: 'stim', events, bind: 'made', line: 0 },
    {
      verb: 'par',
      branches: [
        [{ verb: 'recv', as: ACTOR, pattern: made('met'), line: 0 }],
        [
          wanted.unmet === undefined
            ? { verb: 'recv', as: ACTOR, pattern: fence, line: 0 }
            : { verb: 'never', as: ACTOR, pattern: made('unmet'), until: fence, line: 0 },
        ],
      ],
      line: 0,
    },
  ];
  const why = `A filter on ${field} delivers exactly the ${event.name} events whose ${field} has one of the values of the filter.`;
  return [tapeOf(checked, { check: `filter-${field}`, clauses: ['SUB-4'], why }, steps)];
}

/** Subscribes with a value outside an enumeration, and expects the error that lists the allowed values. */
function refusedValue({ event, stream }: Checked, field: string, allowed: readonly string[]): readonly Step[] {
  const data = { stream, events: [event.name], filter: { [field]: [ELSEWHERE] } };
  const error = {
    code: 'filter_invalid',
    pointer: `/data/filter/${field}/0`,
    details: { allowed: { $unordered: [...allowed] } },
  };
  return [
    { verb: 'send', as: ACTOR, message: { type: 'subscribe', id: 'outside', data }, line: 0 },
    { verb: 'recv', as: ACTOR, pattern: { type: 'error', id: 'outside', data: error }, line: 0 },
  ];
}

const LONGEST_NAME = 128;
const SHORTEST_HINTED = 4;

/** Subscribes to the name with one more letter. The server must treat this as a misspelt name (SUB-7). */
function misspeltTape(checked: Checked): readonly Tape[] {
  const { event, contract, stream } = checked;
  const declared = [...Object.keys(EVENTS), ...contract.events.map(({ name }) => name)];
  const misspelt = ['s', 'x'].map((letter) => `${event.name}${letter}`).find((name) => !declared.includes(name));
  if (misspelt === undefined || misspelt.length > LONGEST_NAME || event.name.length < SHORTEST_HINTED) return [];
  const hints = (pointer: string): Json => [{ pointer, message: { $type: 'string' }, suggestion: { $in: declared } }];
  const { method, path } = HTTP_OPERATIONS.post_broadcast;
  const steps: readonly Step[] = [
    open,
    {
      verb: 'send',
      as: ACTOR,
      message: { type: 'subscribe', id: 's1', data: { stream, events: [misspelt], replay: { mode: 'none' } } },
      line: 0,
    },
    {
      verb: 'recv',
      as: ACTOR,
      pattern: { type: 'subscribed', id: 's1', data: { hints: hints('/data/events/0') } },
      line: 0,
    },
    {
      verb: 'http',
      request: { method, path, body: { stream, event: misspelt, payload: {} } },
      expect: { status: 200, body: { hints: hints('/event') } },
      line: 0,
    },
  ];
  const why = `${misspelt} is a custom event, and the replies suggest ${event.name}.`;
  return [tapeOf(checked, { check: 'misspelt', clauses: ['SUB-7'], needs: ['http'], why }, steps)];
}

/** Events to publish, and the indices of the events that a warm replay must then contain. */
function replayCase({ event, payload, contract }: Checked): {
  readonly payloads: readonly JsonObject[];
  readonly kept: readonly number[];
} {
  const { policy, key = '', clears } = event.replay;
  const thrice = [payload, payload, payload];
  if (policy === 'none' || clears === true) return { payloads: thrice, kept: [] };
  if (policy === 'log') return { payloads: thrice, kept: [0, 1, 2] };
  if (policy === 'latest') return { payloads: thrice, kept: [2] };
  const other = withOtherKey(payload, key, event.schema, contract.schemas);
  return other === undefined ? { payloads: thrice, kept: [2] } : { payloads: [payload, other, payload], kept: [1, 2] };
}

/** Makes a copy of the payload with another key. Undefined if no other key that the schema allows can be found easily. */
function withOtherKey(payload: JsonObject, key: string, schema: Schema, schemas: Schemas): JsonObject | undefined {
  const [, first = '', ...rest] = key.split('/').slice(1);
  const member = schema.properties?.[first];
  const name = member?.$ref?.slice(member.$ref.lastIndexOf('/') + 1);
  const {
    type,
    enum: values,
    pattern,
    format,
    const: constant,
    maxLength = Number.MAX_SAFE_INTEGER,
  } = (name === undefined ? member : schemas[name]) ?? {};
  const value = payload[first];
  if (rest.length > 0 || type !== 'string' || typeof value !== 'string') return undefined;
  if (constant !== undefined || pattern !== undefined || format !== undefined) return undefined;
  const other = values === undefined ? `${value}2` : values.find((each) => each !== value);
  return typeof other === 'string' && other.length <= maxLength ? { ...payload, [first]: other } : undefined;
}

function replayTape(checked: Checked): Tape {
  const { event, stream } = checked;
  const { payloads, kept } = replayCase(checked);
  const steps: readonly Step[] = [
    open,
    {
      verb: 'stim',
      events: payloads.map((payload) => ({ stream, event: event.name, payload })),
      bind: 'made',
      line: 0,
    },
    ...subscribe('s1', { stream, events: [event.name], replay: { mode: 'warm' } }),
    ...kept.map((at): Step => ({
      verb: 'recv',
      as: ACTOR,
      pattern: {
        type: 'event',
        data: { eventId: { $ref: `made/${at}/eventId` }, isReplay: true, replayReason: 'warm' },
      },
      line: 0,
    })),
    { verb: 'recv', as: ACTOR, pattern: { type: 'replay_complete', data: { count: kept.length } }, line: 0 },
  ];
  const clauses: readonly ClauseId[] = ['RPL-3'];
  const why = `A warm replay contains the ${event.name} events that its replay policy (${event.replay.policy}) selects.`;
  const needs = [`policy:${event.name}=${event.replay.policy}`];
  return tapeOf(checked, { check: 'replay', clauses, needs, why }, steps);
}

/**
 * Reads the merged contract from the `contract.json` that `tidemark contract build` wrote, and finds the events that
 * the suite does not know.
 * @throws {TypeError} when the value is not a contract
 */
export function readOwnContract(contract: Json, known: (event: string) => boolean): OwnContract {
  const messages = partOf(contract, 'components', 'messages');
  const schemas = partOf(contract, 'components', 'schemas') as unknown as Schemas;
  const events = Object.values(messages).flatMap((message) => {
    if (!isObject(message) || typeof message['x-event'] !== 'string' || message['x-event'] === '*') return [];
    const name = message['x-event'];
    if (known(name)) return [];
    const examples = isArray(message['examples'] ?? null) ? (message['examples'] as readonly Json[]) : [];
    return [
      {
        name,
        replay: message['x-replay'] as unknown as OwnEvent['replay'],
        filterable: message['x-filterable'] as unknown as OwnEvent['filterable'],
        payloads: examples
          .map((each) => valueAt(each, '/payload/data/payload') ?? null)
          .filter((each) => isObject(each)),
        schema: schemas[typeof message['x-payload'] === 'string' ? message['x-payload'] : ''] ?? {},
      },
    ];
  });
  const filters = Object.entries(partOf(contract, 'x-filters')).map(
    ([field, value]) => [field, valueAt(value, '/kind') as FilterKind] as const,
  );
  return { events, filters: new Map(filters), schemas };
}

function partOf(value: Json, ...keys: readonly string[]): JsonObject {
  let found: Json = value;
  for (const key of keys) found = (isObject(found) ? found[key] : undefined) ?? null;
  if (!isObject(found)) throw new TypeError(`The file has no ${keys.join('.')}, so it is not a Tidemark contract.`);
  return found;
}
