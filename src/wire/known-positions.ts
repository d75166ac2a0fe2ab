/**
 * Selects the positions of many streams that fit into the `id` of a server-sent event (SSE-5). After a reconnect, a stream that was left
 * out is replayed from its first event. Therefore the streams with the fewest events are left out first.
 */
import type { Position, StreamPosition } from '../replay/record.ts';
import { positionToken } from './position-token.ts';

/** Maximum number of streams in an `id`. With more streams, the `id` of an event could be much longer than the event. */
const MOST_STREAMS = 64;
/** Maximum length of an `id`, in characters. A client sends the `id` back in a header field, and proxies accept header fields of 8 KiB. */
const MOST_CHARACTERS = 4_096;
/** The `id` that names no stream: every stream is replayed from its first event. */
export const NOWHERE = '*';

export class KnownPositions {
  readonly #positions = new Map<string, Position>();

  /**
   * Records a position. Ignored if the same or a higher position in the same epoch is known, or if the stream is new and there is no room
   * for another stream.
   */
  advance({ stream, epoch, sequenceId }: StreamPosition): void {
    const known = this.#positions.get(stream);
    if (known?.epoch === epoch && known.sequenceId >= sequenceId) return;
    if (known === undefined && this.#positions.size >= MOST_STREAMS && !this.#makeRoom(sequenceId)) return;
    this.#positions.set(stream, { epoch, sequenceId });
  }

  forget(stream: string): void {
    this.#positions.delete(stream);
  }

  *[Symbol.iterator](): Generator<StreamPosition> {
    for (const [stream, position] of this.#positions) yield { stream, ...position };
  }

  /** The text for the `id` field. */
  token(): string {
    const token = positionToken([...this]);
    if (token === '') return NOWHERE;
    if (token.length <= MOST_CHARACTERS) return token;
    this.#makeRoom(Infinity);
    return this.token();
  }

  /** Forgets the stream with the lowest sequenceId, if that is lower than the given one. @returns whether a stream was forgotten */
  #makeRoom(sequenceId: number): boolean {
    let least: StreamPosition | undefined;
    for (const each of this) if (least === undefined || each.sequenceId < least.sequenceId) least = each;
    if (least === undefined || least.sequenceId >= sequenceId) return false;
    return this.#positions.delete(least.stream);
  }
}
