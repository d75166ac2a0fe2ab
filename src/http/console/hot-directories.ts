/** Counts the events of each directory during the last five minutes. */

/** The window in which events are counted, and the length of its parts, which expire one by one. Both in milliseconds. */
const WINDOW_MS = 300_000;
const PART_MS = 5000;

export class HotDirectories {
  /** For each part of the window, the number of events per directory. */
  readonly #parts = new Map<number, Map<string, number>>();

  /** Counts the event if its payload has a path. @param at milliseconds since the Unix epoch */
  add({ payload }: { readonly payload: unknown }, at: number): void {
    const { path } = (typeof payload === 'object' && payload !== null ? payload : {}) as { readonly path?: unknown };
    if (typeof path !== 'string') return;
    const number = Math.floor(at / PART_MS);
    const counts = this.#parts.get(number) ?? new Map<string, number>();
    const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
    counts.set(directory, (counts.get(directory) ?? 0) + 1);
    this.#parts.set(number, counts);
  }

  /** The number of events per directory during the window. */
  counts(now: number): Readonly<Record<string, number>> {
    const sums = new Map<string, number>();
    for (const [number, counts] of this.#parts) {
      if ((number + 1) * PART_MS < now - WINDOW_MS) this.#parts.delete(number);
      else for (const [directory, count] of counts) sums.set(directory, (sums.get(directory) ?? 0) + count);
    }
    return Object.fromEntries(sums);
  }

  clear(): void {
    this.#parts.clear();
  }
}
