// Mirrors: maps that follow the newest event of each key.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

import type { TidemarkClient, TidemarkProtocol } from './client.ts';
import { EVENTS } from './protocol.ts';
import { Mirror } from './runtime/mirror.ts';
import type { MirrorOptions } from './runtime/mirror.ts';
import { pictureRules } from './runtime/picture.ts';
import type { EventMap } from './types.ts';

/** The names of events of which the server keeps the newest per key (RPL-3). Events that only remove a key are not included. */
export type KeptEvent = 'entity_created' | 'entity_updated' | 'relationship_created' | 'relationship_updated' | 'graph_update' | 'sync_status';

/**
 * The name of an event that the server keeps by key, or a prefix followed by `*`. If the prefix covers several such
 * events, they must have the same key space.
 */
export type MirrorPattern = KeptEvent | `${string}*`;

/** The values of a mirror of `Pattern`. */
export type MirroredEvent<Pattern extends string> = EventMap[Extract<
  KeptEvent,
  Pattern extends `${infer Prefix}*` ? `${Prefix}${string}` : Pattern
>];

export type TidemarkMirror<Pattern extends string> = Mirror<TidemarkProtocol, MirroredEvent<Pattern>>;

/**
 * A read-only map from key to newest event. It follows the state that the server keeps, also across reconnects, gaps
 * and new epochs.
 * @throws {TypeError} if the pattern covers no event that is kept by key, or events of different key spaces;
 * {ConnectionError} after `client.close()`.
 */
export function mirror<const Pattern extends MirrorPattern>(
  client: TidemarkClient,
  pattern: Pattern,
  options: MirrorOptions = {},
): TidemarkMirror<Pattern> {
  return new Mirror<TidemarkProtocol, MirroredEvent<Pattern>>(client, pictureRules(EVENTS, pattern), options);
}

export type { MirrorChange } from './runtime/change-log.ts';
export type { Mirror, MirrorOptions, MirrorState } from './runtime/mirror.ts';
