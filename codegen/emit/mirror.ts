/** `mirror.ts`: mirrors of the contract's events over the hand-written runtime. An entry point of its own, which `client.ts` does not load. */
import type { Contract, Event } from '../model.ts';
import { banner, quote } from './text.ts';

const FACADE = `import type { TidemarkClient, TidemarkProtocol } from './client.ts';
import { EVENTS } from './protocol.ts';
import { Mirror } from './runtime/mirror.ts';
import type { MirrorOptions } from './runtime/mirror.ts';
import { pictureRules } from './runtime/picture.ts';
import type { EventMap } from './types.ts';

/** The events of which the server keeps the newest for each key (RPL-3), without those that only remove a key. */
export type KeptEvent = @kept;

/** The name of a kept event, or a prefix and \`*\` that covers events of one key space. */
export type MirrorPattern = KeptEvent | \`\${string}*\`;

/** The values of a mirror of \`Pattern\`. */
export type MirroredEvent<Pattern extends string> = EventMap[Extract<
  KeptEvent,
  Pattern extends \`\${infer Prefix}*\` ? \`\${Prefix}\${string}\` : Pattern
>];

export type TidemarkMirror<Pattern extends string> = Mirror<TidemarkProtocol, MirroredEvent<Pattern>>;

/**
 * A read-only map from key to newest event that follows the server's picture, over reconnects, gaps and new epochs.
 * @throws {TypeError} if the pattern covers no event that is kept by key, or events of several key spaces; {ConnectionError} after
 *   \`client.close()\`.
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
  // A function, because a name may contain `$&`, which a replacement text would expand.
  const facade = FACADE.replace('@kept', () => (kept.length === 0 ? 'never' : kept.join(' | ')));
  return `${banner('Mirrors: maps that follow the newest event of each key.')}\n${facade}`;
}

function isKept({ replay: { policy, clears } }: Event): boolean {
  return (policy === 'latest' || policy === 'latest-per-key') && clears !== true;
}
