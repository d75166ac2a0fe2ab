/**
 * The changes of a mirror that one reader has not read yet. Changes of the same key are combined, so there are at most
 * as many changes as keys.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { defer } from './deferred.ts';

/**
 * A change of a mirror. `previous` is the event that the reader last knew for the key; undefined if the key was not in
 * the map.
 */
export type MirrorChange<Event> =
  | { readonly kind: 'set'; readonly key: string; readonly event: Event; readonly previous: Event | undefined }
  | { readonly kind: 'delete'; readonly key: string; readonly previous: Event };

export class ChangeLog<Event> {
  readonly #changes = new Map<string, MirrorChange<Event>>();
  #isEnded = false;
  #wake = defer<void>();

  add(change: MirrorChange<Event>): void {
    const { key } = change;
    const unread = this.#changes.get(key);
    // Delete the entry first, so that the change moves to the end: changes are in the order of the latest events.
    this.#changes.delete(key);
    const previous = unread === undefined ? change.previous : unread.previous;
    if (change.kind === 'set') this.#changes.set(key, { ...change, previous });
    else if (previous !== undefined) this.#changes.set(key, { kind: 'delete', key, previous });
    this.#wake.resolve();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake.resolve();
  }

  /**
   * Returns the oldest unread change; waits if there is none. Returns undefined after the end, when every change has been read.
   */
  async next(): Promise<MirrorChange<Event> | undefined> {
    for (;;) {
      const [change] = this.#changes.values();
      if (change !== undefined) {
        this.#changes.delete(change.key);
        return change;
      }
      if (this.#isEnded) return undefined;
      this.#wake = defer();
      await this.#wake.promise;
    }
  }
}
