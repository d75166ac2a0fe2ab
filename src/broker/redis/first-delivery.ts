/** Decides which events and losses the followers of a stream receive when a node begins to mirror the stream. */
import { UNKNOWN_POSITION } from '../broker.ts';
import type { Position, StreamLoss } from '../broker.ts';
import type { Appearance } from './appearance.ts';
import type { StreamIndex } from './stream-index.ts';

/** What is known of a stream when a node begins to mirror it. */
export interface Found {
  /** How the stream was entered into the index; undefined while this is unknown. */
  readonly appearance: Appearance | undefined;
  /** The place of the stream in the index, if it is known. */
  readonly place: number | undefined;
  /** The epoch in which the stream was entered into the index, if it is known. */
  readonly epoch: string | undefined;
}

export const NOT_FOUND: Found = { appearance: undefined, place: undefined, epoch: undefined };

/**
 * If this node learned of a stream less than this time ago, in milliseconds, the stream cannot have expired and appeared again since. If it
 * was deleted and appeared again, the announced epoch shows this: it differs from the epoch of the stream.
 */
const RECENT_MS = 100;

export interface Begun {
  /** Events after this position are delivered. If the position is of an earlier epoch, the mirror reports a loss. */
  readonly after: Position;
  readonly losses: readonly StreamLoss[];
}

export class FirstDelivery {
  readonly #stream: string;
  /** How the stream was entered into the index; undefined while this is unknown. Only used if a follow covers the stream. */
  appearance: Appearance | undefined;
  readonly #since = performance.now();
  #place: number | undefined;
  /** The epoch of the stream in the announcement from which this node learned of the stream. */
  readonly #announced: string | undefined;
  #missedRun = false;

  constructor(stream: string, { appearance, place, epoch }: Found) {
    this.#stream = stream;
    this.appearance = appearance;
    this.#place = place;
    this.#announced = epoch;
  }

  /**
   * Must be called before the stream is read for the first time. Checks whether the stream has ended and appeared again since this node
   * learned of it.
   */
  async find(index: Pick<StreamIndex, 'appearanceOf' | 'placeOf'>): Promise<void> {
    const isRecent = performance.now() - this.#since < RECENT_MS;
    if (this.#place !== undefined && !isRecent && (await index.placeOf(this.#stream)) !== this.#place) {
      this.missRun();
      this.#place = undefined;
      this.appearance = undefined;
    }
    this.appearance ??= await index.appearanceOf(this.#stream);
  }

  /** Records that this node missed an earlier run of the stream completely. */
  missRun(): void {
    this.#missedRun = true;
  }

  /**
   * Must be called with the head of the stream when the stream has been read for the first time. If the stream already had events when this
   * node learned of it, these events are not delivered but reported as a loss.
   * @param unread an epoch that Redis had, but that ended before this node read it
   */
  begin({ epoch, sequenceId }: Position, unread: string | undefined): Begun {
    const { appearance = 'found' } = this;
    const after = this.#after(appearance, { epoch, sequenceId });
    const start = { epoch: after.epoch, sequenceId: 0 };
    const losses: StreamLoss[] = [];
    const earlier = [this.#announced, unread].find((each) => each !== start.epoch && each !== undefined);
    const before = this.#missedRun || appearance === 'replaced' ? UNKNOWN_POSITION.epoch : (earlier ?? start.epoch);
    if (before !== start.epoch) losses.push(this.#loss({ epoch: before, sequenceId: 0 }, start, 'epoch_changed'));
    if (after.sequenceId > 0) losses.push(this.#loss(start, after, 'broker_lost'));
    return { after, losses };
  }

  #after(appearance: Appearance, head: Position): Position {
    if (appearance === 'found') return head;
    return appearance === 'created' || appearance === 'replaced' ? { ...head, sequenceId: 0 } : appearance;
  }

  #loss(from: Position, to: Position, reason: StreamLoss['reason']): StreamLoss {
    return { stream: this.#stream, from, to, reason };
  }
}
