/** Tracks which streams change while a subscription to many streams is being planned (MUL-7). */
import { selects } from '../broker/stream-selectors.ts';

export class StreamChanges {
  readonly #selectors: readonly string[];
  readonly #onStop: (changes: StreamChanges) => void;
  #streams = new Set<string>();

  constructor(selectors: readonly string[], onStop: (changes: StreamChanges) => void) {
    this.#selectors = selectors;
    this.#onStop = onStop;
  }

  /** Must be called with the name of a stream when the stream has an event or a loss, or ends. */
  note(stream: string): void {
    if (!this.#streams.has(stream) && selects(this.#selectors, stream)) this.#streams.add(stream);
  }

  /** Number of streams that have changed since the last {@link take}. */
  get size(): number {
    return this.#streams.size;
  }

  /** The streams that have changed since the last call. */
  take(): readonly string[] {
    const streams = [...this.#streams];
    this.#streams = new Set();
    return streams;
  }

  /** Stops tracking changes. */
  stop(): void {
    this.#onStop(this);
  }
}
