/**
 * A replay in a send queue: its events are chosen and its frames built while the socket accepts them, so that a long replay to a slow
 * reader keeps references, not bytes.
 */
import type { EventRecord } from '../broker/broker.ts';
import type { ServerMessage } from '../../generated/types.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { Replay } from '../session/session.ts';
import { encodeMessage, eventFrameBytes, writeEventFrame } from '../wire/codec.ts';

export interface TakeOptions {
  /** Largest size of the chunk in bytes; a single frame may be larger. */
  readonly room: number;
  /** Time by the performance clock until which events may be chosen. */
  readonly deadline: number;
  readonly now: () => number;
}

export interface Taken {
  /** Several frames; undefined if there was no time, or no event, to choose. */
  readonly chunk: Buffer | undefined;
  /** Event messages in the chunk. */
  readonly events: number;
  /** Whether the replay has nothing more to send. */
  readonly done: boolean;
}

export class QueuedReplay {
  readonly kind = 'replay';
  readonly #replay: Replay;
  /** A frame that was chosen, but did not fit into the last chunk. */
  #held: EventRecord | ServerMessage | undefined;
  /** The position before the events that are still to be sent. */
  after: StreamPosition;
  /** When the replay was queued or last made progress. */
  since: number;

  constructor(replay: Replay, since: number) {
    this.#replay = replay;
    this.after = replay.after;
    this.since = since;
  }

  /** Takes the next frames of the replay. */
  take({ room, deadline, now }: TakeOptions): Taken {
    const { prefix, items } = this.#replay;
    const frames: (EventRecord | Buffer)[] = [];
    let [bytes, done] = [0, false];
    while (performance.now() < deadline) {
      const next = this.#held === undefined ? items.next() : { done: false as const, value: this.#held };
      this.#held = undefined;
      if (next.done === true) {
        done = true;
        break;
      }
      if (next.value === undefined) continue;
      const frame = 'body' in next.value ? next.value : encodeMessage(next.value);
      const size = 'body' in frame ? eventFrameBytes(prefix, frame) : frame.length;
      if (bytes > 0 && bytes + size > room) {
        this.#held = next.value;
        break;
      }
      frames.push(frame);
      bytes += size;
    }
    this.since = now();
    return { ...this.#write(frames, bytes), done };
  }

  #write(frames: readonly (EventRecord | Buffer)[], bytes: number): Pick<Taken, 'chunk' | 'events'> {
    if (bytes === 0) return { chunk: undefined, events: 0 };
    const chunk = Buffer.allocUnsafe(bytes);
    let [offset, events] = [0, 0];
    for (const frame of frames) {
      if (!('body' in frame)) {
        offset += frame.copy(chunk, offset);
        continue;
      }
      offset = writeEventFrame(chunk, offset, this.#replay.prefix, frame);
      events += 1;
      this.after = frame;
    }
    return { chunk, events };
  }
}
