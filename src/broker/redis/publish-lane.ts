/**
 * Sends the events of one stream to Redis in order, in batches. Two batches may be in flight, so that Redis works while this node handles
 * the results of a batch. Redis stores the second batch only if the last event of the first batch is the newest event of the stream.
 * Otherwise a later event could be stored before an earlier one: Redis may refuse the first batch because the stream is not ready, and
 * another node may make the stream ready before the second batch arrives.
 */

/**
 * Why a batch cannot be stored yet. `unborn`: the stream does not exist. `fenced`: the fence must decide first. `moved`: the newest event
 * of the stream is not the expected one. `unloaded`: Redis does not have the script.
 */
export type Refusal = 'unborn' | 'fenced' | 'moved' | 'unloaded';
/** Why a batch cannot be sent yet. `enter`: the stream is not in the index. `ask`: the incarnation of the server is not known. */
export type Preparation = Refusal | 'enter' | 'ask';

/** Reports the result of a batch to those who wait for it. */
export type Report = () => void;

export class LaneBatch<Item> {
  readonly items: readonly Item[];
  /** Redis must store the batch only if this is the newest event of the stream. Undefined if no batch before it is in flight. */
  after: Item | undefined;
  /** Whether the stream was entered into the index before this batch was made, or because of it. */
  entered: 'earlier' | 'now' = 'earlier';
  /** Whether Redis has the script. If not, the text of the script must be sent. */
  script: 'loaded' | 'unloaded' = 'loaded';
  /** How often the batch was sent so far as the first one, with no other batch in flight before it. */
  attempts = 0;
  /** The answer of Redis to the batch. Undefined while the batch must be sent, or sent again. */
  answer: Promise<Refusal | Report> | undefined;

  constructor(items: readonly Item[]) {
    this.items = items;
  }
}

export interface PublishLaneOptions<Item> {
  /** The size of an item in characters. */
  readonly sizeOf: (item: Item) => number;
  /** Returns what must be done before the next batch can be sent; undefined if nothing must be done. */
  readonly need: () => Preparation | undefined;
  readonly prepare: (preparation: Preparation) => Promise<void>;
  /**
   * Sends a batch before this function returns. Resolves once Redis has answered: with the reason why the batch must be sent again, or with
   * a function that reports the result to those who wait for it. Never rejects.
   */
  readonly send: (batch: LaneBatch<Item>) => Promise<Refusal | Report>;
  readonly reject: (items: readonly Item[], error: unknown) => void;
  /** Called when no item waits, and no batch is in flight. */
  readonly onIdle: () => void;
}

/**
 * As soon as this many events wait, they are sent, so that Redis works while this node encodes the later events of this turn of the event
 * loop.
 */
const EARLY_BATCH_EVENTS = 32;
/** These two limits keep a script call below about a millisecond of Redis time. */
const MAX_BATCH_EVENTS = 128;
const MAX_BATCH_CHARACTERS = 256 * 1024;
/** After a refusal as `moved`, this many batches are sent with only one in flight, because another node may publish on the stream, too. */
const BATCHES_AFTER_MOVED = 16;

export class PublishLane<Item> {
  readonly #options: PublishLaneOptions<Item>;
  readonly #waiting: Item[] = [];
  /** `scheduled`: the waiting items are sent at the end of this turn of the event loop. `sending`: until nothing waits. */
  #state: 'idle' | 'scheduled' | 'sending' = 'idle';
  /** The batch whose result is reported next. */
  #first: LaneBatch<Item> | undefined;
  /** The batch that is in flight behind {@link #first}. */
  #second: LaneBatch<Item> | undefined;
  /** How many more batches are sent with only one in flight. */
  #singles = 0;

  constructor(options: PublishLaneOptions<Item>) {
    this.#options = options;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    if (this.#state === 'sending') {
      this.#sendSecond();
    } else if (this.#waiting.length >= EARLY_BATCH_EVENTS) {
      void this.#sendAll();
    } else if (this.#state === 'idle') {
      this.#state = 'scheduled';
      setImmediate(() => {
        if (this.#state === 'scheduled') void this.#sendAll();
      });
    }
  }

  async #sendAll(): Promise<void> {
    this.#state = 'sending';
    let report: Report | undefined;
    while (this.#second !== undefined || this.#waiting.length > 0) {
      this.#first = this.#second ?? new LaneBatch(this.#take());
      this.#second = undefined;
      this.#singles = Math.max(this.#singles - 1, 0);
      const stored = this.#store(this.#first);
      // The previous batch is reported only now: Redis works on this batch while the publishers handle the results of the previous one.
      report?.();
      this.#sendSecond();
      report = await stored;
    }
    this.#first = undefined;
    this.#state = 'idle';
    this.#options.onIdle();
    report?.();
  }

  /** Sends a batch behind the first one if the first one is in flight and enough items wait. */
  #sendSecond(): void {
    if (this.#waiting.length < EARLY_BATCH_EVENTS) return;
    if (this.#singles > 0 || this.#second !== undefined || this.#first?.answer === undefined) return;
    if (this.#options.need() !== undefined) return;
    const batch = new LaneBatch(this.#take());
    batch.after = this.#first.items.at(-1);
    batch.answer = this.#options.send(batch);
    this.#second = batch;
  }

  /** Sends the batch until Redis has stored or rejected it. If a preparation fails, rejects everything that waits. */
  async #store(batch: LaneBatch<Item>): Promise<Report> {
    try {
      return await this.#sendPrepared(batch);
    } catch (error) {
      // Redis cannot have stored the second batch, because it did not store this one.
      const items = [...batch.items, ...(this.#second?.items ?? []), ...this.#waiting.splice(0)];
      this.#second = undefined;
      return () => this.#options.reject(items, error);
    }
  }

  /** @throws {Error} if a preparation fails; nothing of the batch is stored then */
  async #sendPrepared(batch: LaneBatch<Item>): Promise<Report> {
    for (;;) {
      if (batch.answer === undefined) {
        for (let need = this.#options.need(); need !== undefined; need = this.#options.need())
          await this.#prepare(batch, need);
        batch.after = undefined;
        batch.attempts += 1;
        batch.answer = this.#options.send(batch);
      }
      const answer = await batch.answer;
      if (typeof answer === 'function') return answer;
      batch.answer = undefined;
      if (answer === 'moved') this.#singles = BATCHES_AFTER_MOVED;
      else await this.#prepare(batch, answer);
    }
  }

  async #prepare(batch: LaneBatch<Item>, preparation: Preparation): Promise<void> {
    await this.#options.prepare(preparation);
    if (preparation === 'unloaded') batch.script = 'unloaded';
    if (preparation === 'enter' || preparation === 'unborn') batch.entered = 'now';
  }

  /** Removes the items of the next batch: the oldest ones, up to the limits. */
  #take(): readonly Item[] {
    let [count, characters] = [0, 0];
    for (const item of this.#waiting) {
      characters += this.#options.sizeOf(item);
      if (count > 0 && (count >= MAX_BATCH_EVENTS || characters > MAX_BATCH_CHARACTERS)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
