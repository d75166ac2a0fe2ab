/**
 * Tracks the positions of one subscription in all of its streams, with one {@link Cursor} for each: which events are new, and where to
 * resume. Pure: no socket and no clock.
 *
 * A stream without a position is resumed from before its first event (MUL-5). Therefore no position is needed for a
 * stream that begins later. A position may also be left out of a resume: all events of its stream then arrive again,
 * and events that are already known are dropped.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { Cursor } from './cursor.ts';
import type { ClientGapReason, CursorGap } from './cursor.ts';
import type { ReplayMode } from './server-subscription.ts';
import type { EventPrefix, Position, StreamPosition } from './wire.ts';

/** The change of the reader's positions that one item causes. */
export interface Moves {
  /** The new position of each stream; undefined for a stream that has ended. */
  readonly streams: Map<string, Position | undefined>;
  /** Whether a resume from the positions misses no event. False until the first warm picture, the current state, is complete. */
  isComplete: boolean;
}

/** A loss that the client must report to the application, because the server sends no `gap` for it. */
interface Loss extends Pick<CursorGap, 'reason' | 'from'> {
  /** The position after the loss. Undefined if the server has not reported it yet. */
  readonly to: Position | undefined;
}

/** A loss in one of the streams. */
export interface StreamGap extends Loss {
  readonly stream: string;
}

export interface StreamVerdict {
  readonly fresh: boolean;
  readonly gap?: Loss | undefined;
}

/** A stream whose resume has failed, until the warm picture that follows is complete. */
interface Repair {
  /** The position that the resume named, if any. If the connection ends during the picture, the next resume names this position again. */
  readonly asked: Position | undefined;
  /** The position at which the reported loss ended. */
  readonly to: Position;
}

/** Maximum number of events of all streams that are remembered between two heartbeats; see `MAX_SEEN` of the cursor. */
const MAX_UNPROVEN = 65_536;

export class StreamCursors {
  readonly #cursors = new Map<string, Cursor>();
  /** The streams from which an event or a position was received since the latest `subscribed`. */
  readonly #begun = new Set<string>();
  readonly #repairs = new Map<string, Repair>();
  /**
   * The proven positions of streams that have ended since the last `prove`. They are kept, because a loss before the end of a stream must
   * still be reported.
   */
  readonly #ended = new Map<string, Position>();
  /** For streams whose position was left out of the resume: the position after which their events are new. */
  readonly #floors = new Map<string, Position>();
  #moves: Moves = { streams: new Map(), isComplete: false };
  /**
   * Whether the client can resume. With given positions: from the start. With mode `none`: from the first `subscribed`. Otherwise:
   * from the end of the first warm picture.
   */
  #placed: boolean;
  #asked: ReplayMode = 'warm';
  #live = false;
  /** Whether the first warm picture has begun and is not complete. */
  #isInPicture = false;
  /**
   * The streams known at the latest `subscribed`. Each stream continued there, or its loss was reported there. Undefined if that
   * `subscribed` was the first or answered a resume.
   */
  #reported: ReadonlySet<string> | undefined;
  #hasBegun: boolean;
  /** Whether the warm picture of a stream was cut off, and the repeated picture shows the stream at a later position. */
  #isBehind = false;
  #forgotten: readonly StreamGap[] = [];
  #reason: ClientGapReason = 'state_invalidated';
  #unproven = 0;
  /**
   * Whether `rewind` must report a loss, because it cannot find every lost event: since the last `prove`, more events arrived than are
   * remembered, or a stream without a proven position ended.
   */
  #cut = false;

  constructor(positions?: readonly StreamPosition[]) {
    this.#placed = positions !== undefined;
    this.#hasBegun = this.#placed;
    for (const { stream, epoch, sequenceId } of positions ?? [])
      this.#cursors.set(stream, new Cursor({ epoch, sequenceId }));
  }

  /** Whether the replay is complete. */
  get live(): boolean {
    return this.#live;
  }

  /** A resume from these positions misses no event. Undefined if only a fresh start misses no event. */
  get positions(): readonly StreamPosition[] | undefined {
    if (!this.#placed) return undefined;
    return [...this.#cursors].flatMap(([stream, cursor]) => {
      const repair = this.#repairs.get(stream);
      const position = repair === undefined ? cursor.position : repair.asked;
      return position === undefined ? [] : [{ stream, ...position }];
    });
  }

  /** The changes of positions since the last call; undefined if there are none. */
  takeMoves(): Moves | undefined {
    const moves = this.#moves;
    if (!this.#placed || (moves.streams.size === 0 && !moves.isComplete)) return undefined;
    this.#moves = { streams: new Map(), isComplete: false };
    return moves;
  }

  /** Records positions that did not fit into the resume. Earlier events of these streams will arrive again. */
  leaveOut(positions: readonly StreamPosition[]): void {
    this.#floors.clear();
    for (const { stream, epoch, sequenceId } of positions) this.#floors.set(stream, { epoch, sequenceId });
  }

  /** Handles `subscribed`. @returns the losses that the client must report, because the server sends no `gap` for them. */
  start(asked: ReplayMode): readonly StreamGap[] {
    if (this.#isInPicture) this.#dropUnplaced();
    const gaps = this.#forgotten;
    this.#forgotten = [];
    const isFresh = asked !== 'resume' && this.#hasBegun;
    this.#reported = isFresh ? new Set([...gaps.map(({ stream }) => stream), ...this.#cursors.keys()]) : undefined;
    this.#hasBegun = true;
    this.#isInPicture = asked === 'warm';
    this.#isBehind = false;
    this.#asked = asked;
    this.#live = asked === 'none';
    if (this.#live) this.#place();
    this.#begun.clear();
    return gaps;
  }

  /** Handles an event. In the result, `fresh` is whether the event is new to this subscription. */
  accept({ stream, epoch, sequenceId }: EventPrefix): StreamVerdict {
    const loss = this.#live ? undefined : this.#lossBefore(stream);
    const cursor = this.#begin(stream, { epoch, sequenceId });
    const floor = this.#floors.get(stream);
    if (floor?.epoch === epoch && sequenceId <= floor.sequenceId) return { fresh: false };
    const verdict = cursor.accept({ epoch, sequenceId });
    this.#move(stream, cursor);
    this.#unproven += 1;
    if (this.#unproven > MAX_UNPROVEN) {
      this.#settle();
      this.#cut = true;
    }
    return loss === undefined ? verdict : { ...verdict, gap: loss };
  }

  /** Handles the position of a stream in a `positions` push, which shows that the replay of the stream is complete (MUL-4). */
  place(stream: string, position: Position): Loss | undefined {
    const loss = this.#lossBefore(stream);
    const cursor = this.#begin(stream, position, this.#asked === 'none' ? position : undefined);
    this.#repairs.delete(stream);
    const gap = cursor.complete(position);
    this.#isBehind ||= !cursor.live;
    this.#move(stream, cursor);
    return loss ?? gap;
  }

  /** Handles the end of a stream (MUL-6). If the stream appears again, its first event has the number 1, and nothing was lost. */
  end(stream: string): void {
    const cursor = this.#cursors.get(stream);
    const wasInRepair = this.#repairs.delete(stream);
    this.#cursors.delete(stream);
    this.#moves.streams.set(stream, undefined);
    if (cursor === undefined) return;
    cursor.rewind();
    // The loss of a stream in repair was already reported.
    if (cursor.position === undefined) this.#cut ||= !wasInRepair;
    else if (!this.#ended.has(stream)) this.#ended.set(stream, cursor.position);
  }

  /** Handles `replay_complete`. @returns whether the streams must be resumed now to fetch missing events; see `#isBehind` (CLI-13). */
  complete(): boolean {
    this.#live = true;
    this.#isInPicture = false;
    this.#place();
    for (const [stream, cursor] of this.#cursors) {
      if (!cursor.live && cursor.position !== undefined) cursor.complete(cursor.position);
      this.#move(stream, cursor);
    }
    return this.#isBehind;
  }

  /** Handles the position of a followed stream in a heartbeat (MUL-8). */
  heartbeat(stream: string, position: Position): CursorGap | undefined {
    if (!this.#live) return undefined;
    const cursor = this.#begin(stream, position);
    const gap = cursor.heartbeat(position);
    this.#move(stream, cursor);
    return gap;
  }

  /** Must be called when `delivered` of a heartbeat equals our count. This proves that no event up to here was lost in transit. */
  prove(): void {
    this.#settle();
    this.#ended.clear();
    this.#cut = false;
  }

  /**
   * Handles a loss that the server reported. After a failed resume, the report directly follows `subscribed` (MUL-5).
   * @returns whether the loss is new. False if the server reports the same loss again: after the first report, the connection was lost
   * during the warm replay, and the repeated resume has failed too.
   */
  skip(stream: string, from: Position, to: Position): boolean {
    const cursor = this.#cursors.get(stream);
    if (!this.#live && this.#asked === 'resume' && !this.#begun.has(stream)) return this.#failed(stream, cursor, to);
    cursor?.skip(from, to);
    if (cursor !== undefined) this.#move(stream, cursor);
    return true;
  }

  #failed(stream: string, known: Cursor | undefined, to: Position): boolean {
    const repair = this.#repairs.get(stream);
    // `repair.to` is the end of the loss that was reported before. If this loss has the same end, the stream has no new events: the server
    // repeats the same picture, and the known cursor drops its received events. Otherwise, the loss is new, and the picture is too.
    const continues = repair?.to.epoch === to.epoch && repair.to.sequenceId === to.sequenceId;
    const cursor = continues && known !== undefined ? known : new Cursor();
    const asked = continues ? 'warm' : 'resume';
    cursor.start({ position: anywhereIn(to), asked, recovery: { attempted: true, recovered: false } });
    this.#cursors.set(stream, cursor);
    this.#begun.add(stream);
    this.#floors.delete(stream);
    this.#repairs.set(stream, { asked: repair === undefined ? known?.position : repair.asked, to });
    return !continues;
  }

  /**
   * Must be called when `delivered` of a heartbeat is greater than our count: an event of this connection was lost. Every stream
   * returns to its proven position, and the next resume delivers only the lost events, late. If a stream has no proven position, the
   * client reports a loss and requests the first replay again.
   */
  rewind(): void {
    for (const [stream, position] of this.#ended) this.#cursors.set(stream, new Cursor(position));
    const known = this.#known();
    for (const [stream, cursor] of this.#cursors) {
      if (this.#repairs.has(stream)) continue;
      cursor.rewind();
      this.#cut ||= cursor.position === undefined;
    }
    if (this.#cut) this.#forget('unproven', known);
    this.#ended.clear();
  }

  /** Discards all positions, for example after a 43xx close: the losses are reported with the next `subscribed`. */
  forget(reason: ClientGapReason): void {
    this.#forget(reason, this.#known());
  }

  #known(): readonly Omit<StreamGap, 'reason'>[] {
    return [...this.#cursors].map(([stream, cursor]) => {
      return { stream, from: this.#repairs.get(stream)?.asked ?? cursor.position, to: undefined };
    });
  }

  /**
   * Returns the loss to report for a stream that appears after the client had to subscribe again without positions. The client did not know
   * the stream at that time. Since the first subscribe, the stream may have had events that the client did not receive (MUL-3).
   */
  #lossBefore(stream: string): Loss | undefined {
    if (this.#reported?.has(stream) !== false || this.#begun.has(stream)) return undefined;
    return { reason: this.#reason, from: undefined, to: undefined };
  }

  /**
   * Must be called at a `subscribed` if the connection was lost during the first warm picture, which contains the current state of every
   * stream. A stream whose state was complete continues after that state (CLI-13). For each other stream, the client does not know the
   * position of its state. So the client reports a loss for the stream, and requests its state again.
   */
  #dropUnplaced(): void {
    const unplaced = [...this.#cursors].flatMap(([stream, { position }]) => (position === undefined ? [stream] : []));
    this.#reason = 'state_invalidated';
    const losses = unplaced.map((stream) => ({ stream, reason: this.#reason, from: undefined, to: undefined }));
    this.#forgotten = [...this.#forgotten, ...losses];
    for (const stream of unplaced) this.#cursors.delete(stream);
  }

  #forget(reason: ClientGapReason, known: readonly Omit<StreamGap, 'reason'>[]): void {
    this.#reason = reason;
    if (this.#forgotten.length === 0) this.#forgotten = known.map((each) => ({ ...each, reason }));
    for (const { stream } of known) this.#moves.streams.set(stream, undefined);
    this.#placed = false;
    this.#cut = false;
    this.#cursors.clear();
    this.#repairs.clear();
    this.#ended.clear();
  }

  /**
   * Returns the cursor of a stream. If this is the first message about the stream since `subscribed`, starts its cursor.
   * @param at the position in the message. A new cursor gets the epoch of this position.
   * @param from where the cursor of an unknown stream begins, outside a warm picture; by default before the first event
   */
  #begin(stream: string, at: Position, from?: Position): Cursor {
    const beforeFirst = { epoch: at.epoch, sequenceId: 0 };
    const isWarm = this.#asked === 'warm' && !this.#live;
    let cursor = this.#cursors.get(stream);
    if (cursor !== undefined && this.#begun.has(stream)) return cursor;
    const repair = this.#repairs.get(stream);
    // A pending repair is a resume that was repeated from the position `asked`. A `gap` would have come before this message if it had
    // failed, so it has succeeded.
    if (this.#repairs.delete(stream)) cursor = repair?.asked === undefined ? undefined : new Cursor(repair.asked);
    if (cursor === undefined) {
      cursor = isWarm ? new Cursor() : new Cursor(from ?? beforeFirst);
    }
    this.#cursors.set(stream, cursor);
    this.#begun.add(stream);
    const asked = isWarm ? 'warm' : 'resume';
    const recovery = { attempted: !isWarm, recovered: !isWarm };
    cursor.start({ position: cursor.position ?? (isWarm ? anywhereIn(at) : beforeFirst), asked, recovery });
    if (this.#live && cursor.position !== undefined) cursor.complete(cursor.position);
    return cursor;
  }

  #move(stream: string, { position }: Cursor): void {
    if (position !== undefined && !this.#repairs.has(stream)) this.#moves.streams.set(stream, position);
  }

  #place(): void {
    this.#moves.isComplete ||= !this.#placed;
    this.#placed = true;
  }

  #settle(): void {
    for (const cursor of this.#cursors.values()) cursor.prove();
    this.#unproven = 0;
  }
}

/**
 * A placeholder after every event of the epoch. The server reports the position of a warm picture only when the picture is complete. Until
 * then, this placeholder replaces it, so that every event of the picture is accepted.
 */
function anywhereIn({ epoch }: Position): Position {
  return { epoch, sequenceId: Infinity };
}
