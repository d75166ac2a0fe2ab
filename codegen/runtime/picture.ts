/**
 * Applies the replay policies of the contract (RPL-3): which events a warm replay contains, the key of each event, and
 * which events remove a key. Pure.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { isObject } from './wire.ts';

/** The replay policy of an event, from the generated `EVENTS`. */
export interface KeyedEvent {
  readonly replay: {
    readonly policy: string;
    /** RFC 6901 pointer to the key in the event's `data`. */
    readonly key?: string;
    /** Events with the same key space share their keys: a newer event with the same key replaces or removes the older one. */
    readonly keySpace?: string;
    readonly clears?: true;
  };
}

export interface PictureRules {
  /** The events to subscribe to: those that match the pattern, and those that remove keys of the same key space. */
  readonly events: readonly string[];
  /** The key of an event; undefined if it has no key, and so is not kept. */
  readonly keyOf: (event: object) => string | undefined;
  /** Whether an event removes its key. */
  readonly clears: (event: object) => boolean;
}

/** The key space of all events with the policy `latest`. Their key is the name of the event. */
const BY_NAME = 'event names';

/**
 * @param declared every event of the contract
 * @throws {TypeError} if no declared event matches the pattern, if the replay policy of a matching event is neither `latest` nor
 * `latest-per-key`, or if the keys of two matching events are of different kinds (key spaces).
 */
export function pictureRules(declared: Readonly<Record<string, KeyedEvent>>, pattern: string): PictureRules {
  const names = Object.keys(declared).filter((name) => covers(pattern, name));
  if (names.length === 0)
    throw new TypeError(`No declared event matches "${pattern}". Declared: ${Object.keys(declared).join(', ')}.`);
  const unkept = names.find((name) => spaceOf(declared, name) === undefined);
  if (unkept !== undefined)
    throw new TypeError(`"${unkept}" cannot be mirrored: its replay policy must be latest or latest-per-key.`);
  const [space, ...others] = new Set(names.map((name) => spaceOf(declared, name)));
  if (others.length > 0)
    throw new TypeError(
      `"${pattern}" covers several key spaces (${[space, ...others].join(', ')}): use one mirror for each.`,
    );
  const clearing = Object.keys(declared).filter(
    (name) => declared[name]?.replay.clears === true && spaceOf(declared, name) === space,
  );
  const nameOf = (event: object): string => ('event' in event ? String(event.event) : '');
  return {
    events: [...new Set([...names, ...clearing])],
    keyOf: (event) => {
      const key = declared[nameOf(event)]?.replay.key;
      const value = key === undefined ? nameOf(event) : valueAt(event, key);
      return typeof value === 'string' ? value : undefined;
    },
    clears: (event) => clearing.includes(nameOf(event)),
  };
}

function covers(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function spaceOf(declared: Readonly<Record<string, KeyedEvent>>, name: string): string | undefined {
  const { policy, keySpace = name } = declared[name]?.replay ?? { policy: 'none' };
  if (policy === 'latest') return BY_NAME;
  return policy === 'latest-per-key' ? keySpace : undefined;
}

function valueAt(event: object, pointer: string): unknown {
  let value: unknown = event;
  for (const part of pointer.split('/').slice(1)) {
    const member = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!isObject(value) || !Object.hasOwn(value, member)) return undefined;
    value = value[member];
  }
  return value;
}
