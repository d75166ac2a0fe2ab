/**
 * `serve --workers N`: the primary process listens on one port and distributes the connections among N workers. Each worker is a separate
 * node, and all nodes use one Redis. The primary process restarts a worker that ends unexpectedly. At SIGHUP, it restarts all workers one
 * by one.
 *
 *     client ──▶ port ──▶ primary ──round robin──▶ worker 1 (watches) ┐
 *                                              ├─▶ worker 2           ├─▶ Redis
 *                                              └─▶ worker N           ┘
 */
import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT } from '../exit.ts';
import type { Notices } from '../log.ts';
import { printJson, printStatus, tint } from '../terminal.ts';
import { mergeMetrics } from './merged-metrics.ts';
import type { PrimaryMessage, WorkerMessage } from './messages.ts';
import { WORKER_NUMBER, WORKER_WATCHES } from './messages.ts';

/**
 * Delay before a worker that ended unexpectedly is restarted, in milliseconds. It is doubled each time the worker ends before it is ready.
 */
const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
/** How long to wait for the metrics of one worker, in milliseconds. */
const METRICS_WITHIN_MS = 1500;
/** Number of the worker that watches the directories. Only one worker watches, because two would publish each change twice. */
const WATCHER = 1;

export interface WorkersOptions {
  readonly workers: number;
  readonly json: boolean;
  readonly notices: Notices;
}

interface Ready {
  readonly report: string;
  readonly addresses: object;
}

type Signal = 'SIGINT' | 'SIGTERM';

/** Runs the workers until a signal ends them, then exits the process. */
export async function runWorkers(options: WorkersOptions): Promise<void> {
  await new Workers(options).run();
}

class Workers {
  readonly #options: WorkersOptions;
  readonly #current = new Map<number, Worker>();
  readonly #changes = new Map<number, Promise<void>>();
  #stopping: Signal | undefined;
  /** Exit code of the first worker that ended before it was ready, during the initial start. */
  #failure: number | undefined;
  #restarting = false;
  #isServing = false;
  #asked = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    // A worker receives the same arguments as this process, so it reads the same configuration.
    cluster.setupPrimary({ args: process.argv.slice(2) });
    cluster.schedulingPolicy = cluster.SCHED_RR;
  }

  async run(): Promise<void> {
    const { workers, json, notices } = this.#options;
    process
      .on('SIGINT', (signal) => this.#stop(signal as Signal))
      .on('SIGTERM', (signal) => this.#stop(signal as Signal));
    // On a terminal, SIGHUP means that the terminal was closed. It ends the process, as it does by default.
    if (!process.stdin.isTTY) process.on('SIGHUP', () => void this.#restartAll());
    const numbers = Array.from({ length: workers }, (_, index) => index + 1);
    // The first worker starts alone. If it cannot start, the other workers probably cannot start either, and each would report the same
    // fault.
    const first = await this.#start(WATCHER, { watches: true });
    if (first === undefined) return this.#endWith(EXIT.runtime);
    const others = await Promise.all(
      numbers.filter((number) => number !== WATCHER).map((number) => this.#start(number, { watches: false })),
    );
    if (others.includes(undefined)) return this.#endWith(EXIT.runtime);
    this.#isServing = true;
    const shared = `${workers} workers share the port; SIGHUP restarts them one by one`;
    if (first.report === '') notices.info(shared);
    else printStatus(`${first.report}\n${tint('dim', `  ${shared}`)}`);
    if (json) await printJson({ ...first.addresses, pid: process.pid, workers });
    for (const number of numbers) void this.#keep(number);
  }

  /** Starts a worker, and waits until it is ready. @returns undefined if the worker ended before it was ready */
  async #start(number: number, { watches }: { readonly watches: boolean }): Promise<Ready | undefined> {
    const worker = cluster.fork({ [WORKER_NUMBER]: String(number), [WORKER_WATCHES]: watches ? '1' : '0' });
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'metrics wanted') void this.#answerMetrics(worker, message.id);
    });
    // Writing to a worker that was just killed fails. The error is ignored, because `#keep` restarts the worker after its exit.
    worker.on('error', () => undefined);
    const ready = await readyOf(worker);
    if (ready === undefined) {
      if (!this.#isServing) this.#failure ??= worker.process.exitCode ?? EXIT.runtime;
      return undefined;
    }
    this.#current.set(number, worker);
    if (this.#stopping !== undefined) send(worker, { kind: 'stop', signal: this.#stopping });
    return ready;
  }

  /**
   * Runs the changes of one worker one after another. Otherwise a start after a crash and a restart by SIGHUP could both start the worker.
   */
  async #change(number: number, act: () => Promise<void>): Promise<void> {
    const changed = (this.#changes.get(number) ?? Promise.resolve()).then(act);
    this.#changes.set(number, changed);
    await changed;
  }

  /** Starts the worker again whenever it ends unexpectedly. */
  async #keep(number: number): Promise<void> {
    let pauseMs = FIRST_RESTART_MS;
    while (this.#stopping === undefined) {
      const worker = this.#current.get(number);
      if (worker !== undefined && !worker.isDead()) await once(worker, 'exit');
      // If a restart by SIGHUP has already replaced this worker, there is nothing to do.
      if (this.#stopping !== undefined || this.#current.get(number) !== worker) continue;
      this.#options.notices.error(`worker ${number} ended unexpectedly and is started again in ${pauseMs / 1000} s`);
      await delay(pauseMs);
      await this.#change(number, async () => {
        if (this.#stopping !== undefined || this.#current.get(number) !== worker) return;
        const ready = await this.#start(number, { watches: number === WATCHER });
        pauseMs = ready === undefined ? Math.min(2 * pauseMs, LONGEST_RESTART_MS) : FIRST_RESTART_MS;
      });
    }
  }

  /**
   * Replaces all workers one by one. Each worker is stopped only after its replacement is ready, so that its clients can reconnect at once.
   */
  async #restartAll(): Promise<void> {
    if (this.#restarting || this.#stopping !== undefined) return;
    this.#restarting = true;
    this.#options.notices.info('SIGHUP: restarting the workers one by one');
    let goesOn = true;
    for (const number of [...this.#current.keys()].toSorted((a, b) => a - b)) {
      if (!goesOn) break;
      await this.#change(number, async () => {
        goesOn = await this.#replace(number);
      });
    }
    this.#restarting = false;
  }

  /** Replaces one worker. @returns whether the remaining workers should be restarted as well */
  async #replace(number: number): Promise<boolean> {
    const old = this.#current.get(number);
    if (this.#stopping !== undefined) return false;
    const oldWatches = number === WATCHER && old?.isDead() === false;
    const ready = await this.#start(number, { watches: number === WATCHER && !oldWatches });
    if (ready === undefined) {
      this.#options.notices.error(`the new worker ${number} did not start; the remaining workers are not restarted`);
      return false;
    }
    if (old !== undefined) await this.#retire(old, this.#stopping);
    const replacement = this.#current.get(number);
    if (oldWatches && replacement !== undefined) send(replacement, { kind: 'watch' });
    this.#options.notices.info(`worker ${number} restarted`);
    return this.#stopping === undefined;
  }

  async #retire(worker: Worker, signal: Signal = 'SIGTERM'): Promise<void> {
    if (worker.isDead()) return;
    const ended = once(worker, 'exit');
    send(worker, { kind: 'stop', signal });
    await ended;
  }

  #stop(signal: Signal): void {
    if (this.#stopping !== undefined) {
      for (const worker of living()) send(worker, { kind: 'stop', signal });
      return;
    }
    this.#stopping = signal;
    void this.#endWith(signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok);
  }

  async #endWith(code: number): Promise<void> {
    this.#stopping ??= 'SIGTERM';
    const workers = living();
    await Promise.all(workers.map((worker) => this.#retire(worker, this.#stopping)));
    // If a worker has exited with an error code, the primary process exits with this code. Some faults are only detected by a worker.
    const failed =
      this.#failure ??
      workers.map(({ process: { exitCode } }) => exitCode ?? EXIT.runtime).find((each) => each !== 0 && each !== code);
    process.exit(failed ?? code);
  }

  async #answerMetrics(asker: Worker, id: number): Promise<void> {
    const texts = await Promise.all(
      [...this.#current]
        .toSorted(([a], [b]) => a - b)
        .map(async ([number, worker]) => [number, await this.#metricsOf(worker)] as const),
    );
    const known = new Map(texts.flatMap(([number, text]) => (text === undefined ? [] : [[number, text] as const])));
    send(asker, { kind: 'all metrics', id, text: mergeMetrics(known) });
  }

  /** Requests the metrics of one worker. @returns undefined if the worker does not answer in time */
  async #metricsOf(worker: Worker): Promise<string | undefined> {
    this.#asked += 1;
    const id = this.#asked;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const take = (message: WorkerMessage): void => {
      if (message.kind === 'metrics' && message.id === id) resolve(message.text);
    };
    const timer = setTimeout(() => resolve(undefined), METRICS_WITHIN_MS);
    worker.on('message', take);
    send(worker, { kind: 'report metrics', id });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      worker.off('message', take);
    }
  }
}

function living(): readonly Worker[] {
  return Object.values(cluster.workers ?? {}).flatMap((worker) =>
    worker === undefined || worker.isDead() ? [] : [worker],
  );
}

function send(worker: Worker, message: PrimaryMessage): void {
  // The callback is empty, because a failed send is handled when the worker exits.
  if (worker.isConnected()) worker.send(message, () => undefined);
}

async function readyOf(worker: Worker): Promise<Ready | undefined> {
  return new Promise((resolve) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'ready') resolve(message);
    });
    worker.once('exit', () => resolve(undefined));
  });
}
