/**
 * The lane of an outbox for events, and for messages that must keep their order among the events (BCK-3). While only live events are
 * queued, they are a {@link Batch}, whose bytes are shared with other connections. Otherwise, they are entries of this lane.
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
   * Counts queued bytes. The bytes of a batch are not counted: they are shared, and events that the socket does not accept become entries
   * in the same turn.
   */
  readonly #account: QueueAccount;
  readonly #framing: Framing;
  /** Queued live events whose bytes are shared with other connections. While there is a batch, `#entries` is empty. */
  #batch: Batch | undefined;
  /** The entries of the queue. The first `#first` elements are undefined, because their entries were taken. */
  #entries = NONE;
  #first = 0;
  /** Number of event messages that were taken so far. */
  taken = 0;

  constructor(account: QueueAccount, framing: Framing) {
    this.#account = account;
    this.#framing = framing;
  }

  /** Number of queued messages. A replay counts as one. */
  get length(): number {
    return this.#entries.length - this.#first + (this.#batch?.count ?? 0);
  }

  /** Whether a replay is next. */
  get replaying(): boolean {
    return this.#entries[this.#first]?.kind === 'replay';
  }

  /** The next entry; undefined if there is none, or if the events are in a batch. */
  get next(): Entry | undefined {
    return this.#entries[this.#first];
  }

  /** The time at which the oldest message was queued. For a replay, the time at which it last made progress. */
  get since(): number | undefined {
    return this.#batch?.since ?? this.next?.since;
  }

  /** The live events whose bytes are shared, if all queued messages are such events. */
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
    if (entry.kind !== 'replay') this.#account.add(entry.frame.length);
  }

  /** Removes the batch. @returns its chunks, the oldest first; the caller writes them or keeps them with {@link keep} */
  takeBatch(): readonly Batch[] {
    const chunks = this.#batch?.chunks ?? [];
    this.#batch = undefined;
    return chunks;
  }

  /** Adds the events of a chunk that the socket did not accept to the entries of this lane. */
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

  /** For each stream with queued events, the position before the first of them (CON-7). It iterates over the whole lane. */
  unwritten(): ReadonlyMap<string, Position> {
    const positions = new Map<string, Position>();
    for (const entry of this.#batch?.events() ?? this.#entries.slice(this.#first)) {
      for (const before of entry === undefined ? [] : positionsBefore(entry)) {
        const known = positions.get(before.stream);
        // If an entry has another epoch, it was queued later, after the gap that announces its epoch.
        const earlier = known === undefined || (known.epoch === before.epoch && before.sequenceId < known.sequenceId);
        if (earlier) positions.set(before.stream, { epoch: before.epoch, sequenceId: before.sequenceId });
      }
    }
    return positions;
  }

  /** Drops all messages. The caller subtracts their bytes. */
  clear(): void {
    this.#batch = undefined;
    this.#entries = NONE;
    this.#first = 0;
  }

  #append(entries: readonly Entry[]): void {
    if (this.#entries === NONE) this.#entries = [...entries];
    else this.#entries.push(...entries);
  }

  /** Takes several frames of a replay, up to `room` bytes. If the replay has nothing more to send, takes the next entry. */
  #takeReplay(entry: QueuedReplay, room: number, deadline: number): Buffer | undefined {
    const taken = entry.take({ room, deadline, now: this.#account.now });
    this.taken += taken.events;
    if (taken.done) this.#advance();
    if (taken.chunk !== undefined) return taken.chunk;
    return taken.done ? this.take(room, deadline) : undefined;
  }

  #advance(): void {
    // Release the entry now, because the array is shortened only later.
    this.#entries[this.#first] = undefined;
    this.#first += 1;
    // The array is shortened only when many entries were taken, because shortening it moves all remaining entries.
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** For each stream of an entry, the position before the events that are still to be sent. */
function positionsBefore(entry: Entry): Iterable<StreamPosition> {
  if (entry.kind === 'message') return entry.after === undefined ? [] : [entry.after];
  if (entry.kind === 'replay') return entry.positions();
  const { stream, epoch, sequenceId } = entry;
  return [{ stream, epoch, sequenceId: sequenceId - 1 }];
}
