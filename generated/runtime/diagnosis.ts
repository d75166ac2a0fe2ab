/**
 * What a client knows about its own connection, for support, for dashboards, and to find out why it does not connect.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Emitter } from './emitter.ts';
import type { ClientState, Lifecycle } from './lifecycle.ts';
import type { SubscriptionState } from './subscription.ts';
import type { Position, Protocol } from './wire.ts';

/** One subscription, as a {@link Diagnosis} shows it. */
export interface SubscriptionDiagnosis {
  readonly id: string;
  readonly stream: string;
  readonly state: SubscriptionState;
  readonly position: Position | undefined;
  /** See `Subscription.lag`. */
  readonly lag: number | undefined;
  readonly buffered: number;
  readonly gapCount: number;
}

export interface Diagnosis {
  readonly url: string;
  readonly state: ClientState;
  /** Number of connections on which commands could be sent. */
  readonly connections: number;
  /** Number of reconnects: the connections after the first one. */
  readonly reconnects: number;
  /** Number of consecutive attempts to connect that failed; 0 while connected. */
  readonly failedAttempts: number;
  /** How the latest socket ended. 1006 without `opened` means that no WebSocket was opened. */
  readonly lastClose: (Lifecycle<Protocol>['closed'] & { readonly opened: boolean }) | undefined;
  /** The latest error that no call has reported. Undefined after each successful connection. */
  readonly lastError: Error | undefined;
  /** Number of gaps, over all subscriptions. */
  readonly gaps: number;
  /** Number of heartbeats that counted more events than were received (CON-3). */
  readonly losses: number;
  readonly subscriptions: readonly SubscriptionDiagnosis[];
  /**
   * Why there is no connection, as far as the client can know. Undefined while there is a connection, or before the
   * first attempt.
   */
  readonly problem: string | undefined;
}

/** The parts of a diagnosis that are not counted here: the client supplies them. */
export interface DiagnosisSubject extends Pick<Diagnosis, 'url' | 'state'> {
  readonly subscriptions: Iterable<SubscriptionDiagnosis>;
}

export const HOW_TO_FIND_OUT = 'diagnose(client) of "tidemark-client/diagnose" finds the reason.';

type Counts = {
  -readonly [Name in Exclude<keyof Diagnosis, keyof DiagnosisSubject | 'reconnects' | 'problem'>]: Diagnosis[Name];
};

/** Counts the client's own lifecycle events. */
export class Diagnostics<P extends Protocol> {
  readonly #counts: Counts = {
    connections: 0,
    failedAttempts: 0,
    lastClose: undefined,
    lastError: undefined,
    gaps: 0,
    losses: 0,
  };
  #opened = false;

  constructor(emitter: Emitter<Lifecycle<P>>) {
    const counts = this.#counts;
    emitter.on('connecting', ({ attempt }) => {
      this.#opened = false;
      counts.failedAttempts = attempt - 1;
    });
    emitter.on('open', () => (this.#opened = true));
    emitter.on('ready', () => {
      counts.connections += 1;
      counts.failedAttempts = 0;
      counts.lastError = undefined;
    });
    emitter.on('closed', (end) => (counts.lastClose = { ...end, opened: this.#opened }));
    emitter.on('reconnecting', ({ attempt }) => (counts.failedAttempts = attempt - 1));
    emitter.on('error', (error) => (counts.lastError = error));
    emitter.on('gap', () => (counts.gaps += 1));
    emitter.on('loss', () => (counts.losses += 1));
  }

  read(subject: DiagnosisSubject): Diagnosis {
    const counts = { ...this.#counts, reconnects: Math.max(0, this.#counts.connections - 1) };
    const subscriptions = [...subject.subscriptions].map(({ id, stream, state, position, lag, buffered, gapCount }) => {
      return { id, stream, state, position, lag, buffered, gapCount };
    });
    return { ...subject, ...counts, subscriptions, problem: problemOf(subject, counts) };
  }
}

function problemOf({ url, state }: DiagnosisSubject, { lastClose, lastError }: Counts): string | undefined {
  if (state === 'open' || state === 'idle') return undefined;
  const error = lastError?.message ?? '';
  if (lastClose === undefined) return error === '' ? undefined : error;
  if (lastClose.opened) return `${error} The connection ended: ${lastClose.code} ${lastClose.reason}`.trim();
  // The WebSocket API hides the reason. Otherwise, scripts could scan networks.
  return `No WebSocket was opened to ${url}: the server is unreachable, the path is wrong, or the origin of this page is not allowed. ${HOW_TO_FIND_OUT}`;
}
