/**
 * A replay in a send queue. Its events are selected and its frames are built only when the socket accepts them, so that a long replay to a
 * slow reader needs no memory for its bytes.
 */
import type { EventRecord } from '../broker/broker.ts';
import type { ServerMessage } from '../../generated/types.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { Replay, ReplayBlock } from '../session/session.ts';
import type { Framing } from '../wire/framing.ts';

/**
 * The maximum number of events that are selected between two readings of the clock. Reading the clock costs as much as selecting a simple
 * event.
 */
const MOST_BETWEEN_READINGS = 8;
/** If selecting an event takes longer than this, in milliseconds, the clock is read after every event. */
const COSTLY_MS = 0.05;

/** Checks whether a deadline has passed. If selecting an event is cheap, it reads the clock only at some of the checks. */
class Deadline {
  readonly #end: number;
  #stride = 1;
  #left = 0;
  #read = 0;

  constructor(end: number) {
    this.#end = end;
  }

  isOver(): boolean {
    if (this.#left > 0) {
      this.#left -= 1;
      return false;
    }
    const now = performance.now();
    const isCheap = now - this.#read < COSTLY_MS * this.#stride;
    this.#stride = isCheap ? Math.min(this.#stride * 2, MOST_BETWEEN_READINGS) : 1;
    this.#left = this.#stride - 1;
    this.#read = now;
    return now >= this.#end;
  }
}

export interface TakeOptions {
  /** Maximum size of the chunk in bytes. A single frame or block may be larger. */
  readonly room: number;
  /** Events may be selected until this time, in milliseconds of `performance.now`. */
  readonly deadline: number;
  readonly now: () => number;
}

export interface Taken {
  /** The taken frames. Undefined if the deadline passed before an event was selected, or if no event was left. */
  readonly chunk: Buffer | undefined;
  /** Number of event messages in the chunk. */
  readonly events: number;
  /** Whether the replay has nothing more to send. */
  readonly done: boolean;
}

/** An item of a replay, from which its frames are built. */
type Part = EventRecord | ReplayBlock | MessagePart;

interface MessagePart {
  readonly kind: 'message';
  readonly frames: Buffer;
}

export class QueuedReplay {
  readonly kind = 'replay';
  readonly #replay: Replay;
  readonly #framing: Framing;
  /** The part that was selected last, if it did not fit into the last chunk. */
  #held: Part | undefined;
  /** The stream that is being replayed, and the position before its first unsent event. */
  #after: StreamPosition | undefined;
  /** Number of streams at the beginning of the replay whose events were all taken. */
  #finished = 0;
  /** When the replay was queued, or last made progress. */
  since: number;

  constructor(replay: Replay, framing: Framing, since: number) {
    this.#replay = replay;
    this.#framing = framing;
    this.#after = replay.after;
    this.since = since;
  }

  /** For each stream of the replay, the position before the first unsent event. */
  *positions(): Generator<StreamPosition> {
    if (this.#after !== undefined) yield this.#after;
    const held = this.#held;
    if (held !== undefined && 'body' in held) yield { ...held, sequenceId: held.sequenceId - 1 };
    else if (held?.kind === 'block') yield held.after;
    if (this.#replay.waiting !== undefined) yield* this.#replay.waiting();
  }

  /**
   * The memory that the events of this replay need in addition to the histories, in bytes.
   * @param limit if the memory is larger than this, the result is any number above `limit`
   */
  excessBytes(limit: number): number {
    const { pending } = this.#replay;
    while (pending[this.#finished]?.isEmpty === true) this.#finished += 1;
    let bytes = 0;
    for (let at = this.#finished; at < pending.length && bytes <= limit; at += 1)
      bytes += pending[at]?.excessBytes(limit - bytes) ?? 0;
    return bytes;
  }

  /** Selects the next events of the replay, and builds their frames. */
  take({ room, deadline, now }: TakeOptions): Taken {
    const { prefix, reason, items } = this.#replay;
    const parts: Part[] = [];
    let [bytes, done] = [0, false];
    const clock = new Deadline(deadline);
    while (!clock.isOver()) {
      const part = this.#held ?? this.#next(items);
      this.#held = undefined;
      if (part === 'end') {
        done = true;
        break;
      }
      if (part === undefined) continue;
      const size = 'body' in part ? this.#framing.eventBytes(prefix, part, reason) : part.frames.length;
      if (bytes > 0 && bytes + size > room) {
        this.#held = part;
        break;
      }
      parts.push(part);
      bytes += size;
    }
    this.since = now();
    return { ...this.#write(parts), done };
  }

  #next(items: Replay['items']): Part | 'end' | undefined {
    const next = items.next();
    if (next.done === true) return 'end';
    return next.value === undefined ? undefined : this.#partOf(next.value);
  }

  #partOf(item: EventRecord | ReplayBlock | ServerMessage): Part {
    return 'body' in item || 'frames' in item ? item : { kind: 'message', frames: this.#framing.replayMessage(item) };
  }

  #write(parts: readonly Part[]): Pick<Taken, 'chunk' | 'events'> {
    const { prefix, reason } = this.#replay;
    const framed = (records: readonly EventRecord[]): Buffer => this.#framing.events(prefix, records, reason);
    const chunks: Buffer[] = [];
    let [single, events]: [EventRecord[], number] = [[], 0];
    for (const part of parts) {
      if ('body' in part) {
        single.push(part);
        this.#after = part;
        events += 1;
        continue;
      }
      if (single.length > 0) chunks.push(framed(single));
      single = [];
      chunks.push(part.frames);
      if (part.kind === 'message') continue;
      this.#after = part.last;
      events += part.events;
    }
    if (single.length > 0) chunks.push(framed(single));
    return { chunk: chunks.length > 1 ? Buffer.concat(chunks) : chunks[0], events };
  }
}
