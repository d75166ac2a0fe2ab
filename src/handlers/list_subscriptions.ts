import type { Handlers } from '../../generated/handlers.ts';
import type { SubscriptionInfo } from '../../generated/types.ts';
import type { HandlerContext } from './context.ts';

/** Lists the subscriptions of this connection, the oldest first (SUB-6). */
export const list_subscriptions: Handlers<HandlerContext>['list_subscriptions'] = (_data, { session, broker }) => {
  const items = (): SubscriptionInfo[] =>
    [...session.subscriptions.values()].map((each) => ({
      subscriptionId: each.id,
      ...each.named,
      events: [...each.events],
      filter: each.filter,
      ...(each.stream === undefined ? {} : { position: broker.snapshot(each.stream).head }),
      recovery: each.recovery,
      createdAt: new Date(each.createdAt).toISOString(),
      delivered: each.delivered,
      replayed: each.replayed,
    }));
  return { data: () => ({ items: items() }), made: 'when written' };
};
