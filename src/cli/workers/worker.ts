/** A worker's connection to its primary process. The primary decides when the worker watches the directories, and when the worker ends. */
import cluster from 'node:cluster';
import { EventEmitter } from 'node:events';
import { EXIT } from '../exit.ts';
import type { PrimaryMessage, WorkerMessage } from './messages.ts';
import { WORKER_NUMBER, WORKER_WATCHES } from './messages.ts';

/** How long to wait for the metrics of the other workers, in milliseconds. After that, a scrape returns only the metrics of this worker. */
const METRICS_WITHIN_MS = 2000;

export class WorkerLink {
  /** Number of the worker, from 1. */
  readonly number = Number(process.env[WORKER_NUMBER]);
  /** Whether this worker watches the directories from its start. */
  readonly watches = process.env[WORKER_WATCHES] === '1';
  /** Emits `SIGINT` or `SIGTERM` when the primary process tells this worker to stop. */
  readonly signals = new EventEmitter();
  readonly #waiting = new Map<number, (text: string) => void>();
  #ownMetrics: (() => Promise<string>) | undefined;
  #onWatch: (() => void) | undefined;
  #asked = 0;

  /** The connection of this process to its primary; undefined if this process is not a worker. */
  static ofThisProcess(): WorkerLink | undefined {
    return cluster.isWorker ? new WorkerLink() : undefined;
  }

  private constructor() {
    process.on('message', (message: PrimaryMessage) => this.#receive(message));
    // A terminal and systemd send signals to every process of the group. The worker ignores them, because the primary process decides when
    // a worker ends.
    process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
    // If the primary process has ended, no process passes connections to this worker or restarts it, so the worker stops.
    process.on('disconnect', () => this.#stop('SIGTERM'));
    // By default, `cluster` exits the process when the connection to the primary is lost, so the clients would not receive `closing`. This
    // value prevents the exit.
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  }

  ready(report: string, addresses: object): void {
    this.#send({ kind: 'ready', report, addresses });
  }

  /** Sets the function that is called when this worker must start to watch the directories. */
  onWatch(act: () => void): void {
    this.#onWatch = act;
  }

  /** Sets the function that reads the metrics of this worker. It is called at each scrape, whichever worker the scrape reaches. */
  reportMetrics(own: () => Promise<string>): void {
    this.#ownMetrics = own;
  }

  /** Collects the metrics of all workers. If the primary process does not answer in time, returns only the result of `own`. */
  async collectMetrics(own: () => Promise<string>): Promise<string> {
    this.#asked += 1;
    const id = this.#asked;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(() => resolve(undefined), METRICS_WITHIN_MS);
    this.#waiting.set(id, resolve);
    this.#send({ kind: 'metrics wanted', id });
    try {
      return (await promise) ?? (await own());
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Closes the connection, so that this process can exit after a failed start. */
  end(): void {
    process.removeAllListeners('disconnect');
    if (process.connected) process.disconnect();
  }

  #receive(message: PrimaryMessage): void {
    if (message.kind === 'stop') this.#stop(message.signal);
    else if (message.kind === 'watch') this.#onWatch?.();
    else if (message.kind === 'all metrics') this.#waiting.get(message.id)?.(message.text);
    else void this.#reportMetrics(message.id);
  }

  /** Stops this worker. If the gateway has not started yet, there is nothing to drain, and the process exits at once. */
  #stop(signal: 'SIGINT' | 'SIGTERM'): void {
    if (!this.signals.emit(signal, signal)) process.exit(signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok);
  }

  async #reportMetrics(id: number): Promise<void> {
    const text = await this.#ownMetrics?.().catch(() => '');
    this.#send({ kind: 'metrics', id, text: text ?? '' });
  }

  #send(message: WorkerMessage): void {
    // The empty callback is needed: without a callback, a failed send emits an `error` event, which would end this process.
    if (process.connected) process.send?.(message, undefined, {}, () => undefined);
  }
}
