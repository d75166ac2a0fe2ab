/**
 * Makes tapes from `filters.json`. Each group of the table becomes one tape, in which a server must deliver exactly the
 * events that the table lists. The suite's own filter matcher is not used, because a bug in it could hide a bug of the
 * server.
 */
import { readFileSync } from 'node:fs';
import type { ClauseId } from '../../generated/protocol.ts';
import { specOf } from '../filters/declared-events.ts';
import { isArray } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Step, Tape } from './tape.ts';

export interface FilterCase {
  readonly events: readonly string[];
  readonly filter: JsonObject;
  readonly event: string;
  readonly payload: JsonObject;
  readonly source?: string;
  readonly matches: boolean;
}

export interface FilterGroup {
  readonly name: string;
  readonly clauses: readonly ClauseId[];
  readonly why: string;
  readonly cases: readonly FilterCase[];
}

export function filterGroups(): readonly FilterGroup[] {
  const text = readFileSync(new URL('../filters/filters.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly groups: readonly FilterGroup[] }).groups;
}

const STREAM = 'workspace:${nonce}';
const FENCE = 'suite.fence';
const ACTOR = 'alice';

/**
 * A case with the stream on which its event must be published. A session event must be published on the stream of its
 * session (STR-5). The name of that stream is unique to the run.
 */
interface PlacedCase extends FilterCase {
  readonly stream: string;
  readonly index: number;
  readonly line: number;
}

const isText = (value: Json): value is string => typeof value === 'string';
const perRun = (id: Json): string => `\${nonce}-${isText(id) ? id : ''}`;

function place(given: FilterCase, index: number): PlacedCase {
  const placed = { ...given, stream: STREAM, index, line: index + 1 };
  if (specOf(given.event).stream === undefined) return placed;
  const sessionId = perRun(given.payload['sessionId'] ?? '');
  const { sessionIds, ...filter } = given.filter;
  return {
    ...placed,
    stream: `session:${sessionId}`,
    payload: { ...given.payload, sessionId },
    filter: isArray(sessionIds ?? null)
      ? { ...filter, sessionIds: (sessionIds as readonly Json[]).map(perRun) }
      : filter,
  };
}

interface Subscribing {
  readonly stream: string;
  readonly events: readonly string[];
  readonly filter: JsonObject;
}

function subscribe(id: string, { stream, events, filter }: Subscribing, line: number): readonly Step[] {
  const data = { subscriptionId: id, stream, events, filter, replay: { mode: 'none' } };
  return [
    { verb: 'send', as: ACTOR, message: { type: 'subscribe', id, data }, line },
    { verb: 'recv', as: ACTOR, pattern: { type: 'subscribed', id }, line },
  ];
}

/** A pattern for the event of a case. The event is identified by its index among the published events. */
function eventOf(index: number, subscription: string): Json {
  return {
    type: 'event',
    data: { eventId: { $ref: `made/${index}/eventId` }, subscriptionIds: { $contains: [subscription] } },
  };
}

/** A case with the id of the subscription that has its filter. */
type NamedCase = PlacedCase & { readonly id: string };

/**
 * Expects the fence event of a stream. Before the fence event, no event may arrive that the filter excludes. Order is
 * guaranteed only within a stream, so each stream has its own fence event.
 */
function silenceStep(stream: string, cases: readonly NamedCase[], line: number): Step {
  const wrong = cases.filter((each) => !each.matches && each.stream === stream);
  const until = { type: 'event', data: { event: FENCE, stream } };
  if (wrong.length === 0) return { verb: 'recv', as: ACTOR, pattern: until, line };
  const pattern = { $in: wrong.map(({ index, id }) => eventOf(index, id)) };
  return { verb: 'never', as: ACTOR, pattern, until, line };
}

function tapeOf({ name, clauses, why, cases }: FilterGroup): Tape {
  // Equal filters share a subscription, because the number of subscriptions per connection is limited.
  const ids = new Map<string, string>();
  const idOf = ({ events, filter, stream }: PlacedCase): string => {
    const key = JSON.stringify([events, filter, stream]);
    const id = ids.get(key) ?? `f${ids.size + 1}`;
    ids.set(key, id);
    return id;
  };
  const named = cases.map(place).map((each) => ({ ...each, id: idOf(each) }));
  const firsts = named.filter((each, index) => named.findIndex(({ id }) => id === each.id) === index);
  const events = named.map(({ stream, event, payload, source }) => ({
    stream,
    event,
    payload,
    ...(source === undefined ? {} : { source }),
  }));
  const right = named
    .filter(({ matches }) => matches)
    .map(({ index, id, line }): Step => ({ verb: 'recv', as: ACTOR, pattern: eventOf(index, id), line }));
  const end = cases.length + 1;
  const streams = [...new Set(named.map(({ stream }) => stream))];
  const silence = streams.map((stream) => silenceStep(stream, named, end));
  return {
    header: {
      tape: 1,
      id: `filters/${name}`,
      clauses,
      level: 'must',
      needs: [],
      stimulus: 'publish',
      why,
      actors: { [ACTOR]: {} },
    },
    steps: [
      { verb: 'open', as: ACTOR, line: 0 },
      ...firsts.flatMap((each) => subscribe(each.id, each, each.line)),
      ...streams.flatMap((stream, at) => subscribe(`fence${at}`, { stream, events: [FENCE], filter: {} }, end)),
      {
        verb: 'stim',
        events: [...events, ...streams.map((stream) => ({ stream, event: FENCE, payload: { end: true } }))],
        bind: 'made',
        line: end,
      },
      { verb: 'par', branches: [right, ...silence.map((step) => [step])], line: end },
    ],
    file: `filters.json#${name}`,
  };
}

export function filterTapes(): readonly Tape[] {
  return filterGroups().map(tapeOf);
}
