/**
 * Tracks the position of one subscription in its stream: which events are new, and where to resume so that no event is
 * missed. Pure: it uses no socket and no clock.
 *
 * There are three marks, because "received" has three meanings:
 *
 * - `position`: everything up to here was received. A resume starts here.
 * - `proven`, at most `position`: the `delivered` of a heartbeat has confirmed everything up to here (CON-3).
 * - `floor` and `seen`: the numbers up to `floor`, and those in `seen`, are duplicates if they arrive again.
 *
 * During a warm replay, the position does not move until `replay_complete`: a resume from the middle would miss the rest of
 * the replay. During a resume replay, the position moves with each event, because every event arrives in ascending order.
 *
 * If a warm replay is cut off, it is requested again. The first replay shows the stream at a position A, the new one at a
 * later position B. The new replay lacks some events between A and B: some are in no warm replay, others were replaced or
 * deleted. Therefore the client accepts events of the new replay only up to A, and then resumes after A (CLI-13).
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ReplayMode } from './server-subscription.ts';
import type { Position } from './wire.ts';

/**
 * Why the client itself reports a loss. `state_invalidated`: the server required a fresh start, or made one without being
 * asked. `epoch_changed`: the epoch changed without a `gap` from the server (STR-3). `unproven`: the `delivered` of a
 * heartbeat was greater than the client's count, and there is no proven position from which to resume (CON-3).
 */
export type ClientGapReason = 'epoch_changed' | 'state_invalidated' | 'unproven';

/** A loss that the client must report to the application, because the server sends no `gap` for it. */
export interface CursorGap {
  readonly reason: ClientGapReason;
  readonly from: Position | undefined;
  readonly to: Position;
}

/** What a cursor needs to know about a `subscribed`, including the replay mode that the client asked for. */
export interface Start {
  readonly position: Position;
  readonly asked: ReplayMode;
  readonly recovery: { readonly attempted: boolean; readonly recovered: boolean };
}

export interface Verdict {
  readonly fresh: boolean;
  readonly gap?: CursorGap | undefined;
}

/**
 * The maximum size of `seen`, enough for 25 s between two heartbeats at 600 events per second. Above it, `floor` is raised,
 * so that any number up to the newest one counts as a duplicate.
 */
const MAX_SEEN = 16_384;

export class Cursor {
  #position: Position | undefined;
  #proven: Position | undefined;
  /** The epoch of the expected events. */
  #epoch: string | undefined;
  /** A newer epoch that a `gap` has announced while events of the old epoch were still in transit. */
  #announced: Position | undefined;
  #floor = 0;
  readonly #seen = new Set<number>();
  /** Newest number received on this connection; 0 before the first event. Numbers ascend within a connection. */
  #newest = 0;
  #phase: 'warm' | 'resume' | 'live' = 'warm';
  /** While a warm replay is not complete: its position in `subscribed`. If the replay was repeated, the position of the first replay. */
  #picture: Position | undefined;
  /** A loss that the client reports when the next `subscribed` arrives: the reason, and the last position before the loss. */
  #forgotten: { readonly reason: ClientGapReason; readonly from: Position | undefined } | undefined;
  /** Whether `seen` was truncated since the last `prove`. If so, a lost event cannot be distinguished from a duplicate. */
  #cut = false;

  constructor(after?: Position) {
    if (after === undefined) return;
    this.#position = after;
    this.#proven = after;
    this.#epoch = after.epoch;
    this.#floor = after.sequenceId;
  }

  /**
   * A resume from this position misses no event. Undefined if only a fresh start misses no event.
   */
  get position(): Position | undefined {
    return this.#position;
  }

  get live(): boolean {
    return this.#phase === 'live';
  }

  /** Handles `subscribed`. @returns a loss that the client must report, because the server sends no `gap` for it. */
  start({ position, asked, recovery }: Start): CursorGap | undefined {
    this.#newest = 0;
    const isSameEpoch = position.epoch === this.#epoch;
    if (asked === 'resume' && recovery.recovered && isSameEpoch) {
      this.#phase = 'resume';
      return undefined;
    }
    const gap = this.#unreportedLoss({ position, asked, recovery });
    // After a failed resume the program rebuilds its state, so events that it has already received are delivered again
    // (RPL-4). A warm replay that is repeated after a lost connection delivers only events that are still missing.
    if (asked === 'resume' || gap !== undefined || !isSameEpoch) this.#reset(position.epoch);
    this.#forgotten = undefined;
    this.#phase = asked === 'none' ? 'live' : 'warm';
    if (asked === 'none') {
      this.#position = position;
      this.#proven = position;
    } else this.#picture ??= position;
    return gap;
  }

  /** Handles an event. In the result, `fresh` is whether the event is new to this subscription. */
  accept(event: Position): Verdict {
    const gap =
      event.epoch === this.#epoch ? undefined : this.#enter({ epoch: event.epoch, sequenceId: event.sequenceId - 1 });
    if (this.#endsBefore(event)) return { fresh: false };
    this.#newest = Math.max(this.#newest, event.sequenceId);
    if (this.#phase !== 'warm') this.#advance(event);
    const fresh = event.sequenceId > this.#floor && !this.#seen.has(event.sequenceId);
    if (fresh) this.#seen.add(event.sequenceId);
    if (this.#seen.size > MAX_SEEN) {
      this.#settle();
      this.#cut = true;
    }
    return { fresh, gap };
  }

  /** Handles `replay_complete`. If the cursor is not live afterwards, the subscription must resume to receive the missing events. */
  complete(position: Position): CursorGap | undefined {
    const gap = this.#enter(position);
    if (this.#endsBefore(position)) this.#position = this.#picture;
    else {
      this.#phase = 'live';
      this.#advance(position);
    }
    this.#picture = undefined;
    return gap;
  }

  /** Whether a position is after `#picture`: events of the current warm replay are accepted only up to there. */
  #endsBefore({ sequenceId }: Position): boolean {
    return this.#picture !== undefined && this.#picture.sequenceId < sequenceId;
  }

  /** Handles the stream's position in a heartbeat. The cursor moves there even if no event matches the subscription (CON-3). */
  heartbeat(position: Position): CursorGap | undefined {
    if (this.#phase !== 'live') return undefined;
    const gap = this.#enter(position);
    this.#advance(position);
    return gap;
  }

  /** Records that a heartbeat's `delivered` equals our count, so no event up to here was lost in transit. */
  prove(): void {
    this.#settle();
    this.#cut = false;
    if (this.#phase === 'live' || this.#phase === 'resume') this.#proven = this.#position;
  }

  /**
   * Handles a loss that the server reported, between two positions. If the position has reached the start of
   * the loss, it moves to the end of the loss. Otherwise an event before the loss may not have arrived yet, so only the next
   * event after the loss moves the position.
   */
  skip(from: Position, to: Position): void {
    if (to.epoch !== this.#epoch) this.#announced = to;
    if (this.#phase !== 'live' || this.#position === undefined) return;
    if (this.#position.epoch !== from.epoch || this.#position.sequenceId < from.sequenceId) return;
    this.#enter(to);
    this.#advance(to);
    this.#proven = this.#position;
  }

  /**
   * Handles a heartbeat whose `delivered` is greater than our count: an event of this connection was lost. The next resume starts at
   * the last proven position. Events that were received since then are dropped as duplicates, so that only the lost events are delivered,
   * late. If there is no proven position, the loss is reported and a warm replay is requested.
   */
  rewind(): void {
    if (this.#proven === undefined || this.#cut) this.forget('unproven');
    else this.#position = this.#proven;
  }

  /** Discards the position, for example after a 43xx close: the loss is reported with the next `subscribed`. */
  forget(reason: ClientGapReason): void {
    if (this.#epoch === undefined) return;
    this.#forgotten ??= { reason, from: this.#position };
    this.#position = undefined;
    this.#proven = undefined;
  }

  /** The loss, if the new start does not continue the previous position and the server reports no `gap`; otherwise undefined. */
  #unreportedLoss({ position, asked, recovery }: Start): CursorGap | undefined {
    if (this.#forgotten !== undefined) return { ...this.#forgotten, to: position };
    const from = this.#position ?? this.#picture;
    const isSameEpoch = position.epoch === this.#epoch;
    // The server itself reports a gap after `recovered: false` (RPL-4), so no other report is needed.
    const isReported = asked === 'resume' && recovery.attempted && !recovery.recovered;
    if (from === undefined || isReported || (asked === 'warm' && isSameEpoch)) return undefined;
    return { reason: isSameEpoch ? 'state_invalidated' : 'epoch_changed', from, to: position };
  }

  /** Enters the epoch of a position, if the epoch is new. @returns the loss, unless a `gap` of the server has announced it. */
  #enter(at: Position): CursorGap | undefined {
    if (at.epoch === this.#epoch) return undefined;
    const from = this.#position ?? this.#picture;
    const announced = this.#announced?.epoch === at.epoch ? this.#announced : undefined;
    const start = announced ?? at;
    this.#reset(at.epoch);
    if (this.#phase !== 'warm') {
      this.#position = start;
      this.#proven = start;
    }
    return announced !== undefined ? undefined : { reason: 'epoch_changed', from, to: at };
  }

  #reset(epoch: string): void {
    this.#epoch = epoch;
    this.#announced = undefined;
    this.#position = undefined;
    this.#proven = undefined;
    this.#picture = undefined;
    this.#floor = 0;
    this.#newest = 0;
    this.#seen.clear();
    this.#cut = false;
  }

  #advance(to: Position): void {
    if (to.epoch !== this.#epoch) return;
    if (this.#position !== undefined && this.#position.sequenceId >= to.sequenceId) return;
    this.#position = { epoch: to.epoch, sequenceId: to.sequenceId };
  }

  /**
   * Raises `floor` to the newest number of this connection, because lower numbers cannot arrive as new events any more.
   */
  #settle(): void {
    this.#floor = Math.max(this.#floor, this.#newest);
    for (const sequenceId of this.#seen) if (sequenceId <= this.#floor) this.#seen.delete(sequenceId);
  }
}
