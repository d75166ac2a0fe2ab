/** The messages between a primary process and its workers. */

export type WorkerMessage =
  /** The worker serves clients. `report` is text for people, `addresses` is for `--json`. */
  | { readonly kind: 'ready'; readonly report: string; readonly addresses: object }
  /** A worker requests the metrics of all workers. */
  | { readonly kind: 'metrics wanted'; readonly id: number }
  /** A worker's own metrics, in the text format of Prometheus. */
  | { readonly kind: 'metrics'; readonly id: number; readonly text: string };

export type PrimaryMessage =
  | { readonly kind: 'stop'; readonly signal: 'SIGINT' | 'SIGTERM' }
  /** The worker that watched the directories has ended: watch them from now on. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'report metrics'; readonly id: number }
  | { readonly kind: 'all metrics'; readonly id: number; readonly text: string };

/** Set for each worker: its number, from 1, which a replacement keeps. */
export const WORKER_NUMBER = 'TIDEMARK_WORKER_NUMBER';
/** Set for the worker that watches the directories from its start. */
export const WORKER_WATCHES = 'TIDEMARK_WORKER_WATCHES';
