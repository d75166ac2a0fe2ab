/** What a webhook subscription delivers; the events layer makes it from the events of the gateway. */

export type SourceItem =
  /** Delivery begins, or begins again after a loss. */
  | { readonly kind: 'start'; readonly cursor: string; readonly truncated: boolean }
  | { readonly kind: 'event'; readonly id: string; readonly body: object; readonly cursor: string };

export interface Source {
  /** Ends when the signal is aborted. Throws when the subscription is refused or has ended. */
  readonly items: AsyncIterator<SourceItem, undefined>;
  /** The position up to which everything was read, also if nothing matched. */
  readonly cursor: () => string | undefined;
}

/** The end of a subscription, as `terminated` reports it. */
export interface Termination {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}
