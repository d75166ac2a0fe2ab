import type { Handlers } from '../../generated/handlers.ts';
import type { HandlerContext } from './context.ts';

/** Replies immediately. Allowed before authentication (SEC-2). */
export const ping: Handlers<HandlerContext>['ping'] = (_data, { now }) => ({
  data: { time: new Date(now()).toISOString() },
});
