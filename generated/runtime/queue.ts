/**
 * A queue of items that have been received and not yet read. `position` is the position of the last item that was read.
 * Store this position to resume in another process, because queued items are lost with this process.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Position } from './wire.ts';

interface Entry<Item> {
  readonly item: Item;
  /** The reader's position when the item has been taken; undefined leaves the position unchanged. */
  position: Position | undefined;
}

interface Reader<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

export class DeliveryQueue<Item> {
  #entries: Entry<Item>[] = [];
  /**
   * Index of the oldest entry. Entries are not shifted out of the array, because shifting a long array for each read
   * item would take quadratic time.
   */
  #head = 0;
  readonly #readers: Reader<Item>[] = [];
  #position: Position | undefined;
  #end: { readonly error: unknown } | undefined;
  readonly #onRead: () => void;

  /** @param onRead called after each item that the reader takes. */
  constructor(onRead: () => void, position?: Position) {
    this.#onRead = onRead;
    this.#position = position;
  }

  /** Number of items that wait for the reader. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  push(item: Item, position: Position | undefined): void {
    if (this.#end !== undefined) return;
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#entries.push({ item, position });
      return;
    }
    this.#position = position ?? this.#position;
    reader.resolve({ done: false, value: item });
  }

  /** Moves the position without an item: it takes effect when every item before it has been read. */
  mark(position: Position | undefined): void {
    if (position === undefined) return;
    const last = this.size === 0 ? undefined : this.#entries.at(-1);
    if (last === undefined) this.#position = position;
    else last.position = position;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const entry = this.#take();
    if (entry !== undefined) {
      this.#position = entry.position ?? this.#position;
      this.#onRead();
      return Promise.resolve({ done: false, value: entry.item });
    }
    if (this.#end !== undefined) return this.#ended(this.#end);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Ends the queue when the waiting items have been read. If there is an error, the next read then throws it, once. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const reader of this.#readers.splice(0)) this.#ended(this.#end).then(reader.resolve, reader.reject);
  }

  /** Ends the queue immediately and without an error; drops the waiting items. */
  stop(): void {
    this.#entries = [];
    this.#head = 0;
    if (this.#end !== undefined) this.#end = { error: undefined };
    this.end();
  }

  #ended(end: { readonly error: unknown }): Promise<IteratorResult<Item, undefined>> {
    if (end.error === undefined) return Promise.resolve({ done: true, value: undefined });
    this.#end = { error: undefined };
    return Promise.reject(end.error);
  }

  #take(): Entry<Item> | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    return entry;
  }
}
