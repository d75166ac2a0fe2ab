import type { Handlers } from '../../generated/handlers.ts';
import type { HandlerContext } from './context.ts';

/** Replies immediately, with the current time. A client may send `ping` before it authenticates (SEC-2). */
export const ping: Handlers<HandlerContext>['ping'] = (_data, { now }) => ({
  data: { time: new Date(now()).toISOString() },
});
