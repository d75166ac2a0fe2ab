/**
 * What a client tells about itself, by `client.on(name, listener)`.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ContractMatch } from './contract-match.ts';
import type { TidemarkError } from './errors.ts';
import type { SubscriptionGap } from './events.ts';
import type { CloseClass, Position, Protocol } from './wire.ts';

export type ClientState = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'closed';

export interface Lifecycle<P extends Protocol> {
  /** A socket is about to be opened. `attempt` counts from 1 since the last connection that got ready. */
  readonly connecting: { readonly attempt: number };
  readonly open: { readonly url: string };
  readonly welcome: P['pushes']['welcome'];
  /** After `welcome`, when the server has another contract than this client: what differs. */
  readonly contractMismatch: ContractMatch;
  readonly authenticated: P['replies']['authenticate'];
  /** The connection takes commands: `welcome` has come and, where there is a credential, it was accepted. */
  readonly ready: { readonly url: string };
  /** The server is about to close the connection (CON-5). */
  readonly closing: P['pushes']['closing'];
  /** A socket has ended. `willReconnect` is false on the last one. */
  readonly closed: {
    readonly code: number;
    readonly reason: string;
    readonly class: CloseClass | undefined;
    readonly willReconnect: boolean;
  };
  /** In `delayMs` milliseconds the next socket is opened. */
  readonly reconnecting: { readonly attempt: number; readonly delayMs: number };
  /** A subscription is in force again after a drop or a pause. */
  readonly resumed: {
    readonly subscriptionId: string;
    readonly stream: string;
    readonly recovery: P['replies']['subscribe']['recovery'];
  };
  /** The server refused a subscribe or an unsubscribe for now, and is asked again in `delayMs` milliseconds. */
  readonly postponed: {
    readonly subscriptionId: string;
    readonly stream: string;
    readonly error: TidemarkError;
    readonly delayMs: number;
  };
  /** A reader is too slow: its subscription rests until half of its buffer has been read. */
  readonly parked: { readonly subscriptionId: string; readonly position: Position | undefined };
  readonly gap: SubscriptionGap<P>;
  /** A heartbeat says that more events were sent than came (CON-3): the client reconnects to repair it. */
  readonly loss: { readonly sent: number; readonly received: number };
  /**
   * Something that no call reports: a frame that the contract does not allow, an error without a command, a token function
   * that failed, a refused credential, the reason why the client gave up.
   */
  readonly error: Error;
}
