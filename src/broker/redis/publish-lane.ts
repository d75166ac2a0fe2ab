/**
 * Sends the events of one stream to Redis in order, in batches. Only one batch is in flight: if Redis refuses it because the stream is not
 * ready, no later event can be stored before it, even if another node makes the stream ready in the meantime. Events that are added while a
 * batch is in flight share the next one, so batches become larger when Redis is slow.
 */

/**
 * Why a batch cannot be stored yet. `unborn`: the stream does not exist. `fenced`: the fence must decide first. `unloaded`: Redis does not
 * have the script.
 */
export type Refusal = 'unborn' | 'fenced' | 'unloaded';
/** Why a batch cannot be sent yet. `enter`: the stream is not in the index. `ask`: the incarnation of the server is not known. */
export type Preparation = Refusal | 'enter' | 'ask';

/** Reports the result of a batch to those who wait for it. */
export type Report = () => void;

export class LaneBatch<Item> {
  readonly items: readonly Item[];
  /** Whether the stream was entered into the index before this batch was made, or because of it. */
  entered: 'earlier' | 'now' = 'earlier';
  /** Whether Redis has the script. If not, the text of the script must be sent. */
  script: 'loaded' | 'unloaded' = 'loaded';
  /** How often the batch was sent so far. */
  attempts = 0;

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

/** If the lane is idle, this many events are sent at once, so that Redis works while this node encodes the other events of the turn. */
const FIRST_BATCH_EVENTS = 32;
/** These two limits keep a script call below about a millisecond of Redis time. */
const MAX_BATCH_EVENTS = 128;
const MAX_BATCH_CHARACTERS = 256 * 1024;

export class PublishLane<Item> {
  readonly #options: PublishLaneOptions<Item>;
  #waiting: Item[] = [];
  /** `scheduled`: the waiting items are sent at the end of this turn of the event loop. `sending`: until nothing waits. */
  #state: 'idle' | 'scheduled' | 'sending' = 'idle';

  constructor(options: PublishLaneOptions<Item>) {
    this.#options = options;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    if (this.#state === 'sending') return;
    if (this.#waiting.length >= FIRST_BATCH_EVENTS) {
      void this.#sendAll();
      return;
    }
    if (this.#state === 'scheduled') return;
    this.#state = 'scheduled';
    setImmediate(() => {
      if (this.#state === 'scheduled') void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    this.#state = 'sending';
    let report: Report | undefined;
    while (this.#waiting.length > 0) {
      const stored = this.#store(new LaneBatch(this.#take()));
      // Reported after the next batch was sent: those who wait may publish again, and Redis should work meanwhile.
      report?.();
      report = await stored;
    }
    this.#state = 'idle';
    this.#options.onIdle();
    report?.();
  }

  /** Sends the batch, again after each refusal. If a preparation fails, rejects everything that waits. */
  async #store(batch: LaneBatch<Item>): Promise<Report> {
    try {
      return await this.#sendPrepared(batch);
    } catch (error) {
      const items = [...batch.items, ...this.#waiting.splice(0)];
      return () => this.#options.reject(items, error);
    }
  }

  /** @throws {Error} if a preparation fails; nothing of the batch is stored then */
  async #sendPrepared(batch: LaneBatch<Item>): Promise<Report> {
    let preparation = this.#options.need();
    for (;;) {
      if (preparation === undefined) {
        batch.attempts += 1;
        const outcome = await this.#options.send(batch);
        if (typeof outcome === 'function') return outcome;
        preparation = outcome;
      } else {
        await this.#options.prepare(preparation);
        if (preparation === 'unloaded') batch.script = 'unloaded';
        if (preparation === 'enter' || preparation === 'unborn') batch.entered = 'now';
        preparation = this.#options.need();
      }
    }
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
