/**
 * The source losses (GAP-2) of one attached stream on one node. Each loss is reported once and in order, even if its message was missed.
 * Redis numbers the losses within an epoch. If a number does not follow the previous one, some messages were missed, and the losses are
 * read from Redis. Losses that Redis no longer has, or that cannot be read there, are reported as one loss of the whole root, because
 * reporting too much is safe.
 */
import type { BrokerLog } from '../broker.ts';
import type { KeptLoss } from '../../replay/record.ts';
import { Losses, MOST_LOSSES } from '../../replay/losses.ts';
import { parseLoss } from './line.ts';
import type { StreamState } from './line.ts';

type Entry = readonly [id: string, fields: readonly string[]];

export interface SourceLossesOptions {
  readonly stream: string;
  /** The epoch of the mirror; undefined before its first read. */
  readonly epoch: () => string | undefined;
  /** Called if a loss of another epoch has arrived: the mirror must be brought up to date. */
  readonly onOtherEpoch: () => void;
  /** Reads the entries of the stream's losses in Redis, beginning with an id. */
  readonly read: (from: string) => Promise<readonly Entry[]>;
  readonly report: (loss: KeptLoss) => void;
  readonly log: BrokerLog;
}

/** The newest announced loss that this node knows of, and a position that is not before the loss. */
interface Announced {
  readonly number: number;
  readonly sequenceId: number;
}

/** Which losses of an epoch were reported. A new count replaces it when the epoch changes, or when Redis assigns numbers again. */
interface Count {
  readonly epoch: string;
  /** The number of the loss that was reported last. */
  number: number;
  /** When `number` last changed, by the performance clock. */
  changedAt: number;
  /** The number of the last loss that was read from Redis. The messages of the losses up to this number may still arrive. */
  readUpTo: number;
  announced: Announced;
}

export class SourceLosses {
  /** Keeps the losses, so that a later resume can report them. */
  readonly kept = new Losses();
  readonly #options: SourceLossesOptions;
  /** Undefined before {@link load}. */
  #count: Count | undefined;
  #reading: Promise<void> | undefined;
  /** The newest message that arrived before the end of {@link load}. */
  #early: string | undefined;

  constructor(options: SourceLossesOptions) {
    this.#options = options;
  }

  /**
   * Reads the losses that were announced before this node mirrored the stream. They are kept. If the stream is new to its followers, they
   * are reported as well. Losses that Redis has counted but no longer has are merged into a loss of all paths, because a client may
   * still resume from a position before them. @throws {Error} if Redis cannot be reached
   */
  async load({ epoch, losses, sequenceId }: StreamState, isNew: () => boolean): Promise<void> {
    if (this.#count !== undefined) return;
    const entries = losses === 0 ? [] : await this.#options.read('-');
    const count = newCount(epoch, 0);
    this.#count = count;
    const use = isNew() ? (loss: KeptLoss) => this.#report(loss) : (loss: KeptLoss) => this.kept.add(loss);
    this.#apply(count, entries, { number: losses, sequenceId }, use);
    if (this.#early !== undefined) this.receive(this.#early);
    this.#early = undefined;
  }

  /**
   * Compares the number of the last reported loss with a state of the stream, and reports the losses that were missed.
   * @param since when the read of the state began, by the performance clock. Without it, a state with fewer losses counts as outdated
   */
  async look({ epoch, losses, sequenceId }: StreamState, since = 0): Promise<void> {
    const count = this.#countOf(epoch);
    if (count === undefined) return;
    const announced = { number: losses, sequenceId };
    if (losses < count.number && since > count.changedAt) this.#countAgain(epoch, announced);
    else await this.#catchUp(count, announced);
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
    if (this.#count === undefined) {
      this.#early = text;
      return;
    }
    const count = this.#countOf(loss.epoch);
    if (count === undefined) return this.#options.onOtherEpoch();
    const announced = { number, sequenceId: loss.sequenceId };
    if (number > count.number + 1) {
      void this.#catchUp(count, announced);
    } else if (number === count.number + 1) {
      advance(count, number);
      this.#report(loss);
    } else if (number > count.readUpTo) {
      // The message of the loss with this number has already been received, so this is another loss.
      this.#countAgain(loss.epoch, announced);
    }
  }

  /**
   * The count of this epoch. Undefined if the mirror is not in this epoch: a later epoch is counted once the mirror reaches it and calls
   * {@link look}, and the end of an earlier epoch causes a gap of its own.
   */
  #countOf(epoch: string): Count | undefined {
    if (this.#count === undefined || epoch !== this.#options.epoch()) return undefined;
    if (this.#count.epoch !== epoch) this.#count = newCount(epoch, 0);
    return this.#count;
  }

  /**
   * Called if the server was restarted or replaced and has lost entries of reported losses. It then assigns their numbers to new losses. So
   * any loss up to the announced one may be a new loss, and all of them are reported as one.
   */
  #countAgain(epoch: string, announced: Announced): void {
    const count = newCount(epoch, 0);
    this.#count = count;
    this.#apply(count, [], announced, (loss) => this.#report(loss));
  }

  #report(loss: KeptLoss): void {
    this.kept.add(loss);
    this.#options.report(loss);
  }

  /** Reports the missed losses up to the announced one. If they cannot be read, the next call tries again. */
  async #catchUp(count: Count, { number, sequenceId }: Announced): Promise<void> {
    const { announced } = count;
    if (number > announced.number) count.announced = { number, sequenceId: Math.max(sequenceId, announced.sequenceId) };
    if (count.number >= count.announced.number) return;
    this.#reading ??= this.#readMissed();
    await this.#reading;
  }

  async #readMissed(): Promise<void> {
    try {
      for (let count = this.#count; count !== undefined && count.number < count.announced.number; count = this.#count) {
        const { announced } = count;
        const entries = await this.#options.read(`(${count.number}-0`);
        if (this.#count === count) this.#apply(count, entries, announced, (loss) => this.#report(loss));
      }
    } catch (error) {
      const { log, stream } = this.#options;
      log.warn({ err: error, stream }, 'The source losses of a stream cannot be read from Redis yet; retrying');
    } finally {
      // Cleared in the same turn of the event loop as the last comparison. Otherwise, a loss that is announced in between would wait for
      // this run, which reads no more losses.
      this.#reading = undefined;
    }
  }

  /** Uses all losses up to the announced one, and any later losses that have entries. Losses without a readable entry are merged. */
  #apply(count: Count, entries: readonly Entry[], announced: Announced, use: (loss: KeptLoss) => void): void {
    for (const [id, [, text = '']] of entries) {
      const number = numberOf(id);
      const loss = readable(text);
      if (loss?.epoch !== count.epoch || number <= count.number) continue;
      if (number === count.number + 1) use(loss);
      else use(this.#merged(count, { number, sequenceId: loss.sequenceId }, entries));
      advance(count, number);
    }
    if (announced.number > count.number) {
      use(this.#merged(count, announced, entries));
      advance(count, announced.number);
    }
    count.readUpTo = count.number;
  }

  /** Returns a loss of the whole root. It replaces all unreported losses up to the announced one. */
  #merged(count: Count, { number, sequenceId }: Announced, entries: readonly Entry[]): KeptLoss {
    const { log, stream } = this.#options;
    const numbers = { first: count.number + 1, last: number };
    const text = 'Source losses are missing or unreadable in Redis; a loss of all paths is reported';
    // With the maximum number of entries, it is normal that the losses before them are missing.
    if (entries.length < MOST_LOSSES) log.warn({ stream, ...numbers }, text);
    return { epoch: count.epoch, sequenceId, paths: [''] };
  }
}

function newCount(epoch: string, number: number): Count {
  const announced = { number, sequenceId: 0 };
  return { epoch, number, changedAt: performance.now(), readUpTo: number, announced };
}

function advance(count: Count, number: number): void {
  count.number = number;
  count.changedAt = performance.now();
}

/** Parses a loss. Returns undefined if it is not valid, so that the later losses are still reported. */
function readable(text: string): KeptLoss | undefined {
  try {
    return parseLoss(text);
  } catch {
    return undefined;
  }
}

/** The number of a loss, which is the part of its entry id before the "-". */
function numberOf(id: string): number {
  return Number.parseInt(id, 10);
}
