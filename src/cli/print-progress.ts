/** Determines the position after the last item that was printed. With `--settle`, items are read before they are printed. */
import { isGap } from '../../generated/client.ts';
import type { Position, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import type { StreamPosition } from '../../generated/streams.ts';

type Item = TidemarkEvent | TidemarkGap;

export class PrintProgress {
  /** The items that were read and not printed, in the order in which they were read. */
  readonly #unprinted = new Set<Item>();

  /** The items of the source. This is not a generator, because `return` of a generator waits until its pending `next` has an item. */
  track(source: AsyncIterable<Item>): AsyncIterable<Item> {
    return {
      [Symbol.asyncIterator]: () => {
        const inner = source[Symbol.asyncIterator]();
        return {
          next: async () => {
            const next = await inner.next();
            if (next.done !== true) this.#unprinted.add(next.value);
            return next;
          },
          return: async () => (await inner.return?.()) ?? { done: true, value: undefined },
        };
      },
    };
  }

  /** Must be called when an item was printed. Earlier items that were not printed were replaced by later ones. */
  printed(item: Item): void {
    for (const each of this.#unprinted) {
      this.#unprinted.delete(each);
      if (each === item) return;
    }
  }

  /**
   * The positions from which a later command receives every item that was not printed.
   * @param read the positions after the last items that were read
   * @returns undefined if there are no such positions, because an item that was not printed belongs to the state at the start
   */
  position(read: readonly StreamPosition[]): readonly StreamPosition[] | undefined {
    const lowest = new Map<string, Position>();
    for (const item of this.#unprinted) {
      const before = positionBefore(item);
      if (before === undefined) return undefined;
      const known = lowest.get(item.stream);
      if (known === undefined || (known.epoch === before.epoch && known.sequenceId > before.sequenceId))
        lowest.set(item.stream, before);
    }
    return read.map((each) => ({ ...each, ...lowest.get(each.stream) }));
  }
}

function positionBefore(item: Item): Position | undefined {
  if (isGap(item)) return item.from;
  const { epoch, sequenceId, replayReason } = item;
  return replayReason === 'warm' ? undefined : { epoch, sequenceId: sequenceId - 1 };
}
