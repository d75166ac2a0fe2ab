/**
 * The lane of an outbox for events, and for messages that must keep their order among the events (BCK-3). While only live events are
 * queued, they form a {@link Batch}, whose bytes are shared with other connections. Otherwise, the queued events and messages are entries
 * of this lane.
 */
import type { Position } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { LiveEvent, OrderedOptions } from '../session/session.ts';
import type { Framing } from '../wire/framing.ts';
import type { Batch, BatchChain } from './batch.ts';
import type { QueueAccount } from './queue-account.ts';
import type { QueuedReplay } from './queued-replay.ts';

interface MessageFrame extends OrderedOptions {
  readonly kind: 'message';
  readonly frame: Buffer;
  readonly since: number;
}

export type Entry = LiveEvent | MessageFrame | QueuedReplay;

/** The entries of an empty lane. All idle connections share it, so nothing may be added to it. */
const NONE: (Entry | undefined)[] = [];

export class EventLane {
  /**
   * Counts the queued bytes, except those of a batch, because connections share the bytes of a batch. If the socket does not accept the
   * events of the batch, they become entries in the same turn of the event loop, and are counted then.
   */
  readonly #account: QueueAccount;
  readonly #framing: Framing;
  /** Queued live events whose bytes are shared with other connections. While there is a batch, `#entries` is empty. */
  #batch: Batch | undefined;
  /** The entries of the queue. The first `#first` elements are undefined, because their entries were taken. */
  #entries = NONE;
  #first = 0;
  /** Number of queued replays. */
  #replays = 0;
  /** Number of event messages that were taken from this lane so far, in order to be written. */
  taken = 0;

  constructor(account: QueueAccount, framing: Framing) {
    this.#account = account;
    this.#framing = framing;
  }

  /** Number of queued messages. A replay counts as one. */
  get length(): number {
    return this.#entries.length - this.#first + (this.#batch?.count ?? 0);
  }

  /** Whether the next entry is a replay. */
  get replaying(): boolean {
    return this.#entries[this.#first]?.kind === 'replay';
  }

  /** The next entry; undefined if nothing is queued, or if the queued events are a batch. */
  get next(): Entry | undefined {
    return this.#entries[this.#first];
  }

  /** The time at which the oldest message was queued. For a replay, the time at which it last made progress. */
  get since(): number | undefined {
    return this.#batch?.since ?? this.next?.since;
  }

  /** The batch, if all queued messages are live events whose bytes are shared; otherwise undefined. */
  get batch(): Batch | undefined {
    return this.#batch;
  }

  /** Adds a live event to the batch. @returns false if the event cannot share its bytes, because entries are queued before it */
  share(event: LiveEvent, chain: BatchChain): boolean {
    if (this.#entries.length > this.#first) return false;
    this.#batch = chain.link(this.#batch, event);
    return true;
  }

  push(entry: Entry): void {
    this.spread();
    this.#append([entry]);
    if (entry.kind === 'replay') this.#replays += 1;
    else this.#account.add(entry.frame.length);
  }

  /**
   * Counts the memory that the events of all queued replays need in addition to the histories. Iterates over the whole lane.
   * @param limit if the memory is larger than this, any number of bytes above `limit` is counted
   */
  countExcess(limit: number): void {
    let bytes = 0;
    if (this.#replays > 0)
      for (const entry of this.#entries)
        if (entry?.kind === 'replay' && bytes <= limit) bytes += entry.excessBytes(limit - bytes);
    this.#account.setExcess(bytes);
  }

  /** Removes the batch. @returns its chunks, the oldest first; the caller must write each chunk, or pass it to {@link keep} */
  takeBatch(): readonly Batch[] {
    const chunks = this.#batch?.chunks ?? [];
    this.#batch = undefined;
    return chunks;
  }

  /** Adds the events of a chunk to the entries of this lane, because the socket did not accept the chunk. */
  keep(chunk: Batch): void {
    this.#append(chunk.chunkEvents());
    this.#account.add(chunk.chunkBytes);
  }

  /** Converts the batch to entries, because another message must be sent before, between or after its events. */
  spread(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    this.#entries = batch.events();
    this.#first = 0;
    this.#account.add(batch.bytes);
  }

  /**
   * Takes the next frame, or several frames of a replay up to `room` bytes.
   * @param deadline events of a replay may be selected until this time, in milliseconds of `performance.now`
   */
  take(room: number, deadline: number): Buffer | undefined {
    const entry = this.next;
    if (entry === undefined) {
      if (this.#first > 0) {
        this.#entries = NONE;
        this.#first = 0;
      }
      return undefined;
    }
    if (entry.kind === 'replay') return this.#takeReplay(entry, room, deadline);
    this.#advance();
    this.#account.add(-entry.frame.length);
    if (entry.kind === 'event') {
      this.taken += 1;
      return this.#framing.written(entry.frame, entry);
    }
    entry.onWritten?.();
    return entry.frame;
  }

  /** For each stream with queued events, the position before the first of these events (CON-7). Iterates over the whole lane. */
  unwritten(): ReadonlyMap<string, Position> {
    const positions = new Map<string, Position>();
    for (const entry of this.#batch?.events() ?? this.#entries.slice(this.#first)) {
      for (const before of entry === undefined ? [] : positionsBefore(entry)) {
        const known = positions.get(before.stream);
        // An entry of another epoch was queued later, after the gap that announces its epoch.
        const earlier = known === undefined || (known.epoch === before.epoch && before.sequenceId < known.sequenceId);
        if (earlier) positions.set(before.stream, { epoch: before.epoch, sequenceId: before.sequenceId });
      }
    }
    return positions;
  }

  /** Drops all messages. The caller must subtract their bytes from the account. */
  clear(): void {
    this.#batch = undefined;
    this.#entries = NONE;
    this.#first = 0;
    this.#replays = 0;
  }

  #append(entries: readonly Entry[]): void {
    if (this.#entries === NONE) this.#entries = [...entries];
    else this.#entries.push(...entries);
  }

  /** Takes frames of a replay, up to `room` bytes. If the replay has no more frames, removes it and takes the next entry instead. */
  #takeReplay(entry: QueuedReplay, room: number, deadline: number): Buffer | undefined {
    const taken = entry.take({ room, deadline, now: this.#account.now });
    this.taken += taken.events;
    if (taken.done) {
      this.#advance();
      this.#replays -= 1;
      if (this.#replays === 0) this.#account.setExcess(0);
    }
    if (taken.chunk !== undefined) return taken.chunk;
    return taken.done ? this.take(room, deadline) : undefined;
  }

  #advance(): void {
    // Remove the reference to the entry now, because the array is shortened only later.
    this.#entries[this.#first] = undefined;
    this.#first += 1;
    // The array is shortened only after many entries were taken, because shortening moves all remaining entries.
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** For each stream with events in the entry, the position before the first of these events. */
function positionsBefore(entry: Entry): Iterable<StreamPosition> {
  if (entry.kind === 'message') return entry.after === undefined ? [] : [entry.after];
  if (entry.kind === 'replay') return entry.positions();
  const { stream, epoch, sequenceId } = entry;
  return [{ stream, epoch, sequenceId: sequenceId - 1 }];
}
