/**
 * Sends the batches of one stream in order. Several batches may be in flight, because Redis runs scripts in the order in which they were
 * sent. If Redis refuses a batch because the stream is not ready, later batches wait until the stream is ready and the refused batches were
 * sent again. Otherwise, a later event would be stored before an earlier one.
 */

/**
 * Why a batch cannot be stored yet. `unborn`: the stream does not exist. `fenced`: the fence must decide first. `unloaded`: Redis does not
 * have the script.
 */
export type Refusal = 'unborn' | 'fenced' | 'unloaded';
/** Why a batch cannot be sent yet. `enter`: the stream is not in the index. `ask`: the incarnation of the server is not known. */
export type Preparation = Refusal | 'enter' | 'ask';

export class LaneBatch<Item> {
  readonly items: readonly Item[];
  /** Whether the stream was entered into the index before this batch was added, or because of it. */
  entered: 'earlier' | 'now' = 'earlier';
  /** Whether Redis has the script. If not, the text of the script must be sent. */
  script: 'loaded' | 'unloaded' = 'loaded';
  attempts = 0;

  constructor(items: readonly Item[]) {
    this.items = items;
  }
}

export interface PublishLaneOptions<Item> {
  /** Returns what must be done before the next batch can be sent; undefined if nothing must be done. */
  readonly need: () => Preparation | undefined;
  readonly prepare: (preparation: Preparation) => Promise<void>;
  /**
   * Sends a batch to Redis before this function returns. Resolves once Redis has answered: with undefined, or with the reason why the batch
   * must be sent again. Never rejects.
   */
  readonly send: (batch: LaneBatch<Item>) => Promise<Refusal | undefined>;
  readonly reject: (batch: LaneBatch<Item>, error: unknown) => void;
  /** Called when no batch waits, and no batch is in flight. */
  readonly onIdle: () => void;
}

export class PublishLane<Item> {
  readonly #options: PublishLaneOptions<Item>;
  readonly #waiting: LaneBatch<Item>[] = [];
  /** The batches that must be sent again, in order. */
  readonly #refused: LaneBatch<Item>[] = [];
  #refusal: Refusal = 'unborn';
  #inFlight = 0;
  #state: 'open' | 'preparing' = 'open';

  constructor(options: PublishLaneOptions<Item>) {
    this.#options = options;
  }

  add(items: readonly Item[]): void {
    this.#waiting.push(new LaneBatch(items));
    this.#advance();
  }

  #advance(): void {
    if (this.#state === 'preparing') return;
    if (this.#refused.length > 0) {
      if (this.#inFlight > 0) return;
      this.#waiting.unshift(...this.#refused.splice(0));
      void this.#prepare(this.#refusal);
      return;
    }
    for (let batch = this.#waiting[0]; batch !== undefined; batch = this.#waiting[0]) {
      const need = this.#options.need();
      if (need !== undefined) {
        void this.#prepare(need);
        return;
      }
      this.#waiting.shift();
      void this.#send(batch);
    }
    if (this.#inFlight === 0) this.#options.onIdle();
  }

  async #send(batch: LaneBatch<Item>): Promise<void> {
    this.#inFlight += 1;
    batch.attempts += 1;
    const refusal = await this.#options.send(batch);
    this.#inFlight -= 1;
    if (refusal !== undefined) {
      this.#refused.push(batch);
      this.#refusal = refusal;
    }
    this.#advance();
  }

  async #prepare(preparation: Preparation): Promise<void> {
    this.#state = 'preparing';
    try {
      await this.#options.prepare(preparation);
      this.#note(preparation);
    } catch (error) {
      for (const batch of this.#waiting.splice(0)) this.#options.reject(batch, error);
    }
    this.#state = 'open';
    this.#advance();
  }

  #note(preparation: Preparation): void {
    const [first] = this.#waiting;
    if (preparation === 'unloaded' && first !== undefined) first.script = 'unloaded';
    if (preparation === 'enter' || preparation === 'unborn') for (const batch of this.#waiting) batch.entered = 'now';
  }
}
