/**
 * Runs a task, one run at a time. A run begins at the end of the turn of the event loop, and not before the previous run has ended. All
 * calls until then share the run.
 */
export class SharedRuns {
  readonly #task: () => Promise<void>;
  /** The run that is scheduled but has not begun. */
  #next: Promise<void> | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** Resolves when the next run, which begins after this call, has ended. Rejects if that run failed. */
  run(): Promise<void> {
    this.#next ??= Promise.allSettled([this.#running, nextTurn()]).then(() => {
      this.#next = undefined;
      this.#running = this.#task();
      return this.#running;
    });
    return this.#next;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
