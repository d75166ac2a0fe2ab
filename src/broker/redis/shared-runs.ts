/**
 * Runs a task, one run at a time. All calls before a run has begun share that run. A run begins at the end of the turn of the event loop,
 * so all calls of one turn share a run.
 */
export class SharedRuns {
  readonly #task: () => Promise<void>;
  /** The run that is scheduled but has not begun. */
  #next: Promise<void> | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** Resolves when a run that began after this call has ended. Rejects if that run failed. */
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
