/** The attacks by commands: one for each operation of a connection. */
import {
  DEEPEST_PATH,
  NOTHING,
  SEGMENTS,
  commands,
  filterGenes,
  gene,
  of,
  ownSubscriptions,
  publications,
  publishGenes,
  streamGene,
  streamOf,
  subscribeCommand,
  subscriptions,
  times,
} from './attack.ts';
import { maximumLengthOf } from '../invariants/contract.ts';
import type { AttackedOperation, Command, Limits, Prepared } from './attack.ts';
import type { Input } from './input.ts';

/** Makes lists of streams to follow, and of positions to resume from, that together fit in one message. */
function manyStreams(
  input: Input,
  { streamsPerSubscription, inboundMessageBytes }: Limits,
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

/** The length of the longest token that the contract allows, in characters. A longer token is refused before it is read. */
const LONGEST_TOKEN = maximumLengthOf('TokenCredential', 'token');

export const COMMANDS: readonly AttackedOperation[] = [
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
    attack: (input, { inboundMessageBytes }) => {
      const spaces = Math.min(of(input, 'spaces'), inboundMessageBytes - 64);
      return { ...NOTHING, packet: times(of(input, 'commands'), () => ({ type: 'ping', data: {}, spaces })) };
    },
  },
  {
    name: 'authenticate',
    genes: [commands, gene('characters', 1, LONGEST_TOKEN), gene('dots', 0, 200)],
    attack: (input) => {
      const part = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'x', typ: 'JWT' })).toString('base64url');
      const filler = 'A'.repeat(of(input, 'characters'));
      const token = `${part}${`.${part}`.repeat(of(input, 'dots'))}.${filler}`.slice(0, LONGEST_TOKEN);
      return { ...NOTHING, packet: times(of(input, 'commands'), () => ({ type: 'authenticate', data: { token } })) };
    },
  },
];
