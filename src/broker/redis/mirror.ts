/**
 * The mirror of one attached stream on one node. Its history stays contiguous, even if messages are lost or reordered.
 *
 * Events arrive by pub/sub, which is fast, but only the log is reliable. An event that directly follows the head is applied. An event at or
 * before the head is a repetition, and is ignored. An event further ahead shows that events are missing, so the log is read; events that
 * arrive in the meantime are queued. Missed events that are no longer in the log are reported as a loss (GAP-1), and the mirror continues
 * after them.
 */
import type { GapReason } from '../../../generated/protocol.ts';
import type { EventRecord, Position, Snapshot, StreamLoss } from '../broker.ts';
import { recordOf } from './line.ts';
import { below, contiguous, linesUpTo } from './log-lines.ts';
import type { Line, StreamState } from './line.ts';
import type { KnownPlace } from './fence/knowledge.ts';

/** The history of one epoch of the stream, implemented in replay/history.ts. */
export interface MirrorHistory {
  readonly events: number;
  readonly bytes: number;
  append(record: EventRecord): void;
  expire(nowMs: number): void;
  snapshot(): Snapshot;
  shrink(): boolean;
  readonly principals: Iterable<string>;
  weightOf(principal: string): number;
  close(): void;
}

export interface HistorySeed {
  /** The position directly before the first event that will be appended. */
  readonly after: Position;
  /** When the newest event of the stream was emitted, in milliseconds since 1970; Infinity if the stream has no events. */
  readonly newestAtMs: number;
  /** The retained events (replay/history.ts) at or before that position, in ascending order. */
  readonly retained: readonly EventRecord[];
  readonly keysEvicted: boolean;
}

export type LogEntry = Pick<KnownPlace, 'at' | 'sequenceId'>;

export interface LogPage {
  /** Undefined if the stream does not exist yet. */
  readonly state: StreamState | undefined;
  /** The value of `EpochFence.departures` before the page was requested. */
  readonly departures: number;
  readonly more: boolean;
  readonly lines: readonly Line[];
}

/** The queries of a mirror. Each of them rejects if Redis cannot be reached. */
export interface MirrorSource {
  /** Reads lines of the log from the given entry on, including this entry; without an entry, from the start of the log. */
  readLog(from: LogEntry | undefined): Promise<LogPage>;
  /** Reads the retained events (replay/history.ts). Their order is undefined. */
  readRetained(): Promise<readonly Line[]>;
  /** Creates the stream if necessary, and resolves when the current server may extend it. */
  open(): Promise<StreamState>;
  /** Lets the fence decide whether the epoch continues. If the log lacks something that a node knows, a new epoch begins. */
  settle(): Promise<StreamState>;
  /** Whether the current server may extend the stream in this state. */
  isSettled(state: StreamState): Promise<boolean>;
}

export interface MirrorOptions {
  readonly stream: string;
  /**
   * Called after the first read of the stream. Returns the position after which the events of the log are delivered; undefined if all of
   * them are only history. `unread` is an epoch that Redis had, but that ended before this node read it.
   */
  readonly deliverAfter: (state: StreamState, unread: string | undefined) => Position | undefined;
  /**
   * Called when the epoch of the stream has ended. Returns whether the stream expired before its next event or, without a next event, has
   * expired by now.
   */
  readonly hasExpired: (head: KnownPlace, next: Line | undefined) => boolean;
  readonly source: MirrorSource;
  readonly createHistory: (seed: HistorySeed) => MirrorHistory;
  readonly onEvent: (record: EventRecord) => void;
  readonly onLoss: (loss: StreamLoss) => void;
  /** Called when the stream has expired and begins again in a new epoch. */
  readonly onEnded: () => void;
  readonly onKnown: (place: KnownPlace) => void;
  /** Called when all events up to the state of this page have been applied. */
  readonly onRead: (page: LogPage) => void;
  /** Whether events that this server has published may be applied. */
  readonly accepts: (incarnation: string) => boolean;
}

interface Waiting {
  readonly incarnation: string;
  readonly line: Line;
}

interface Loaded {
  readonly history: MirrorHistory;
  head: KnownPlace;
}

/**
 * The maximum number of events that are queued while the log is read. Further events are not queued. Instead, the log is read once more.
 */
const MAX_WAITING = 4_096;
const MAX_RELOADS = 10;

export class StreamMirror {
  readonly stream: string;
  readonly #options: MirrorOptions;
  #loaded: Loaded | undefined;
  #waiting: Waiting[] = [];
  /** The first epoch, other than that of the history, that was passed to {@link see} since the log was last read. */
  #unread: string | undefined;
  #catching: Promise<void> | undefined;
  #again = false;

  constructor(options: MirrorOptions) {
    this.stream = options.stream;
    this.#options = options;
  }

  get head(): KnownPlace | undefined {
    return this.#loaded?.head;
  }

  get history(): MirrorHistory | undefined {
    return this.#loaded?.history;
  }

  /** The first epoch, other than that of {@link history}, that was passed to {@link see} since the log was last read; undefined if none. */
  get unread(): string | undefined {
    return this.#unread;
  }

  /** Whether the mirror is in the epoch of the position and has every event up to it. */
  covers(position: Position): boolean {
    const head = this.#loaded?.head;
    return head !== undefined && head.epoch === position.epoch && head.sequenceId >= position.sequenceId;
  }

  /** Must be called if Redis had events of this epoch. If they are deleted before the log is read, they are reported as lost. */
  see(epoch: string): void {
    if (epoch !== this.#loaded?.head.epoch) this.#unread ??= epoch;
  }

  /** Handles a line that arrived through the subscription. @param incarnation the server that published the line */
  receive(line: Line, incarnation: string): void {
    this.see(line.epoch);
    if (this.#catching !== undefined) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ incarnation, line });
      else this.#again = true;
      return;
    }
    if (!this.#apply(line, incarnation)) this.#catchUpUnasked();
  }

  /**
   * Reads the log until the mirror has every event that the log had at this call. If a run is in progress, the call shares it, and the run
   * reads the log once more before it ends.
   */
  async catchUp(): Promise<void> {
    if (this.#catching !== undefined) this.#again = true;
    else this.#catching = this.#catch().finally(() => (this.#catching = undefined));
    return this.#catching;
  }

  #catchUpUnasked(): void {
    // An error is ignored here, because the log is read again after a reconnect or at the next check of the head.
    this.catchUp().catch(() => undefined);
  }

  async #catch(): Promise<void> {
    try {
      do {
        this.#again = false;
        if (this.#loaded === undefined) await this.#reload();
        else await this.#readOn(this.#loaded);
        this.#drain();
      } while (this.#again);
    } finally {
      this.#waiting = [];
    }
  }

  /** @returns false if the log must be read: earlier events are missing, or the line is of another epoch or server */
  #apply(line: Line, incarnation: string): boolean {
    const loaded = this.#loaded;
    if (loaded === undefined || line.epoch !== loaded.head.epoch || !this.#options.accepts(incarnation)) return false;
    const { head } = loaded;
    if (line.sequenceId > head.sequenceId + 1) return false;
    if (line.sequenceId <= head.sequenceId) return line.sequenceId < head.sequenceId || line.eventId === head.eventId;
    this.#append(loaded, line);
    this.#options.onKnown(loaded.head);
    return true;
  }

  #append(loaded: Loaded, line: Line): void {
    const record = recordOf(this.stream, line);
    loaded.history.append(record);
    loaded.head = line;
    this.#options.onEvent(record);
  }

  #drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { line, incarnation } of waiting) {
      // A line that cannot be applied is of another epoch or server, or comes after missing events. The log has the line and these events.
      if (!this.#apply(line, incarnation)) this.#again = true;
    }
  }

  async #readOn(loaded: Loaded): Promise<void> {
    for (;;) {
      const { head } = loaded;
      const unread = this.#unread;
      const page = await this.#options.source.readLog(head.sequenceId === 0 ? undefined : head);
      const { state, more } = page;
      if (state === undefined || !(await this.#epochContinues(state, head))) return this.#reload();
      for (const line of linesUpTo(state, page.lines)) {
        if (line.sequenceId <= loaded.head.sequenceId) {
          if (line.sequenceId === head.sequenceId && line.eventId !== head.eventId) return this.#contradicted();
          continue;
        }
        if (line.sequenceId > loaded.head.sequenceId + 1) return this.#reload();
        this.#append(loaded, line);
      }
      this.#options.onKnown(loaded.head);
      if (more) continue;
      if (loaded.head.sequenceId < state.sequenceId) return this.#reload();
      // `unread` was seen before this read, and the stream still has the epoch of the mirror. So `unread` is an earlier epoch.
      if (this.#unread === unread) this.#unread = undefined;
      return this.#options.onRead(page);
    }
  }

  /** Whether the stream still has the epoch of the mirror. If the state may be from another server, the fence decides first. */
  async #epochContinues(state: StreamState, head: KnownPlace): Promise<boolean> {
    const { source } = this.#options;
    const back =
      state.sequenceId < head.sequenceId || (state.sequenceId === head.sequenceId && state.eventId !== head.eventId);
    if (state.epoch !== head.epoch) return false;
    if (!back && (await source.isSettled(state))) return true;
    const settled = await source.settle();
    return settled.epoch === head.epoch;
  }

  /** Called if the log has a different event than the mirror at the mirror's head. The fence then ends this epoch. */
  async #contradicted(): Promise<void> {
    await this.#options.source.settle();
    return this.#reload();
  }

  /** Reads the whole stream, and replaces the history. Missed events that the log has are delivered. Others are reported as lost. */
  async #reload(): Promise<void> {
    for (let attempt = 0; attempt < MAX_RELOADS; attempt += 1) {
      const unread = this.#unread;
      const picture = await this.#readAll();
      if (picture === undefined) continue;
      // An epoch that was first seen during the read may be newer than what was read. It is kept, and the log is read again.
      if (this.#unread === unread || this.#unread === picture.state.epoch) this.#unread = undefined;
      this.#replace(picture, unread === picture.state.epoch ? undefined : unread);
      return;
    }
    throw new Error(
      `stream ${this.stream} was deleted, or its epoch or server changed, during each of ${MAX_RELOADS} attempts to read it`,
    );
  }

  /** @returns undefined if the stream was deleted, or if its epoch or server changed, while it was read */
  async #readAll(): Promise<Picture | undefined> {
    const { source } = this.#options;
    const begun = await source.open();
    const retained = await source.readRetained();
    const lines: Line[] = [];
    let page: LogPage;
    let added: readonly Line[];
    do {
      const last = lines.at(-1);
      page = await source.readLog(last);
      // A page begins with the requested entry, which `lines` already has, unless the entry was trimmed in the meantime.
      const [first] = page.lines;
      added = last !== undefined && first?.eventId === last.eventId ? page.lines.slice(1) : page.lines;
      lines.push(...added);
    } while (page.more && added.length > 0);
    const { state } = page;
    if (state?.epoch !== begun.epoch || !(await source.isSettled(state))) return undefined;
    const readable = contiguous(linesUpTo(state, lines));
    const newest = readable.at(-1)?.sequenceId ?? 0;
    // If the newest event is missing, because it was trimmed while the log was read or was never written, the lines cannot be used as
    // history.
    const kept = newest === state.sequenceId ? readable : [];
    const floor = kept[0]?.sequenceId ?? state.sequenceId + 1;
    return { page, state, lines: kept, retained: below(retained, floor), floor };
  }

  /** @param unread an epoch that Redis had, but that ended before this node read it */
  #replace({ page, state, lines, retained, floor }: Picture, unread: string | undefined): void {
    const after = { epoch: state.epoch, sequenceId: floor - 1 };
    const before = this.#deliveredBefore(state, lines[0], unread);
    const history = this.#options.createHistory({
      after,
      newestAtMs: state.sequenceId === 0 ? Infinity : state.at,
      retained: retained.map((line) => recordOf(this.stream, line)),
      keysEvicted: state.evicted,
    });
    this.#loaded?.history.close();
    const loaded: Loaded = { history, head: { ...after, at: state.at, eventId: '-' } };
    this.#loaded = loaded;
    const missedFrom = before === undefined ? Number.POSITIVE_INFINITY : this.#reportLoss(before, after);
    for (const line of lines) {
      const record = recordOf(this.stream, line);
      history.append(record);
      loaded.head = line;
      if (line.sequenceId > missedFrom) this.#options.onEvent(record);
    }
    if (lines.length === 0) loaded.head = { ...after, at: state.at, eventId: state.eventId };
    this.#options.onKnown(loaded.head);
    this.#options.onRead(page);
  }

  /** The position after which the events of the log must be delivered; undefined if all of them are only history. */
  #deliveredBefore(state: StreamState, next: Line | undefined, unread: string | undefined): Position | undefined {
    const head = this.#loaded?.head;
    if (head === undefined) return this.#options.deliverAfter(state, unread);
    if (head.epoch === state.epoch || unread !== undefined || !this.#options.hasExpired(head, next)) return head;
    if (head.sequenceId > 0) this.#options.onEnded();
    return { epoch: state.epoch, sequenceId: 0 };
  }

  /**
   * Reports the events between the two positions as lost, if there are any.
   * @returns the sequenceId after which events must still be delivered
   */
  #reportLoss(before: Position, after: Position): number {
    const known = before.epoch === after.epoch && before.sequenceId >= after.sequenceId;
    if (known) return before.sequenceId;
    const reason: GapReason = before.epoch === after.epoch ? 'broker_lost' : 'epoch_changed';
    const from = { epoch: before.epoch, sequenceId: before.sequenceId };
    this.#options.onLoss({ stream: this.stream, from, to: after, reason });
    return after.sequenceId;
  }
}

interface Picture {
  readonly page: LogPage;
  readonly state: StreamState;
  readonly lines: readonly Line[];
  readonly retained: readonly Line[];
  readonly floor: number;
}
