// The handlers that a server must provide.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

import type { CommandName } from './protocol.ts';
import type { CommandDataMap, PushMessage, ReplyDataMap } from './types.ts';

/** What a handler gives back; what it throws becomes an `error`. */
export interface Outcome<C extends CommandName> {
  /** `data` of the reply, or what computes it at the moment when the reply is queued. */
  readonly data: ReplyDataMap[C] | (() => ReplyDataMap[C]);
  /**
   * Whether `data` is computed when the reply is queued, as by default, or when its turn to be written comes. A large reply then takes no
   * memory while it waits, and does not count against the bound on bytes. Not for replies that keep their place (BCK-3).
   */
  readonly made?: 'when queued' | 'when written';
  /** Pushes that are written together with the reply, with nothing in between: the `gap` of a resume that failed (RPL-4). */
  readonly companions?: () => readonly PushMessage[];
  /** Runs when the reply is handed to the socket; for replies that keep their place (BCK-3). */
  readonly onWritten?: () => void;
  /** Runs right after the reply was queued, within the same tick: this is how a replay follows its `subscribed` (RPL-2). */
  readonly afterReply?: () => void;
  /** Runs instead when no reply could be queued, because the connection went away or `data` failed: gives back what was taken. */
  readonly abandon?: () => void;
}

/** A command's handler. Its data has been validated. */
export type Handler<C extends CommandName, Context> = (data: CommandDataMap[C], context: Context) => Outcome<C> | Promise<Outcome<C>>;

/** One handler per command of the contract. */
export interface Handlers<Context> {
  /** Follow the events of a stream. */
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
