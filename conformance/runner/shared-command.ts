/**
 * A command to the target that several tapes need, such as a shutdown. It ends the target for all of them, so it runs only once, when every
 * tape has reached it.
 */

/** The command as one tape uses it. */
export interface SharedPart {
  /** Resolves when the command has run. @throws {Error} the error of `run` */
  reach(run: () => Promise<void>): Promise<void>;
  /** Called when the tape has ended. The other tapes do not wait for this tape any more. */
  leave(): void;
}

export class SharedCommand {
  readonly #expected = new Set<SharedPart>();
  readonly #done = Promise.withResolvers<void>();
  #run: (() => Promise<void>) | undefined;

  constructor() {
    // Prevents a report of an unhandled rejection: the command may fail when no tape waits for it any more.
    this.#done.promise.catch(() => undefined);
  }

  /** Must be called for every tape before the first tape starts. */
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
    // `#run` is undefined if no tape has reached the command; the command must not run then.
    this.#run?.().then(this.#done.resolve, this.#done.reject);
  }
}
