/**
 * Keeps the server's side of one subscription in step with what its owner wants, over any number of connections.
 *
 * Two small states instead of one large one: what the server has (`wire`) and what is wanted (`want`). Whatever happens
 * changes one of them, and `#reconcile` sends the one command that brings them closer. So an unsubscribe during a
 * subscribe waits for its reply: sent at once, it could be handled first, and leave a subscription that nobody reads.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Settle } from './commands.ts';
import { ProtocolViolation, TidemarkError } from './errors.ts';
import { startTimer } from './timers.ts';
import type { Frame } from './wire.ts';

/** How a subscribe is asked: with a position, for a warm picture, or for the future only (RPL-1). */
export type Asked = 'resume' | 'warm' | 'none';

export interface EnrolmentOptions {
  readonly id: string;
  /** See `Connection.request`. */
  readonly request: (command: 'subscribe' | 'unsubscribe', data: Frame['data'], settle: Settle) => boolean;
  readonly backoffMs: (attempt: number) => number;
  /** What the next subscribe asks. */
  readonly nextSubscribe: () => { readonly asked: Asked; readonly data: Frame['data'] };
  readonly onSubscribed: (asked: Asked, data: Frame['data']) => void;
  /** The server refuses it for now: it is asked again after `delayMs`. */
  readonly onPostponed: (error: TidemarkError, delayMs: number) => void;
  /** The server refuses it for good. */
  readonly onRefused: (error: Error) => void;
  /** It is over, and the server holds nothing of it. Called once. */
  readonly onDetached: () => void;
}

export class Enrolment {
  readonly #options: EnrolmentOptions;
  #wire: 'none' | 'subscribing' | 'active' | 'unsubscribing' = 'none';
  #want: 'running' | 'parked' | 'ended' = 'running';
  /** Events have been passed over since it was parked: what the server has must end, and be resumed anew. */
  #stale = false;
  #detached = false;
  #refusals = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  get wire(): 'none' | 'subscribing' | 'active' | 'unsubscribing' {
    return this.#wire;
  }

  get want(): 'running' | 'parked' | 'ended' {
    return this.#want;
  }

  /** Events count only between `subscribed` and our own `unsubscribe`; later ones are not wanted, or will be replayed. */
  get attentive(): boolean {
    return this.#wire === 'active' && this.#want === 'running' && !this.#stale;
  }

  /** Commands can be sent. */
  connected(): void {
    this.#reconcile();
  }

  /** The server has nothing any more: the connection is gone, or the server has ended the subscription. */
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
      // Any other error means that the server does not have it.
      this.#setWire('none');
      this.#reconcile();
    });
    if (sent) this.#setWire('unsubscribing');
  }

  /** The server said no, for now or for good. */
  #refused(wire: 'none' | 'active', error: unknown): void {
    // A connection that ended comes as `lost` too, and says all there is to say.
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
