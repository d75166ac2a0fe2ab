/** The items that a webhook subscription delivers. `mcp/events` creates them from the events of the gateway. */

export type SourceItem =
  /** Delivery begins, or begins again after a loss. */
  | { readonly kind: 'start'; readonly cursor: string; readonly truncated: boolean }
  | { readonly kind: 'event'; readonly id: string; readonly body: object; readonly cursor: string };

export interface Source {
  /** The items. The iterator ends when the signal is aborted. It throws if the gateway refuses the subscription or ends it. */
  readonly items: AsyncIterator<SourceItem, undefined>;
  /** The position up to which everything was read, including events that do not match. */
  readonly cursor: () => string | undefined;
}

/** The error with which `terminated` reports the end of a subscription. */
export interface Termination {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}
