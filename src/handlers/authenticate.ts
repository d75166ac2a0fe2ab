import type { Handlers } from '../../generated/handlers.ts';
import { identify } from '../auth/authenticator.ts';
import type { Credential } from '../auth/credential.ts';
import type { Principal } from '../auth/principal.ts';
import { wirePrincipal } from '../auth/principal.ts';
import { permits } from '../auth/scope.ts';
import type { Subscription } from '../session/subscription.ts';
import type { HandlerContext } from './context.ts';

function covered(subscription: Subscription, principal: Principal): boolean {
  const { events, selectors } = subscription;
  return selectors.every((each) => events.every((event) => permits(principal.scopes, 'subscribe', event, each)));
}

/**
 * Accepts the first credential of a client, or a credential that replaces it. Subscriptions that the new credential does not permit are
 * ended immediately after the reply is queued, in the same turn of the event loop (SEC-3).
 */
export const authenticate: Handlers<HandlerContext>['authenticate'] = async (data, context) => {
  const { session, registry, authenticator, audit } = context;
  const credential: Credential =
    'token' in data ? { kind: 'bearer', value: data.token } : { kind: 'api_key', value: data.apiKey };
  const principal = await identify(credential, { authenticator, audit, remoteAddress: session.remoteAddress });
  return {
    data: () => {
      session.principal = principal;
      session.authenticated = true;
      context.onPrincipal(session);
      return { principal: wirePrincipal(principal) };
    },
    afterReply: () => {
      const ended = [...session.subscriptions.values()].filter((each) => !covered(each, principal));
      for (const subscription of ended) {
        registry.end(subscription);
        session.outlet.sendInOrder([
          { type: 'subscription_closed', data: { subscriptionId: subscription.id, reason: 'forbidden' } },
        ]);
      }
    },
  };
};
