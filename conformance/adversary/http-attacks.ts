/** The attacks by HTTP requests, each on its own connection. */
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import {
  HELD_CONNECTION,
  NOTHING,
  commands,
  filterGenes,
  gene,
  of,
  ownSubscriptions,
  patternsOf,
  publications,
  publishGenes,
  streamGene,
  streamOf,
  subscribeCommand,
  subscriptions,
  times,
} from './attack.ts';
import type { AttackedOperation, HttpRequest, Limits, Prepared } from './attack.ts';
import type { Input } from './input.ts';

/** The longest query, in characters: most servers accept headers of 16 KB. */
const QUERY_CHARACTERS = 12_000;

export const REQUESTS: readonly AttackedOperation[] = [
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
  {
    // Requests for connections that do not exist, or for one that has many subscriptions.
    name: 'post_disconnect',
    genes: [commands, subscriptions, ...filterGenes, gene('held', 0, 1), gene('spaces', 0, 65_000)],
    attack: (input, limits, prepared) => {
      const { inboundMessageBytes } = limits;
      const spaces = ' '.repeat(Math.min(of(input, 'spaces'), inboundMessageBytes - 128));
      const idOf = (at: number): string => (of(input, 'held') === 1 ? HELD_CONNECTION : `0${at}`.padEnd(26, '0'));
      const request = (at: number): HttpRequest => {
        const made = requestOf('post_disconnect', { connectionId: idOf(at) });
        return { ...made, body: `${made.body ?? ''}${spaces}` };
      };
      return {
        ...NOTHING,
        held: ownSubscriptions(input, limits, streamOf({}, prepared)),
        requests: times(of(input, 'commands'), request),
      };
    },
  },
  {
    name: 'post_files',
    genes: [commands, ...filterGenes, gene('limit', 1, 1000), gene('cursor', 0, 16_384)],
    attack: (input, limits) => {
      const cursor = of(input, 'cursor');
      const body = {
        filter: { paths: patternsOf(input, limits, 32_768) },
        limit: of(input, 'limit'),
        ...(cursor === 0 ? {} : { cursor: 'e'.repeat(cursor) }),
      };
      return { ...NOTHING, requests: times(of(input, 'commands'), () => requestOf('post_files', body)) };
    },
  },
  {
    name: 'get_events',
    genes: [commands, ...filterGenes, gene('events', 1, 32), gene('replay', 0, 1), streamGene],
    attack: (input, limits, prepared) => {
      const stream = streamOf(input, prepared);
      const { events } = subscribeCommand(input, limits, { count: 1, stream });
      const isWarm = of(input, 'replay') === 1;
      const query = new URLSearchParams({ stream, replay: isWarm ? 'warm' : 'none' });
      for (const event of events) query.append('events', event);
      // A `/` takes three characters when it is encoded.
      const paths = patternsOf(input, limits, Math.floor((QUERY_CHARACTERS - query.toString().length) / 3));
      for (const path of paths)
        if (query.toString().length + 3 * path.length < QUERY_CHARACTERS) query.append('paths', path);
      const { method, path } = HTTP_OPERATIONS.get_events;
      const until = isWarm ? 'event: replay_complete' : 'event: subscribed';
      const request = { method, path: `${path}?${query.toString()}`, until };
      return { ...NOTHING, requests: times(of(input, 'commands'), () => request) };
    },
  },
];

function requestOf(name: keyof typeof HTTP_OPERATIONS, body?: object): HttpRequest {
  const { method, path } = HTTP_OPERATIONS[name];
  return { method, path, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
}
