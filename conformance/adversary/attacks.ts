/**
 * The messages that a hostile client sends to each operation: deep patterns, wide filters, long paths, large histories,
 * tiny commands with large replies. All stay within the limits in `welcome`, so the server must process them and may
 * not close the connection.
 */
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { Gene, Input } from './input.ts';

/** Limits of the server, from `welcome`. */
export type Limits = Readonly<Record<string, number>>;

export interface Command {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** How many spaces to append to the JSON text of the message. */
  readonly spaces?: number;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

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

const SEGMENTS = ['*', '**', 'a', '*a*', '?a', 'a*a*a*a*a'] as const;
const DEEPEST_PATH = 128;
/** Event patterns, each of which matches an event of the prepared streams. */
const PREFIXES = ['file_change', 'entity_created', 'adversary.event'].flatMap((name) =>
  Array.from({ length: name.length }, (_, at) => `${name.slice(0, at + 1)}*`),
);

const gene = (name: string, min: number, max: number): Gene => ({ name, min, max });
const commands = gene('commands', 1, 100);
const filterGenes = [
  gene('patterns', 1, 64),
  gene('segments', 1, DEEPEST_PATH),
  gene('style', 0, SEGMENTS.length - 1),
  gene('distinct', 0, 1),
];
const payloadGenes = [gene('padding', 0, 60_000), gene('depth', 0, 24), gene('members', 0, 2000)];

const of = (input: Input, name: string): number => input[name] ?? 0;

/** Path patterns with at most `characters` characters in total. */
function patternsOf(input: Input, { patternLength = 256, patternsPerFilterField = 64 }: Limits, characters: number) {
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

function subscribeCommand(input: Input, limits: Limits, options: { readonly count: number; readonly stream: string }) {
  const { filterCharactersPerConnection = 65_536 } = limits;
  const share = Math.max(1, Math.floor(filterCharactersPerConnection / options.count));
  const modes = [{ mode: 'none' }, { mode: 'warm' }];
  return {
    stream: options.stream,
    events: ['*', ...PREFIXES.slice(0, of(input, 'events') - 1)],
    filter: { paths: patternsOf(input, limits, share) },
    replay: modes[of(input, 'replay')] ?? { mode: 'none' },
  };
}

/** Streams to follow, and positions to resume from, within the size of a message. */
function manyStreams(
  input: Input,
  { streamsPerSubscription = 32, inboundMessageBytes = 65_536 }: Limits,
  { prepared, at }: { readonly prepared: Prepared; readonly at: number },
) {
  const names = times(
    Math.min(of(input, 'names'), streamsPerSubscription - prepared.streams.length),
    (name) => `session:hostile-n${name}`,
  );
  // Half of the message is left to the filter; a position has about 64 characters.
  const most = Math.floor(inboundMessageBytes / 2 / 64);
  const positions = times(Math.min(of(input, 'positions'), most), (position) => ({
    stream: `session:hostile-${at}-${position}`,
    epoch: 'e',
    sequenceId: 1,
  }));
  const known = prepared.streams.map((stream) => ({ stream, epoch: 'e', sequenceId: 1 }));
  const replay = { mode: 'resume', positions: [...known, ...positions] };
  return { streams: names.length > 0 ? [...names, ...prepared.streams] : ['session:*'], replay };
}

function payloadOf(input: Input, { payloadBytes = 65_536 }: Limits): Record<string, unknown> {
  const padding = 'x'.repeat(Math.min(of(input, 'padding'), Math.floor(payloadBytes / 2)));
  const members = Object.fromEntries(
    Array.from({ length: Math.min(of(input, 'members'), Math.floor(payloadBytes / 40)) }, (_, at) => [`k${at}`, at]),
  );
  let nested: unknown = members;
  for (let depth = of(input, 'depth'); depth > 0; depth -= 1) nested = { nested };
  return { padding, nested };
}

/** A path with this number of directories, such as `a/a/a/0.ts`. */
export function deepPath(segments: number, at: number): string {
  return [...Array.from({ length: segments - 1 }, () => 'a'), `${at}.ts`].join('/');
}

const NOTHING: Attack = { held: [], before: [], packet: [], requests: [] };
const times = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at));

/** Commands that create the hostile client's own subscriptions, each with the filter of the input. */
function ownSubscriptions(input: Input, limits: Limits, stream: string): readonly Command[] {
  const count = of(input, 'subscriptions');
  return times(count, () => ({ type: 'subscribe', data: subscribeCommand(input, limits, { count, stream }) }));
}

function streamOf(input: Input, { streams }: Prepared): string {
  return streams[of(input, 'stream') % streams.length] ?? 'main';
}

function publications(input: Input, limits: Limits, stream: string): readonly Readonly<Record<string, unknown>>[] {
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

const subscriptions = gene('subscriptions', 0, 100);
const publishGenes = [gene('isFile', 0, 1), gene('directories', 1, DEEPEST_PATH), ...payloadGenes];
const streamGene = gene('stream', 0, 2);

export const ATTACKED: readonly AttackedOperation[] = [
  {
    name: 'subscribe',
    genes: [commands, ...filterGenes, gene('events', 1, 32), gene('replay', 0, 1), streamGene],
    attack: (input, limits, prepared) => {
      const count = of(input, 'commands');
      const data = subscribeCommand(input, limits, { count, stream: streamOf(input, prepared) });
      return { ...NOTHING, packet: times(count, () => ({ type: 'subscribe', data })) };
    },
  },
  {
    // A `subscribe` to many streams that resumes streams which the server does not have.
    name: 'subscribe_streams',
    genes: [
      gene('commands', 1, 100),
      gene('names', 0, 64),
      gene('positions', 0, 1_000),
      gene('patterns', 1, 64),
      gene('segments', 1, DEEPEST_PATH),
      gene('style', 0, SEGMENTS.length - 1),
      gene('distinct', 0, 1),
    ],
    attack: (input, limits, prepared) => {
      const count = of(input, 'commands');
      const { events, filter } = subscribeCommand(input, limits, { count, stream: '' });
      const packet = times(count, (at) => ({
        type: 'subscribe',
        data: { events, filter, ...manyStreams(input, limits, { prepared, at }) },
      }));
      return { ...NOTHING, packet };
    },
  },
  {
    name: 'unsubscribe',
    genes: [gene('commands', 1, 50), ...filterGenes, gene('replay', 0, 1), streamGene],
    attack: (input, limits, prepared) => {
      const count = of(input, 'commands');
      const data = subscribeCommand(input, limits, { count, stream: streamOf(input, prepared) });
      const pair = (at: number): readonly Command[] => [
        { type: 'subscribe', data: { ...data, subscriptionId: `s${at}` } },
        { type: 'unsubscribe', data: { subscriptionId: `s${at}` } },
      ];
      return { ...NOTHING, packet: times(count, pair).flat() };
    },
  },
  {
    name: 'list_subscriptions',
    genes: [commands, gene('subscriptions', 0, 60), ...filterGenes],
    attack: (input, limits, prepared) => ({
      ...NOTHING,
      before: ownSubscriptions(input, limits, streamOf({}, prepared)),
      packet: times(of(input, 'commands'), () => ({ type: 'list_subscriptions', data: {} })),
    }),
  },
  {
    name: 'broadcast',
    genes: [commands, subscriptions, ...filterGenes, ...publishGenes],
    attack: (input, limits, prepared) => ({
      ...NOTHING,
      held: ownSubscriptions(input, limits, streamOf({}, prepared)),
      packet: publications(input, limits, streamOf({}, prepared)).map((data) => ({ type: 'broadcast', data })),
    }),
  },
  {
    name: 'sync',
    genes: [commands, streamGene],
    attack: (input, _limits, prepared) => {
      const stream = streamOf(input, prepared);
      return { ...NOTHING, packet: times(of(input, 'commands'), () => ({ type: 'sync', data: { stream } })) };
    },
  },
  {
    name: 'ping',
    genes: [gene('commands', 1, 300), gene('spaces', 0, 65_000)],
    attack: (input, { inboundMessageBytes = 65_536 }) => {
      const spaces = Math.min(of(input, 'spaces'), inboundMessageBytes - 64);
      return { ...NOTHING, packet: times(of(input, 'commands'), () => ({ type: 'ping', data: {}, spaces })) };
    },
  },
  {
    name: 'authenticate',
    genes: [commands, gene('characters', 1, 60_000), gene('dots', 0, 200)],
    attack: (input) => {
      const part = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'x', typ: 'JWT' })).toString('base64url');
      const filler = 'A'.repeat(of(input, 'characters'));
      const token = `${part}${`.${part}`.repeat(of(input, 'dots'))}.${filler}`.slice(0, 60_000);
      return { ...NOTHING, packet: times(of(input, 'commands'), () => ({ type: 'authenticate', data: { token } })) };
    },
  },
  {
    name: 'post_broadcast',
    genes: [commands, subscriptions, ...filterGenes, ...publishGenes],
    attack: (input, limits, prepared) => ({
      ...NOTHING,
      held: ownSubscriptions(input, limits, streamOf({}, prepared)),
      requests: publications(input, limits, streamOf({}, prepared)).map((body) => requestOf('post_broadcast', body)),
    }),
  },
  {
    name: 'post_explain',
    genes: [commands, subscriptions, ...filterGenes, ...publishGenes],
    attack: (input, limits, prepared) => ({
      ...NOTHING,
      held: ownSubscriptions(input, limits, streamOf({}, prepared)),
      requests: publications(input, limits, streamOf({}, prepared)).map((body) => requestOf('post_explain', body)),
    }),
  },
  {
    name: 'get_subscriptions',
    genes: [commands, subscriptions, ...filterGenes],
    attack: (input, limits, prepared) => ({
      ...NOTHING,
      held: ownSubscriptions(input, limits, streamOf({}, prepared)),
      requests: times(of(input, 'commands'), () => requestOf('get_subscriptions')),
    }),
  },
  ...(['get_nodes', 'get_metrics'] as const).map((name) => ({
    name,
    genes: [commands, subscriptions, ...filterGenes],
    attack: (input: Input, limits: Limits, prepared: Prepared) => ({
      ...NOTHING,
      held: ownSubscriptions(input, limits, streamOf({}, prepared)),
      requests: times(of(input, 'commands'), () => requestOf(name)),
    }),
  })),
  {
    name: 'get_health',
    genes: [commands, subscriptions],
    attack: (input, limits, prepared) => ({
      ...NOTHING,
      held: ownSubscriptions(input, limits, streamOf({}, prepared)),
      requests: times(of(input, 'commands'), () => requestOf('get_health')),
    }),
  },
];

function requestOf(name: keyof typeof HTTP_OPERATIONS, body?: object): HttpRequest {
  const { method, path } = HTTP_OPERATIONS[name];
  return { method, path, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
}
