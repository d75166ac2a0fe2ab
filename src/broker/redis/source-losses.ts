/**
 * The source losses (GAP-2) of one attached stream on one node. Each loss is reported once and in order, even if its message was missed.
 * Redis numbers the losses within an epoch. If a number does not follow the previous one, some messages were missed, and the losses are
 * read from Redis.
 */
import type { KeptLoss } from '../../replay/record.ts';
import { Losses } from '../../replay/losses.ts';
import { parseLoss } from './line.ts';
import type { StreamState } from './line.ts';

export interface SourceLossesOptions {
  /** Reads the entries of the stream's losses in Redis, beginning with an id. */
  readonly read: (from: string) => Promise<readonly (readonly [id: string, fields: readonly string[]])[]>;
  readonly report: (loss: KeptLoss) => void;
  readonly onUnreadable: (error: unknown) => void;
}

export class SourceLosses {
  /** Keeps the losses, so that a later resume can report them. */
  readonly kept = new Losses();
  readonly #options: SourceLossesOptions;
  /** The number of the loss that was reported last; undefined before {@link load}. */
  #number: number | undefined;
  #epoch = '';

  constructor(options: SourceLossesOptions) {
    this.#options = options;
  }

  /**
   * Reads the losses that were announced before this node mirrored the stream. They are kept. If the stream is new to its followers, they
   * are reported as well.
   */
  async load({ epoch, losses }: StreamState, isNew: () => boolean): Promise<void> {
    if (this.#number !== undefined) return;
    const entries = losses === 0 ? [] : await this.#options.read('-');
    for (const [, [, text = '']] of entries) {
      const loss = parseLoss(text);
      if (isNew()) this.#report(loss);
      else this.kept.add(loss);
    }
    this.#epoch = epoch;
    this.#number = Math.max(losses, numberOf(entries.at(-1)?.[0]));
  }

  /** Compares the number of the last reported loss with the current state of the stream, and reports the losses that were missed. */
  async look({ epoch, losses }: StreamState): Promise<void> {
    this.#countFrom(epoch);
    await this.#catchUp(losses);
  }

  /**
   * Handles a message `?<number> <epoch> <sequence> <paths>`. If the loss follows the previous one, it is reported at its position among
   * the events. @throws {Error} if the message has another form
   */
  receive(text: string): void {
    const end = text.indexOf(' ');
    const number = Number(text.slice(1, end));
    if (!Number.isSafeInteger(number) || number < 1)
      throw new Error(`a report of a source loss in Redis is not in the expected form: ${text.slice(0, 200)}`);
    const loss = parseLoss(text.slice(end + 1));
    this.#countFrom(loss.epoch);
    if (this.#number !== undefined && number === this.#number + 1) {
      this.#number = number;
      this.#report(loss);
    } else {
      void this.#catchUp(number);
    }
  }

  /** If the epoch is new, its losses are counted from 0. */
  #countFrom(epoch: string): void {
    if (this.#number === undefined || this.#epoch === epoch) return;
    this.#epoch = epoch;
    this.#number = 0;
  }

  #report(loss: KeptLoss): void {
    this.kept.add(loss);
    this.#options.report(loss);
  }

  /** Reports the losses up to a number. Each loss is reported only once. */
  async #catchUp(upTo: number): Promise<void> {
    const known = this.#number;
    if (known === undefined || upTo <= known) return;
    this.#number = upTo;
    try {
      for (const [id, [, text = '']] of await this.#options.read(`(${known}-0`)) {
        const number = numberOf(id);
        // True if the message of this loss arrived while the losses were read.
        const wasReported = number > upTo && number <= this.#number;
        this.#number = Math.max(this.#number, number);
        const loss = parseLoss(text);
        if (!wasReported && loss.epoch === this.#epoch) this.#report(loss);
      }
    } catch (error) {
      this.#number = known;
      this.#options.onUnreadable(error);
    }
  }
}

/** The number of a loss, which is the part of its entry id before the "-". It is 0 if there is no entry. */
function numberOf(id = '0'): number {
  return Number.parseInt(id, 10);
}
