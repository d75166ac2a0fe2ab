/**
 * The events of a gateway's contract: their names, payload validators, filter fields and replay policies. The stock catalogue is created
 * from the generated code; a contract with a team's own events has another catalogue. No other code in `src/` depends on which events
 * exist, so the same code is used for all events.
 */
import { CONTRACT_DIGEST, CUSTOM_EVENT, EVENTS, FILTER_FIELDS } from '../../generated/protocol.ts';
import type { CommandName, ReplaySpec } from '../../generated/protocol.ts';
import { commandValidators, payloadValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { stockDocuments } from './documents.ts';
import type { ContractDocuments } from './documents.ts';
import { matchesName } from './event-pattern.ts';

/** How the values of a filter field are compared (SUB-5). */
export type FilterKind = 'path' | 'extension' | 'exact';

/** The filter of a subscription: for each field, the values that match. Each field must be in the catalogue. */
export type Filter = Readonly<Record<string, readonly string[]>>;

/** How an event is replayed and filtered. */
export interface EventSpec {
  readonly replay: ReplaySpec;
  /**
   * The filter fields that apply to the event, each with pointers into its `data`. If a pointer leads to an array, one matching element is
   * enough.
   */
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  /**
   * For each filter field with a fixed list of values, the values that the field can have in this event. Missing in a contract that an
   * earlier version has built.
   */
  readonly enumerated?: Readonly<Record<string, readonly string[]>>;
  /** The only stream on which the event may be published: `{kind}:{id}`. `id` is a pointer into the `data` of the event (STR-5). */
  readonly stream?: { readonly kind: 'session' | 'workspace'; readonly id: string };
}

export interface DeclaredEvent extends EventSpec {
  /** Whether a value is a payload of this event (EVT-3). */
  readonly fits: Validator;
}

export interface Catalogue {
  /** SHA-256 of the bundled contract, as `welcome.contractDigest` reports it (CON-2). */
  readonly digest: string;
  /** The declared events by name, in the order of the contract. */
  readonly events: ReadonlyMap<string, DeclaredEvent>;
  /** The replay policy and filter fields of custom events, which are all events that the contract does not declare (EVT-4). */
  readonly custom: EventSpec;
  /** The filter fields in the order of the contract. */
  readonly filters: ReadonlyMap<string, FilterKind>;
  /** Validators that check whether a message is a valid command. The filter of a `subscribe` may only have fields of this catalogue. */
  readonly commands: Readonly<Record<CommandName, Validator>>;
  /** The documents that are served over HTTP. They are read at the first request. */
  readonly documents: () => ContractDocuments;
}

/** The event that sources of file changes publish. If such a source loses changes, subscribers of this event receive a gap (GAP-2). */
export const FILE_EVENT = 'file_change';

/**
 * The name under which all custom events are counted. Clients choose the names of custom events, so the number of counters could grow
 * without limit if each name had its own.
 */
export const CUSTOM_EVENTS = '*';

/** The events of the contract that this version was generated from. */
export const stockCatalogue: Catalogue = {
  digest: CONTRACT_DIGEST,
  events: new Map(
    Object.entries(EVENTS).map(([name, spec]) => [
      name,
      { ...spec, fits: payloadValidators[name as keyof typeof EVENTS] },
    ]),
  ),
  custom: CUSTOM_EVENT,
  filters: new Map(Object.entries(FILTER_FIELDS).map(([field, { kind }]) => [field, kind])),
  commands: commandValidators,
  documents: stockDocuments,
};

export function specOf({ events, custom }: Catalogue, event: string): EventSpec {
  return events.get(event) ?? custom;
}

/** The specs of all events that the patterns can match. A pattern with a wildcard can also match custom events. */
export function specsOf({ events, custom }: Catalogue, patterns: readonly string[]): readonly EventSpec[] {
  const declared = [...events].filter(([name]) => patterns.some((each) => matchesName(each, name)));
  const matchesCustom = patterns.some((each) => each.endsWith('*') || !events.has(each));
  return [...declared.map(([, spec]) => spec), ...(matchesCustom ? [custom] : [])];
}
