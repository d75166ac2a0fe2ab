/**
 * The events of a gateway's contract as a value: their names, payload validators, filter fields and replay policies. The stock
 * catalogue comes from the generated code; a team's own contract gives another one. Nothing else in `src/` knows which events
 * exist, so own events and stock events are handled by the same code.
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

/** Field → alternatives; every field is in the catalogue. */
export type Filter = Readonly<Record<string, readonly string[]>>;

/** How an event is replayed and filtered. */
export interface EventSpec {
  readonly replay: ReplaySpec;
  /** The fields that constrain the event → pointers into its `data`. A pointer to an array means any of its elements. */
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  /** Field → the only values that the event can have there. Absent in a contract that an earlier version built. */
  readonly enumerated?: Readonly<Record<string, readonly string[]>>;
  /** The one stream on which the event may be published: `{kind}:{id}`, where `id` points into its `data` (STR-5). */
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
  /** The spec of custom events: all events that no contract declares (EVT-4). */
  readonly custom: EventSpec;
  /** The filter fields in the order of the contract. */
  readonly filters: ReadonlyMap<string, FilterKind>;
  /** Whether a message is a valid command. The filter of a `subscribe` may have only the fields of this catalogue. */
  readonly commands: Readonly<Record<CommandName, Validator>>;
  /** The documents that HTTP serves; read on the first request. */
  readonly documents: () => ContractDocuments;
}

/** The event that sources of file changes publish, and whose subscribers receive the gap of a source loss (GAP-2). */
export const FILE_EVENT = 'file_change';

/** Stands for all events that no catalogue declares, where a client's names must not multiply what is kept: in counts. */
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

/** The specs of all events that the patterns can match; a wildcard also covers custom events. */
export function specsOf({ events, custom }: Catalogue, patterns: readonly string[]): readonly EventSpec[] {
  const declared = [...events].filter(([name]) => patterns.some((each) => matchesName(each, name)));
  const matchesCustom = patterns.some((each) => each.endsWith('*') || !events.has(each));
  return [...declared.map(([, spec]) => spec), ...(matchesCustom ? [custom] : [])];
}
