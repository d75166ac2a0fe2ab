/**
 * A command to the target that several tapes need at the same time, such as its shutdown: it ends the target for all of them, so it runs
 * once, when every tape has reached it.
 */

/** What one tape sees of the command. */
export interface SharedPart {
  /** Resolves when the command has run. @throws {Error} what `run` throws */
  reach(run: () => Promise<void>): Promise<void>;
  /** Called when the tape has ended. The others do not wait for it any more. */
  leave(): void;
}

export class SharedCommand {
  readonly #expected = new Set<SharedPart>();
  readonly #done = Promise.withResolvers<void>();
  #run: (() => Promise<void>) | undefined;

  constructor() {
    // The command may fail while no tape waits for it any more.
    this.#done.promise.catch(() => undefined);
  }

  /** Every tape joins before the first one starts. */
  join(): SharedPart {
    const part: SharedPart = {
      reach: (run) => {
        this.#run ??= run;
        this.#arrived(part);
        return this.#done.promise;
      },
      leave: () => this.#arrived(part),
    };
    this.#expected.add(part);
    return part;
  }

  #arrived(part: SharedPart): void {
    if (!this.#expected.delete(part) || this.#expected.size > 0) return;
    // Without it, no tape has reached the command.
    this.#run?.().then(this.#done.resolve, this.#done.reject);
  }
}
