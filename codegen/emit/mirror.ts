/**
 * Emits `mirror.ts`: mirrors of the contract's events, on top of the hand-written runtime. It is a separate entry
 * point, which `client.ts` does not load.
 */
import type { Contract, Event } from '../model.ts';
import { banner, quote } from './text.ts';

const FACADE = `import type { TidemarkClient, TidemarkProtocol } from './client.ts';
import { EVENTS } from './protocol.ts';
import { Mirror } from './runtime/mirror.ts';
import type { MirrorOptions } from './runtime/mirror.ts';
import { pictureRules } from './runtime/picture.ts';
import type { EventMap } from './types.ts';

/** The names of events of which the server keeps the newest per key (RPL-3). Events that only remove a key are not included. */
export type KeptEvent = @kept;

/**
 * The name of an event that the server keeps by key, or a prefix followed by \`*\`. If the prefix covers several such
 * events, they must have the same key space.
 */
export type MirrorPattern = KeptEvent | \`\${string}*\`;

/** The values of a mirror of \`Pattern\`. */
export type MirroredEvent<Pattern extends string> = EventMap[Extract<
  KeptEvent,
  Pattern extends \`\${infer Prefix}*\` ? \`\${Prefix}\${string}\` : Pattern
>];

export type TidemarkMirror<Pattern extends string> = Mirror<TidemarkProtocol, MirroredEvent<Pattern>>;

/**
 * A read-only map from key to newest event. It follows the state that the server keeps, also across reconnects, gaps
 * and new epochs.
 * @throws {TypeError} if the pattern covers no event that is kept by key, or events of different key spaces;
 * {ConnectionError} after \`client.close()\`.
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
`;

export function emitMirror({ events }: Contract): string {
  const kept = events.filter(isKept).map(({ name }) => quote(name));
  // Pass a function, because `replace` would expand `$&` in a name if the name were passed as text.
  const facade = FACADE.replace('@kept', () => (kept.length === 0 ? 'never' : kept.join(' | ')));
  return `${banner('Mirrors: maps that follow the newest event of each key.')}\n${facade}`;
}

function isKept({ replay: { policy, clears } }: Event): boolean {
  return (policy === 'latest' || policy === 'latest-per-key') && clears !== true;
}
