import type { SubscriptionsPage } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { refTo } from '../contract/schema.ts';
import { objectSchema } from './tool.ts';
import type { Tool } from './tool.ts';

interface Asked {
  readonly stream?: string;
  readonly event?: string;
  readonly principal?: string;
  readonly cursor?: string;
}

/** Maximum number of subscriptions in one result: enough for a model, without filling its context. */
const LIMIT = 100;

export const whoListens: Tool<Asked> = {
  name: 'who_listens',
  title: 'List who listens',
  description:
    'Lists the subscriptions of all clients: principal, stream, events and filter, how many events the subscription lags behind, and whether the client is slow. Needs the scope admin:read.',
  isReadOnly: true,
  isIdempotent: true,
  input: () =>
    objectSchema({
      stream: refTo('StreamName'),
      event: { ...refTo('EventPattern'), description: 'Lists only subscriptions that name this event or pattern.' },
      principal: { type: 'string', description: 'Lists only subscriptions of this principal, such as user:ana.' },
      cursor: { type: 'string', description: '`nextCursor` of the previous page.' },
    }),
  output: () =>
    objectSchema(
      {
        total: { type: 'integer' },
        subscriptions: {
          type: 'array',
          items: objectSchema(
            {
              principal: { type: 'string' },
              connectionId: { type: 'string' },
              subscriptionId: { type: 'string' },
              stream: { type: 'string' },
              events: { type: 'array', items: { type: 'string' } },
              filter: { type: 'object' },
              delivered: { type: 'integer' },
              lag: {
                type: 'integer',
                description: 'Number of events by which the subscription is behind the newest event of the stream.',
              },
              slow: { type: 'boolean' },
            },
            ['principal', 'connectionId', 'subscriptionId', 'stream', 'events', 'filter', 'delivered', 'lag', 'slow'],
          ),
        },
        missingNodes: { type: 'array', items: { type: 'string' }, description: 'Nodes that did not answer.' },
        nextCursor: { type: 'string' },
      },
      ['total', 'subscriptions', 'missingNodes'],
    ),
  run: async ({ stream, event, principal, cursor }, { gateway }) => {
    const query = Object.entries({ stream, event, principal, cursor, limit: String(LIMIT) });
    const page = (await gateway.call({
      below: '/subscriptions',
      query: Object.fromEntries(query.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
      fits: httpValidators.subscriptions_page,
    })) as SubscriptionsPage;
    return {
      total: page.total,
      subscriptions: page.items.map(briefOf),
      missingNodes: page.missingNodes,
      ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }),
    };
  },
};

function briefOf(report: SubscriptionsPage['items'][number]): object {
  const { principal, connectionId, subscriptionId, stream, events, filter, delivered, lag, slow } = report;
  return { principal, connectionId, subscriptionId, stream, events, filter, delivered, lag, slow };
}
