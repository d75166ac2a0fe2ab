/** The messages between a primary process and its workers. */

export type WorkerMessage =
  /** The worker serves clients. `report` is the text that `serve` prints, `addresses` is the output of `--json`. */
  | { readonly kind: 'ready'; readonly report: string; readonly addresses: object }
  /** A worker requests the metrics of all workers. */
  | { readonly kind: 'metrics wanted'; readonly id: number }
  /** A worker's own metrics, in the text format of Prometheus. */
  | { readonly kind: 'metrics'; readonly id: number; readonly text: string };

export type PrimaryMessage =
  | { readonly kind: 'stop'; readonly signal: 'SIGINT' | 'SIGTERM' }
  /** Watch the directories from now on, because the worker that watched them has ended. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'report metrics'; readonly id: number }
  | { readonly kind: 'all metrics'; readonly id: number; readonly text: string };

/** Environment variable with the number of the worker, counted from 1. A replacement has the number of the worker that it replaces. */
export const WORKER_NUMBER = 'TIDEMARK_WORKER_NUMBER';
/** Environment variable: `1` if the worker watches the directories from its start, otherwise `0`. */
export const WORKER_WATCHES = 'TIDEMARK_WORKER_WATCHES';
