/**
 * Groups items that follow one another quickly, for programs that start work after a change, such as a build.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { startTimer } from './timers.ts';
import { isObject } from './wire.ts';

export interface SettleOptions {
  /** A group ends when no item arrives for this long, in milliseconds; default 200. */
  readonly quietMs?: number;
  /** A group ends this long after its first item even without a pause, in milliseconds; default 10,000. */
  readonly atMostMs?: number;
  /** A group ends with this number of items; 10,000 by default. */
  readonly atMostItems?: number;
}

const QUIET = Symbol('quiet');

/**
 * Yields groups of items, each in the order of arrival. Of several changes of one file in a group, only the newest is
 * kept, because it describes the whole state of the file. Renames, gaps and all other events are kept.
 *
 *     for await (const changes of settled(client.subscribe({ events: ['file_change'] }), { quietMs: 300 })) await build(changes);
 *
 * Ending the loop ends the subscription, and the end of the subscription ends the loop after its last group. If the
 * subscription throws an error, the group collected before the error is yielded first.
 */
export async function* settled<Item extends object>(
  items: AsyncIterable<Item>,
  options: SettleOptions = {},
): AsyncGenerator<readonly Item[], void, undefined> {
  const { quietMs = 200, atMostMs = 10_000, atMostItems = 10_000 } = options;
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const first = await next;
      if (first.done === true) return;
      const group = new Group<Item>();
      group.add(first.value);
      next = iterator.next();
      // The error is thrown where `next` is awaited, which may be later, so prevent a report of an unhandled rejection.
      next.catch(() => undefined);
      const endsAt = performance.now() + atMostMs;
      while (group.size < atMostItems) {
        const item = await within(Math.min(quietMs, endsAt - performance.now()), next);
        if (item === QUIET || item.done === true) break;
        group.add(item.value);
        next = iterator.next();
        next.catch(() => undefined);
      }
      yield group.items;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Returns the next item, or `QUIET` if none arrives in time or `next` rejects. After a rejection, the next wait throws the error. */
async function within<T>(ms: number, next: Promise<T>): Promise<T | typeof QUIET> {
  let cancel = (): void => undefined;
  const quiet = new Promise<typeof QUIET>((resolve) => {
    cancel = startTimer(ms, () => resolve(QUIET), { holdsProcess: true });
  });
  try {
    return await Promise.race<T | typeof QUIET>([next.catch((): typeof QUIET => QUIET), quiet]);
  } finally {
    cancel();
  }
}

class Group<Item extends object> {
  /** The items in order of arrival. A change of a file replaces an earlier change of the same file. */
  readonly #items = new Map<unknown, Item>();

  get size(): number {
    return this.#items.size;
  }

  get items(): readonly Item[] {
    return [...this.#items.values()];
  }

  add(item: Item): void {
    const change = fileChangeOf(item);
    if (change !== undefined) this.#items.delete(change.file);
    // A rename also affects the old path, so a later change of the new path does not replace it.
    this.#items.set(change === undefined || change.isRename ? item : change.file, item);
  }
}

function fileChangeOf(item: object): { readonly file: string; readonly isRename: boolean } | undefined {
  if (!('event' in item) || item.event !== 'file_change' || !('payload' in item) || !isObject(item.payload))
    return undefined;
  const { root, path, changeType } = item.payload;
  return { file: JSON.stringify([root, path]), isRename: changeType === 'rename' };
}
