// The handlers that a server must provide.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

import type { CommandName } from './protocol.ts';
import type { CommandDataMap, PushMessage, ReplyDataMap } from './types.ts';

/** The result of a handler. If the handler throws, the client receives an `error`. */
export interface Outcome<C extends CommandName> {
  /** `data` of the reply, or a function that computes it. */
  readonly data: ReplyDataMap[C] | (() => ReplyDataMap[C]);
  /**
   * Whether `data` is computed when the reply is queued (the default) or when it is written. With `when written`, a
   * large reply takes no memory in the queue and does not count against the queue's limit in bytes. Not allowed for
   * replies that keep their order (BCK-3).
   */
  readonly made?: 'when queued' | 'when written';
  /**
   * The messages that the server pushes directly after the reply, with no other message in between. Example: the
   * `gap` after a failed resume (RPL-4).
   */
  readonly companions?: () => readonly PushMessage[];
  /** Runs when the reply is passed to the socket. Only for replies that keep their order (BCK-3). */
  readonly onWritten?: () => void;
  /** Runs directly after the reply was queued, in the same tick, so that a replay follows its `subscribed` (RPL-2). */
  readonly afterReply?: () => void;
  /**
   * Runs instead of `afterReply` if no reply could be queued, because the connection was closed or `data` threw. Must
   * release the resources that the handler reserved.
   */
  readonly abandon?: () => void;
}

/** The handler of a command. `data` has been validated. */
export type Handler<C extends CommandName, Context> = (data: CommandDataMap[C], context: Context) => Outcome<C> | Promise<Outcome<C>>;

/** One handler per command of the contract. */
export interface Handlers<Context> {
  /** Follow the events of a stream, or of many streams. */
  readonly subscribe: Handler<'subscribe', Context>;
  /** End one subscription, or all of them. */
  readonly unsubscribe: Handler<'unsubscribe', Context>;
  /** List this connection's subscriptions. */
  readonly list_subscriptions: Handler<'list_subscriptions', Context>;
  /** Publish one event. */
  readonly broadcast: Handler<'broadcast', Context>;
  /** Present or replace a credential. */
  readonly authenticate: Handler<'authenticate', Context>;
  /** Wait until all earlier events have arrived. */
  readonly sync: Handler<'sync', Context>;
  /** Check that the gateway responds. */
  readonly ping: Handler<'ping', Context>;
}
