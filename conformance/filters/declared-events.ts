/**
 * The events that the suite can check. They come from two contracts: the contract from which the suite was generated,
 * and the contract that `--contract` names. The events of the second contract are declared once, before the run starts.
 */
import { CUSTOM_EVENT, EVENTS, FILTER_FIELDS } from '../../generated/protocol.ts';
import type { ReplaySpec } from '../../generated/protocol.ts';
import { serverValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { isObject } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';

export type FilterKind = 'path' | 'extension' | 'exact';

export interface EventSpec {
  readonly replay: ReplaySpec;
  /** The pointers of each filter field into the event's `data`. */
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  /** Set if the event may be published on one stream only (STR-5). */
  readonly stream?: { readonly kind: string; readonly id: string };
}

const events = new Map<string, EventSpec>(Object.entries(EVENTS));
const fields = new Map<string, FilterKind>(Object.entries(FILTER_FIELDS).map(([field, { kind }]) => [field, kind]));

/** The validator of each server message and each declared event, by name. */
const messages = new Map<string, Validator>(Object.entries(serverValidators));

export interface DeclaredEvents {
  readonly events: ReadonlyMap<string, EventSpec>;
  readonly fields: ReadonlyMap<string, FilterKind>;
  /** The validator of the whole message of each event. */
  readonly validators: ReadonlyMap<string, Validator>;
}

/** Adds the events and filter fields of another contract. */
export function declareEvents(added: DeclaredEvents): void {
  for (const [name, spec] of added.events) events.set(name, spec);
  for (const [field, kind] of added.fields) fields.set(field, kind);
  for (const [name, validator] of added.validators) messages.set(name, validator);
}

/** The validator of a server message, by its type; for an `event` message, by the name of the event. */
export function validatorOf(message: string): Validator | undefined {
  return messages.get(message);
}

export function isDeclared(event: string): boolean {
  return events.has(event);
}

export function specOf(event: string): EventSpec {
  return events.get(event) ?? CUSTOM_EVENT;
}

/** How the values of each filter field are compared. */
export function filterKinds(): ReadonlyMap<string, FilterKind> {
  return fields;
}

/**
 * Removes the filter fields of another contract from a command, because the suite's validators do not know them. Their
 * values need no check: they have the same form as in every other filter field.
 */
export function withoutOwnFields(message: Json | undefined): Json | undefined {
  const data = isObject(message) ? message['data'] : undefined;
  const filter = isObject(data) ? data['filter'] : undefined;
  if (!isObject(message) || !isObject(data) || !isObject(filter)) return message;
  const kept = Object.entries(filter).filter(([field]) => !fields.has(field) || Object.hasOwn(FILTER_FIELDS, field));
  return { ...message, data: { ...data, filter: Object.fromEntries(kept) } };
}
