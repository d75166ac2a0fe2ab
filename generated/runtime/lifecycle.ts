/**
 * Events about the client itself, for `client.on(name, listener)`.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ContractMatch } from './contract-match.ts';
import type { TidemarkError } from './errors.ts';
import type { SubscriptionGap } from './events.ts';
import type { CloseClass, Position, Protocol } from './wire.ts';

export type ClientState = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'closed';

export interface Lifecycle<P extends Protocol> {
  /** A socket is about to be opened. `attempt` counts from 1, and again from 1 after each connection that became ready. */
  readonly connecting: { readonly attempt: number };
  readonly open: { readonly url: string };
  readonly welcome: P['pushes']['welcome'];
  /** The server has another contract than this client; emitted after `welcome`. */
  readonly contractMismatch: ContractMatch;
  readonly authenticated: P['replies']['authenticate'];
  /** Commands can be sent: `welcome` was received and the credential, if any, was accepted. */
  readonly ready: { readonly url: string };
  /** The server is about to close the connection (CON-5). */
  readonly closing: P['pushes']['closing'];
  /** A socket has ended. `willReconnect` is false if the client will not open another one. */
  readonly closed: {
    readonly code: number;
    readonly reason: string;
    readonly class: CloseClass | undefined;
    readonly willReconnect: boolean;
  };
  /** The next socket will be opened in `delayMs` milliseconds. */
  readonly reconnecting: { readonly attempt: number; readonly delayMs: number };
  /** A subscription is active again after a lost connection or a pause. */
  readonly resumed: {
    readonly subscriptionId: string;
    readonly stream: string;
    readonly recovery: P['replies']['subscribe']['recovery'];
  };
  /** The server temporarily refused a subscribe or unsubscribe; it is retried in `delayMs` milliseconds. */
  readonly postponed: {
    readonly subscriptionId: string;
    readonly stream: string;
    readonly error: TidemarkError;
    readonly delayMs: number;
  };
  /** The reader is too slow: its subscription is paused until half of its buffer has been read. */
  readonly parked: { readonly subscriptionId: string; readonly position: Position | undefined };
  readonly gap: SubscriptionGap<P>;
  /**
   * A heartbeat counts more sent events than were received (CON-3). The client reconnects to fetch the missing events.
   */
  readonly loss: { readonly sent: number; readonly received: number };
  /**
   * An error that no call reports: an invalid frame, an error without a command, a failed token function, a rejected
   * credential, the reason why the client gave up.
   */
  readonly error: Error;
}
