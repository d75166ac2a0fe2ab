import type { Handlers } from '../../generated/handlers.ts';
import { authenticate } from './authenticate.ts';
import { broadcast } from './broadcast.ts';
import type { HandlerContext } from './context.ts';
import { list_subscriptions } from './list_subscriptions.ts';
import { ping } from './ping.ts';
import { subscribe } from './subscribe.ts';
import { sync } from './sync.ts';
import { unsubscribe } from './unsubscribe.ts';

/** One handler per command of the contract; a missing handler is a type error. */
export const HANDLERS: Handlers<HandlerContext> = {
  subscribe,
  unsubscribe,
  list_subscriptions,
  broadcast,
  authenticate,
  sync,
  ping,
};
