/** Where the delivery of a stream to the followers of this node begins, and which losses are reported before it. */
import type { Position, StreamLoss } from '../broker.ts';
import type { Appearance } from './stream-index.ts';

/** The epoch of a stream of which nothing was read. A resume from it fails, so a client that keeps it misses nothing. */
const UNKNOWN_EPOCH = 'unknown';
export const UNKNOWN: Position = { epoch: UNKNOWN_EPOCH, sequenceId: 0 };

export interface Begun {
  /** Later events are delivered. The mirror reports a loss if this position is of an earlier epoch. */
  readonly after: Position;
  readonly losses: readonly StreamLoss[];
}

export class FirstDelivery {
  readonly #stream: string;
  /** Undefined until it is needed, which is only if a follow covers the stream. */
  appearance: Appearance | undefined;
  /** A position that was read although the stream could not be loaded. */
  glimpsed: Position | undefined;
  #missedRun = false;

  constructor(stream: string, appearance: Appearance | undefined) {
    this.#stream = stream;
    this.appearance = appearance;
  }

  /** An earlier run of the stream began and ended without this node. */
  missRun(): void {
    this.#missedRun = true;
  }

  /**
   * Must be called when the stream has been read for the first time. Events of a stream that was found with events are not delivered up to
   * the position at which it was found; they are reported as a loss.
   */
  begin({ epoch, sequenceId }: Position): Begun {
    const { appearance = 'found' } = this;
    const after = this.#after(appearance, { epoch, sequenceId });
    const start = { epoch: after.epoch, sequenceId: 0 };
    const losses: StreamLoss[] = [];
    const before = this.#missedRun || appearance === 'replaced' ? UNKNOWN_EPOCH : (this.glimpsed?.epoch ?? start.epoch);
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
