/**
 * `filters.json` as tapes: each group of the table becomes one check, in which a server must deliver exactly the events
 * that the table lists. The suite's own filter matcher is not involved, so that a bug in it cannot hide a bug of the
 * server.
 */
import { readFileSync } from 'node:fs';
import type { ClauseId } from '../../generated/protocol.ts';
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

function subscribe(id: string, events: readonly string[], filter: JsonObject, line: number): readonly Step[] {
  const data = { subscriptionId: id, stream: STREAM, events, filter, replay: { mode: 'none' } };
  return [
    { verb: 'send', as: ACTOR, message: { type: 'subscribe', id, data }, line },
    { verb: 'recv', as: ACTOR, pattern: { type: 'subscribed', id }, line },
  ];
}

/** The event of a case, identified by its index among the events that were made. */
function eventOf(index: number, subscription: string): Json {
  return {
    type: 'event',
    data: { eventId: { $ref: `made/${index}/eventId` }, subscriptionIds: { $contains: [subscription] } },
  };
}

function tapeOf({ name, clauses, why, cases }: FilterGroup): Tape {
  // Equal filters share a subscription, because the number per connection is limited.
  const ids = new Map<string, string>();
  const idOf = ({ events, filter }: FilterCase): string => {
    const key = JSON.stringify([events, filter]);
    const id = ids.get(key) ?? `f${ids.size + 1}`;
    ids.set(key, id);
    return id;
  };
  const named = cases.map((each, index) => ({ ...each, index, id: idOf(each), line: index + 1 }));
  const firsts = named.filter((each, index) => named.findIndex(({ id }) => id === each.id) === index);
  const events = cases.map(({ event, payload, source }) => ({
    stream: STREAM,
    event,
    payload,
    ...(source === undefined ? {} : { source }),
  }));
  const fence = { type: 'event', data: { event: FENCE } };
  const wrong = named.filter(({ matches }) => !matches).map(({ index, id }) => eventOf(index, id));
  const right = named
    .filter(({ matches }) => matches)
    .map(({ index, id, line }): Step => ({ verb: 'recv', as: ACTOR, pattern: eventOf(index, id), line }));
  const end = cases.length + 1;
  const silence: Step = { verb: 'never', as: ACTOR, pattern: { $in: wrong }, until: fence, line: end };
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
      ...firsts.flatMap(({ id, events: names, filter, line }) => subscribe(id, names, filter, line)),
      ...subscribe('fence', [FENCE], {}, end),
      {
        verb: 'stim',
        events: [...events, { stream: STREAM, event: FENCE, payload: { end: true } }],
        bind: 'made',
        line: end,
      },
      { verb: 'par', branches: [right, [silence]], line: end },
    ],
    file: `filters.json#${name}`,
  };
}

export function filterTapes(): readonly Tape[] {
  return filterGroups().map(tapeOf);
}
