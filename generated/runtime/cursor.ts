/**
 * Where one subscription stands in its stream: which events are new, and from where to resume so that nothing is missed.
 * No socket, no clock: messages in, decisions out.
 *
 * Three marks, because "received" means three things:
 *
 *     proven ≤ position          a heartbeat's `delivered` has confirmed everything up to `proven` (CON-3);
 *       floor … seen             TCP has handed over everything up to `position`: what a plain resume needs.
 *                                Numbers up to `floor`, and those in `seen`, are known: they are duplicates if they come again.
 *
 * The position does not move during a warm replay: a picture is complete only with its `replay_complete`, and a resume
 * from its middle would miss the rest. It does move during a resume replay, which is ascending and without holes.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Asked } from './enrolment.ts';
import type { Position } from './wire.ts';

/**
 * Why the client itself says a loss: the server asked for a fresh start or gave one unasked (`state_invalidated`), the
 * stream's life changed and the server did not say it (`epoch_changed`, STR-3), or `delivered` disagreed and there is
 * no proven position to repair from (`unproven`, CON-3).
 */
export type ClientGapReason = 'epoch_changed' | 'state_invalidated' | 'unproven';

/** A loss that the client has to say itself. */
export interface CursorGap {
  readonly reason: ClientGapReason;
  readonly from: Position | undefined;
  readonly to: Position;
}

/** What the server's `subscribed` says to a cursor. */
export interface Start {
  readonly position: Position;
  readonly asked: Asked;
  readonly recovery: { readonly attempted: boolean; readonly recovered: boolean };
}

export interface Verdict {
  readonly fresh: boolean;
  readonly gap?: CursorGap;
}

/** Bound on `seen` between two heartbeats: 25 s at 600 events a second. Beyond it, order alone tells duplicates. */
const MAX_SEEN = 16_384;

export class Cursor {
  #position: Position | undefined;
  #proven: Position | undefined;
  /** The life of the stream that events are expected from. */
  #epoch: string | undefined;
  /** A newer life that a `gap` has announced while events of the old one were still under way. */
  #announced: Position | undefined;
  #floor = 0;
  readonly #seen = new Set<number>();
  /** Newest number received on this connection; 0 when none was. Numbers ascend along a connection. */
  #newest = 0;
  #phase: 'warm' | 'resume' | 'live' = 'warm';
  /** Set while the next `subscribed` has to say a loss: why, and where we stood. */
  #forgotten: { readonly reason: ClientGapReason; readonly from: Position | undefined } | undefined;
  /** `seen` has been cut since the last proof: a loss could not be told from a duplicate. */
  #cut = false;

  constructor(after?: Position) {
    if (after === undefined) return;
    this.#position = after;
    this.#proven = after;
    this.#epoch = after.epoch;
    this.#floor = after.sequenceId;
  }

  /** Resume here and nothing is missed; undefined while only a fresh start can promise that. */
  get position(): Position | undefined {
    return this.#position;
  }

  get live(): boolean {
    return this.#phase === 'live';
  }

  /** `subscribed` came. @returns a loss that the server will not say itself. */
  start({ position, asked, recovery }: Start): CursorGap | undefined {
    this.#newest = 0;
    const resumed = asked === 'resume' && recovery.recovered && position.epoch === this.#epoch;
    if (resumed) {
      this.#phase = 'resume';
      return undefined;
    }
    const gap = this.#unsaid({ position, asked, recovery });
    // After a failed resume the picture is built anew, so events that were seen before are wanted again (RPL-4). A warm
    // replay that merely begins again after a drop goes on where it stopped.
    if (asked === 'resume' || gap !== undefined || position.epoch !== this.#epoch) this.#reset(position.epoch);
    this.#forgotten = undefined;
    this.#phase = asked === 'none' ? 'live' : 'warm';
    if (asked === 'none') {
      this.#position = position;
      this.#proven = position;
    }
    return gap;
  }

  /** An event came. `fresh` says whether it is new here. */
  accept(event: Position): Verdict {
    const gap =
      event.epoch === this.#epoch ? undefined : this.#enter({ epoch: event.epoch, sequenceId: event.sequenceId - 1 });
    this.#newest = Math.max(this.#newest, event.sequenceId);
    if (this.#phase !== 'warm') this.#advance(event);
    const fresh = event.sequenceId > this.#floor && !this.#seen.has(event.sequenceId);
    if (fresh) this.#seen.add(event.sequenceId);
    if (this.#seen.size > MAX_SEEN) {
      this.#settle();
      this.#cut = true;
    }
    return gap === undefined ? { fresh } : { fresh, gap };
  }

  /** `replay_complete` came: the picture, or the repair, is whole. */
  complete(position: Position): CursorGap | undefined {
    this.#phase = 'live';
    const gap = position.epoch === this.#epoch ? undefined : this.#enter(position);
    this.#advance(position);
    return gap;
  }

  /** A heartbeat named the stream's position: a quiet or filtered subscription holds a fresh one (CON-3). */
  heard(position: Position): CursorGap | undefined {
    if (this.#phase !== 'live') return undefined;
    const gap = position.epoch === this.#epoch ? undefined : this.#enter(position);
    this.#advance(position);
    return gap;
  }

  /** A heartbeat's `delivered` agreed with our count: nothing up to here was lost on the way. */
  prove(): void {
    this.#settle();
    this.#cut = false;
    if (this.#phase === 'live' || this.#phase === 'resume') this.#proven = this.#position;
  }

  /**
   * The server said a loss from one position to another. Pushes of control may overtake events (BCK-1), so the position
   * jumps only when nothing before the loss is still under way; else the next event beyond it moves it.
   */
  skip(from: Position, to: Position): void {
    const newLife = to.epoch !== this.#epoch;
    if (newLife) this.#announced = to;
    if (this.#phase !== 'live' || this.#position === undefined) return;
    if (this.#position.epoch !== from.epoch || this.#position.sequenceId < from.sequenceId) return;
    if (newLife) this.#enter(to);
    this.#advance(to);
    this.#proven = this.#position;
  }

  /**
   * `delivered` disagreed: some event of this connection never came. The next resume starts where everything was proven,
   * and what was received since is dropped as duplicate, so that exactly the lost ones are handed over, late. Where that
   * cannot be, the loss is said and a fresh picture asked for.
   */
  rewind(): void {
    if (this.#proven === undefined || this.#cut) this.forget('unproven');
    else this.#position = this.#proven;
  }

  /** The position is void, for example by a 43xx close: the loss is said with the next `subscribed`. */
  forget(reason: ClientGapReason): void {
    if (this.#epoch === undefined) return;
    this.#forgotten ??= { reason, from: this.#position };
    this.#position = undefined;
    this.#proven = undefined;
  }

  /** A start that is no continuation, and that no `gap` of the server explains. */
  #unsaid({ position, asked, recovery }: Start): CursorGap | undefined {
    if (this.#forgotten !== undefined) return { ...this.#forgotten, to: position };
    // `recovered: false` is explained by the server's own gap (RPL-4).
    if (asked !== 'resume' || (recovery.attempted && !recovery.recovered)) return undefined;
    const reason = position.epoch === this.#epoch ? 'state_invalidated' : 'epoch_changed';
    return { reason, from: this.#position, to: position };
  }

  /** Another life of the stream begins. Silent when a `gap` has announced it, else it is the client that says so. */
  #enter(at: Position): CursorGap | undefined {
    const from = this.#position;
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

  /** What is at or before the newest number of this connection cannot come again as new: forget it by its bound. */
  #settle(): void {
    this.#floor = Math.max(this.#floor, this.#newest);
    for (const sequenceId of this.#seen) if (sequenceId <= this.#floor) this.#seen.delete(sequenceId);
  }
}
