/**
 * A queue of items that have been received and not yet read. `position` is the position of the last item that was read.
 * Store this position to resume in another process, because queued items are lost with this process.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Position } from './wire.ts';

interface Entry<Item, Mark> {
  readonly item: Item;
  /** The reader's position when the item has been taken; undefined leaves the position unchanged. */
  position: Mark | undefined;
}

interface Reader<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** @typeParam Mark a position or, for several streams, the changes of positions that an item causes. */
export class DeliveryQueue<Item, Mark = Position> {
  #entries: Entry<Item, Mark>[] = [];
  /**
   * Index of the oldest entry. Entries are not shifted out of the array, because shifting a long array for each read
   * item would take quadratic time.
   */
  #head = 0;
  readonly #readers: Reader<Item>[] = [];
  #position: Mark | undefined;
  #end: { readonly error: unknown } | undefined;
  readonly #onRead: () => void;
  readonly #join: (older: Mark, newer: Mark) => Mark;

  /**
   * @param onRead called after each item that the reader takes.
   * @param join combines two consecutive changes of the position; by default the newer one replaces the older one.
   */
  constructor(onRead: () => void, position?: Mark, join = (_older: Mark, newer: Mark): Mark => newer) {
    this.#onRead = onRead;
    this.#position = position;
    this.#join = join;
  }

  /** Number of items that wait for the reader. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  get position(): Mark | undefined {
    return this.#position;
  }

  push(item: Item, position: Mark | undefined): void {
    if (this.#end !== undefined) return;
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#entries.push({ item, position });
      return;
    }
    this.#move(position);
    reader.resolve({ done: false, value: item });
  }

  /** Moves the position without an item. The new position takes effect when every earlier item has been read. */
  mark(position: Mark | undefined): void {
    const last = this.#entries.at(-1);
    if (last === undefined) this.#move(position);
    else last.position = this.#joined(last.position, position);
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const entry = this.#take();
    if (entry !== undefined) {
      this.#move(entry.position);
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

  #move(to: Mark | undefined): void {
    this.#position = this.#joined(this.#position, to);
  }

  #joined(older: Mark | undefined, newer: Mark | undefined): Mark | undefined {
    if (older === undefined || newer === undefined) return newer ?? older;
    return this.#join(older, newer);
  }

  #take(): Entry<Item, Mark> | undefined {
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
