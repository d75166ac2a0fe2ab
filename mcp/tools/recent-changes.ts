import type { SubscriptionFilter } from '../../generated/types.ts';
import { readNewest, readPage } from '../gateway/page.ts';
import {
  EVENT,
  filterOf,
  filterSchema,
  objectSchema,
  PATTERN,
  POSITION,
  readBookmark,
  STREAM,
  streamOf,
  writeBookmark,
} from './tool.ts';
import type { Tool } from './tool.ts';

interface Asked {
  readonly events?: readonly string[];
  readonly filter?: SubscriptionFilter;
  readonly stream?: string;
  readonly since?: string;
  readonly limit?: number;
}

const DEFAULT_LIMIT = 50;
const HIGHEST_LIMIT = 500;

export const recentChanges: Tool<Asked> = {
  name: 'recent_changes',
  title: 'Recent changes',
  description:
    'Returns past events of a stream, oldest first, without waiting. With `since`, the first events after that position; if ' +
    '`hasMore`, call again with the returned position. Without `since`, the matching events among the newest `limit` events of the stream. ' +
    '`truncated` means that events are missing, because the history no longer has them or they were lost.',
  isReadOnly: true,
  isIdempotent: true,
  input: (contract) =>
    objectSchema({
      events: { type: 'array', minItems: 1, items: PATTERN, default: ['*'], examples: [[...contract.events.keys()]] },
      filter: filterSchema(contract),
      stream: STREAM,
      since: POSITION,
      limit: { type: 'integer', minimum: 1, maximum: HIGHEST_LIMIT, default: DEFAULT_LIMIT },
    }),
  output: () =>
    objectSchema(
      {
        events: { type: 'array', items: EVENT },
        position: POSITION,
        truncated: { type: 'boolean' },
        hasMore: { type: 'boolean' },
      },
      ['events', 'position', 'truncated', 'hasMore'],
    ),
  run: async ({ events = ['*'], filter, stream, since, limit = DEFAULT_LIMIT }, context) => {
    const selection = { stream: streamOf(stream, events, context.contract), events, filter: filterOf(filter) };
    const client = await context.gateway.connected(context.signal);
    const request = { ...selection, limit, signal: context.signal };
    return resultOf(
      since === undefined
        ? await readNewest(client, request)
        : await readPage(client, { ...request, after: readBookmark(since) }),
    );
  },
};

function resultOf({ events, bookmark, truncated, hasMore }: Awaited<ReturnType<typeof readPage>>): object {
  return { events, position: writeBookmark(bookmark), truncated, hasMore };
}
