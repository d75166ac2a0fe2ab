/**
 * The operations of a generated exchange. Operations are data, so that a failing exchange can be written as a
 * tape.
 */
import * as fc from 'fast-check';
import type { Json, JsonObject } from '../trace/json.ts';
import { malformedMessages } from './malformed.ts';

/** Two clients, each with up to three subscriptions, on one stream that only they use. */
export const CLIENTS = ['alice', 'bob'] as const;
export type Client = (typeof CLIENTS)[number];

export type Operation =
  | {
      readonly op: 'subscribe';
      readonly client: Client;
      readonly id: string;
      readonly events: readonly string[];
      readonly filter: JsonObject;
      /** `resume` continues from the last position that the client received, and becomes `warm` if there is none. */
      readonly mode: 'none' | 'warm' | 'resume';
      /** Events that are published while the subscription is being made. */
      readonly meanwhile: readonly Publication[];
    }
  | { readonly op: 'unsubscribe'; readonly client: Client; readonly id: string }
  | { readonly op: 'unsubscribe_all'; readonly client: Client }
  | { readonly op: 'publish'; readonly events: readonly Publication[] }
  | { readonly op: 'sync' | 'ping' | 'list' | 'reconnect'; readonly client: Client }
  | { readonly op: 'malformed'; readonly client: Client; readonly message: Json };

export interface Publication {
  readonly event: string;
  readonly payload: JsonObject;
}

const client = fc.constantFrom(...CLIENTS);
const id = fc.constantFrom('s1', 's2', 's3');

/** Valid combinations of events and filter: one of the events must declare the filter field. */
const wish: fc.Arbitrary<{ readonly events: readonly string[]; readonly filter: JsonObject }> = fc.constantFrom(
  { events: ['*'], filter: {} },
  { events: ['entity_*'], filter: {} },
  { events: ['entity_created', 'sync_status'], filter: { entityTypes: ['class'] } },
  { events: ['file_change'], filter: { paths: ['src'] } },
  { events: ['file_change'], filter: { extensions: ['.ts'], changeTypes: ['create', 'modify'] } },
  { events: ['file_change', 'suite.*'], filter: { paths: ['**/a.*'] } },
  { events: ['suite.note'], filter: {} },
);

const entity = fc.record({
  id: fc.constantFrom('e1', 'e2'),
  entityType: fc.constantFrom('class', 'function'),
  name: fc.constantFrom('one', 'two'),
});
const file = fc.record({
  path: fc.constantFrom('src/a.ts', 'src/b/a.js', 'src-old/a.ts', 'lib/a.mts'),
  root: fc.constant('r'),
  changeType: fc.constantFrom('create', 'modify', 'delete'),
  fileType: fc.constant('file'),
});

const publication: fc.Arbitrary<Publication> = fc.oneof(
  fc.record({ event: fc.constant('entity_created'), payload: entity }),
  fc.record({ event: fc.constant('entity_deleted'), payload: entity }),
  fc.record({ event: fc.constant('file_change'), payload: file }),
  fc.record({
    event: fc.constant('sync_status'),
    payload: fc.record({ status: fc.constantFrom('started', 'completed') }),
  }),
  fc.record({ event: fc.constantFrom('suite.note', 'suite.other'), payload: fc.record({ n: fc.nat(99) }) }),
);
const publications = fc.array(publication, { minLength: 1, maxLength: 4 });

const subscribe = fc
  .record({
    client,
    id,
    wish,
    mode: fc.constantFrom('none' as const, 'warm' as const, 'resume' as const),
    meanwhile: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, publications),
  })
  .map(({ wish: { events, filter }, ...rest }): Operation => ({ op: 'subscribe', events, filter, ...rest }));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: subscribe },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('publish' as const), events: publications }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('unsubscribe' as const), client, id }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('unsubscribe_all' as const), client }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constantFrom('sync' as const, 'ping' as const, 'list' as const), client }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('reconnect' as const), client }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('malformed' as const), client, message: malformedMessages() }) },
);

/** The maximum number of operations in an exchange: so few that malformed messages cannot end the connection (ERR-2). */
const MOST_OPERATIONS = 18;

export const exchanges: fc.Arbitrary<readonly Operation[]> = fc.array(operation, {
  minLength: 1,
  maxLength: MOST_OPERATIONS,
  size: 'max',
});
