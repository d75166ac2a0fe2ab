/**
 * Makes the parts of attacks: deep patterns, wide filters, long paths, large payloads. The parts stay within the limits
 * in `welcome`, so the server must process them and must not close the connection.
 */
import { LIMITS } from '../../generated/protocol.ts';
import type { LimitName } from '../../generated/protocol.ts';
import type { Gene, Input } from './input.ts';

/** All limits of the contract, with the values of the server. */
export type Limits = Readonly<Record<LimitName, number>>;

/** The limits of `welcome`. A limit that the server does not announce has the default of the contract. */
export function limitsOf(announced: Readonly<Record<string, number>>): Limits {
  const names = Object.keys(LIMITS) as LimitName[];
  return Object.fromEntries(names.map((name) => [name, announced[name] ?? LIMITS[name].default])) as Limits;
}

export interface Command {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** How many spaces to append to the JSON text of the message. */
  readonly spaces?: number;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** {@link HELD_CONNECTION} in the body is replaced by the id of the second connection. */
  readonly body?: string;
  /** The client closes an endless response, such as an event stream, when the response contains this text. */
  readonly until?: string;
}

/** A placeholder for the id of the second connection. It is a ULID, as the schema of `post_disconnect` requires. */
export const HELD_CONNECTION = '0HE1DC0NNECT10N00000000000';

export interface Attack {
  /** Commands to complete before the measurement, on a second connection that stays open. */
  readonly held: readonly Command[];
  /** Commands to complete before the measurement, on the attacking connection. They count against its command rate. */
  readonly before: readonly Command[];
  /** Commands of the measured part, all written at once. */
  readonly packet: readonly Command[];
  /** HTTP requests of the measured part, all sent at once, each on its own connection. */
  readonly requests: readonly HttpRequest[];
}

/** Streams with a history that was published before the search. */
export interface Prepared {
  readonly streams: readonly string[];
}

export interface AttackedOperation {
  readonly name: string;
  readonly genes: readonly Gene[];
  readonly attack: (input: Input, limits: Limits, prepared: Prepared) => Attack;
}

export const SEGMENTS = ['*', '**', 'a', '*a*', '?a', 'a*a*a*a*a'] as const;
export const DEEPEST_PATH = 128;
/** Event patterns, each of which matches an event of the prepared streams. */
const PREFIXES = ['file_change', 'entity_created', 'adversary.event'].flatMap((name) =>
  Array.from({ length: name.length }, (_, at) => `${name.slice(0, at + 1)}*`),
);

export const gene = (name: string, min: number, max: number): Gene => ({ name, min, max });
export const commands = gene('commands', 1, 100);
export const filterGenes = [
  gene('patterns', 1, 64),
  gene('segments', 1, DEEPEST_PATH),
  gene('style', 0, SEGMENTS.length - 1),
  gene('distinct', 0, 1),
];
const payloadGenes = [gene('padding', 0, 60_000), gene('depth', 0, 24), gene('members', 0, 2000)];

export const of = (input: Input, name: string): number => input[name] ?? 0;

/** Makes path patterns with at most `characters` characters in total. */
export function patternsOf(input: Input, { patternLength, patternsPerFilterField }: Limits, characters: number) {
  const segment = SEGMENTS[of(input, 'style')] ?? '*';
  const patterns: string[] = [];
  let left = characters;
  for (let at = 0; at < Math.min(of(input, 'patterns'), patternsPerFilterField); at += 1) {
    const first = of(input, 'distinct') === 1 ? [`d${at}`] : [];
    const segments = [...first, ...Array.from({ length: of(input, 'segments') }, () => segment)];
    while (segments.join('/').length > Math.min(patternLength, left) && segments.length > 1) segments.pop();
    const pattern = segments.join('/');
    if (pattern.length > left) break;
    patterns.push(pattern);
    left -= pattern.length;
  }
  return patterns.length === 0 ? ['*'] : patterns;
}

export function subscribeCommand(
  input: Input,
  limits: Limits,
  options: { readonly count: number; readonly stream: string },
) {
  const { filterCharactersPerConnection, eventsPerSubscription } = limits;
  const share = Math.max(1, Math.floor(filterCharactersPerConnection / options.count));
  // An operation without this gene subscribes with one pattern.
  const events = Math.min(input['events'] ?? 1, eventsPerSubscription);
  const modes = [{ mode: 'none' }, { mode: 'warm' }];
  return {
    stream: options.stream,
    events: ['*', ...PREFIXES.slice(0, events - 1)],
    filter: { paths: patternsOf(input, limits, share) },
    replay: modes[of(input, 'replay')] ?? { mode: 'none' },
  };
}

function payloadOf(input: Input, { payloadBytes }: Limits): Record<string, unknown> {
  const padding = 'x'.repeat(Math.min(of(input, 'padding'), Math.floor(payloadBytes / 2)));
  const members = Object.fromEntries(
    Array.from({ length: Math.min(of(input, 'members'), Math.floor(payloadBytes / 40)) }, (_, at) => [`k${at}`, at]),
  );
  let nested: unknown = members;
  for (let depth = of(input, 'depth'); depth > 0; depth -= 1) nested = { nested };
  return { padding, nested };
}

/** Makes a path with this number of segments: with four, a path such as `a/a/a/0.ts`. */
export function deepPath(segments: number, at: number): string {
  return [...Array.from({ length: segments - 1 }, () => 'a'), `${at}.ts`].join('/');
}

export const NOTHING: Attack = { held: [], before: [], packet: [], requests: [] };
export const times = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at));

/**
 * Makes the `subscribe` commands of the attacking connection. Each subscription has the filter that the input describes.
 */
export function ownSubscriptions(input: Input, limits: Limits, stream: string): readonly Command[] {
  const count = Math.min(of(input, 'subscriptions'), limits.subscriptionsPerConnection);
  return times(count, () => ({ type: 'subscribe', data: subscribeCommand(input, limits, { count, stream }) }));
}

export function streamOf(input: Input, { streams }: Prepared): string {
  return streams[of(input, 'stream') % streams.length] ?? 'main';
}

export function publications(
  input: Input,
  limits: Limits,
  stream: string,
): readonly Readonly<Record<string, unknown>>[] {
  const payload = payloadOf(input, limits);
  const file = (at: number): object => ({
    path: deepPath(Math.max(1, of(input, 'directories')), at),
    root: 'r',
    changeType: 'modify',
    fileType: 'file',
  });
  return times(of(input, 'commands'), (at) =>
    of(input, 'isFile') === 1
      ? { stream, event: 'file_change', payload: file(at) }
      : { stream, event: 'adversary.event', payload },
  );
}

export const subscriptions = gene('subscriptions', 0, 100);
export const publishGenes = [gene('isFile', 0, 1), gene('directories', 1, DEEPEST_PATH), ...payloadGenes];
export const streamGene = gene('stream', 0, 2);
