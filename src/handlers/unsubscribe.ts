import type { Handlers } from '../../generated/handlers.ts';
import { ProtocolError } from '../errors.ts';
import type { HandlerContext } from './context.ts';

/** Ends one subscription or all of them. The reply is sent after the last event that was queued for these subscriptions (SUB-2). */
export const unsubscribe: Handlers<HandlerContext>['unsubscribe'] = (data, { session, registry }) => {
  if ('all' in data) {
    const subscriptionIds = [...session.subscriptions.keys()];
    registry.endAll(session);
    return { data: { subscriptionIds } };
  }
  const subscription = session.subscriptions.get(data.subscriptionId);
  if (subscription === undefined) {
    throw new ProtocolError(
      'subscription_not_found',
      `This connection has no subscription ${JSON.stringify(data.subscriptionId)}.`,
      { pointer: '/data/subscriptionId' },
    );
  }
  registry.end(subscription);
  return { data: { subscriptionIds: [subscription.id] } };
};
