/**
 * Keeps the state of one subscription on the server equal to the state that its owner wants, over any number of
 * connections.
 *
 * There are two states: what the server has (`wire`) and what is wanted (`want`). Every change of one of them calls
 * `#reconcile`, which sends the next command unless a command is pending. An unsubscribe during a subscribe therefore waits
 * for the reply of the subscribe. If it were sent immediately, the server could handle it first, and keep a subscription
 * that nothing reads.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Settle } from './commands.ts';
import { ProtocolViolation, TidemarkError } from './errors.ts';
import { startTimer } from './timers.ts';
import type { Frame } from './wire.ts';

/** The replay mode of a subscribe (RPL-1). */
export type ReplayMode = 'resume' | 'warm' | 'none';

export interface ServerSubscriptionOptions {
  readonly id: string;
  /** See `Connection.request`. */
  readonly request: (command: 'subscribe' | 'unsubscribe', data: Frame['data'], settle: Settle) => boolean;
  readonly backoffMs: (attempt: number) => number;
  /** Returns the next subscribe command. */
  readonly nextSubscribe: () => { readonly asked: ReplayMode; readonly data: Frame['data'] };
  readonly onSubscribed: (asked: ReplayMode, data: Frame['data']) => void;
  /** The server temporarily refused the command; it is retried after `delayMs`. */
  readonly onPostponed: (error: TidemarkError, delayMs: number) => void;
  /** The server rejected the subscription permanently. */
  readonly onRefused: (error: Error) => void;
  /** Called once, when the subscription has ended both in the client and on the server. */
  readonly onDetached: () => void;
}

export class ServerSubscription {
  readonly #options: ServerSubscriptionOptions;
  #wire: 'none' | 'subscribing' | 'active' | 'unsubscribing' = 'none';
  #want: 'running' | 'parked' | 'ended' = 'running';
  /**
   * Whether events were skipped while the subscription was parked. If so, it must end on the server before it is resumed.
   */
  #stale = false;
  #detached = false;
  #refusals = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(options: ServerSubscriptionOptions) {
    this.#options = options;
  }

  get wire(): 'none' | 'subscribing' | 'active' | 'unsubscribing' {
    return this.#wire;
  }

  get want(): 'running' | 'parked' | 'ended' {
    return this.#want;
  }

  /**
   * Whether events are accepted now: only between `subscribed` and our own `unsubscribe`. Later events are not wanted,
   * or will be replayed.
   */
  get attentive(): boolean {
    return this.#wire === 'active' && this.#want === 'running' && !this.#stale;
  }

  /** Called when commands can be sent. */
  connected(): void {
    this.#reconcile();
  }

  /**
   * Called when the subscription no longer exists on the server, because the connection or the subscription has ended.
   */
  lost(): void {
    this.#setWire('none');
    this.#clearRetry();
    if (this.#want === 'ended') this.#reconcile();
  }

  park(): void {
    if (this.#want !== 'running') return;
    this.#want = 'parked';
    this.#stale = this.#wire !== 'none';
    this.#reconcile();
  }

  unpark(): void {
    if (this.#want !== 'parked') return;
    this.#want = 'running';
    this.#reconcile();
  }

  end(): void {
    this.#want = 'ended';
    if (this.#wire === 'none') this.#clearRetry();
    this.#reconcile();
  }

  #reconcile(): void {
    if (this.#cancelRetry !== undefined) return;
    const unwanted = this.#want !== 'running' || this.#stale;
    if (this.#wire === 'active' && unwanted) this.#unsubscribe();
    else if (this.#wire === 'none' && this.#want === 'running') this.#subscribe();
    else if (this.#wire === 'none' && this.#want === 'ended') this.#detach();
  }

  #subscribe(): void {
    const { asked, data } = this.#options.nextSubscribe();
    const sent = this.#options.request('subscribe', data, (answer) => {
      if (!answer.ok) {
        this.#refused('none', answer.error);
        return;
      }
      this.#setWire('active');
      this.#refusals = 0;
      this.#options.onSubscribed(asked, answer.data);
      this.#reconcile();
    });
    if (sent) this.#setWire('subscribing');
  }

  #unsubscribe(): void {
    const sent = this.#options.request('unsubscribe', { subscriptionId: this.#options.id }, (answer) => {
      if (!answer.ok && answer.error instanceof TidemarkError && answer.error.retryable) {
        this.#refused('active', answer.error);
        return;
      }
      // Any other error means that the server does not have the subscription.
      this.#setWire('none');
      this.#reconcile();
    });
    if (sent) this.#setWire('unsubscribing');
  }

  /** Handles a command that the server refused, temporarily or permanently. */
  #refused(wire: 'none' | 'active', error: unknown): void {
    // Nothing to do if the connection has ended: `lost` is called as well, and handles this.
    if (!(error instanceof TidemarkError || error instanceof ProtocolViolation)) return;
    this.#setWire(wire);
    if (error instanceof ProtocolViolation || !error.retryable) {
      this.#options.onRefused(error);
      return;
    }
    if (this.#want === 'ended' && wire === 'none') {
      this.#detach();
      return;
    }
    const delayMs = error.retryAfterMs ?? this.#options.backoffMs(this.#refusals);
    this.#refusals += 1;
    this.#cancelRetry = startTimer(delayMs, () => {
      this.#cancelRetry = undefined;
      this.#reconcile();
    });
    this.#options.onPostponed(error, delayMs);
  }

  #setWire(wire: 'none' | 'subscribing' | 'active' | 'unsubscribing'): void {
    this.#wire = wire;
    if (wire === 'none') this.#stale = false;
  }

  #detach(): void {
    if (this.#detached) return;
    this.#detached = true;
    this.#clearRetry();
    this.#options.onDetached();
  }

  #clearRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}
