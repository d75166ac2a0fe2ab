/**
 * Live events that are queued for several connections at once. The events form a chain of links. If the same events are to be sent to
 * several connections in the same order, these connections keep the same link of the chain. The bytes up to a link are joined only once,
 * when the first of these connections is written.
 *
 *     event 1 ◀── event 2 ◀── event 3 ◀── event 4        each link refers to the previous one
 *                    ▲                       ▲
 *              kept by connection A    kept by connections B, C and D
 *
 * A chain is split into chunks, so that a large batch is not joined or written to a socket as a whole.
 */
import type { LiveEvent } from '../session/session.ts';

/** One link of a chain: an event, with the number and the total size of this event and all earlier ones. */
export class Batch {
  readonly event: LiveEvent;
  readonly count: number;
  readonly bytes: number;
  /** When the first event of the chain was queued, in milliseconds since the Unix epoch. */
  readonly since: number;
  /**
   * The newest link that continues the chain after this link. When an event is queued for many connections, one after the other, most of
   * them find their new link here.
   */
  next: Batch | undefined = undefined;
  readonly previous: Batch | undefined;
  /** Number of events in the last chunk, and their size in bytes. */
  readonly chunkCount: number;
  readonly chunkBytes: number;
  #joined: Buffer | undefined = undefined;
  #chunks: readonly Batch[] | undefined = undefined;

  constructor(event: LiveEvent, previous: Batch | undefined, maxChunkBytes: number) {
    const bytes = event.frame.length;
    this.event = event;
    this.previous = previous;
    if (previous === undefined) {
      [this.count, this.bytes, this.since] = [1, bytes, event.since];
      [this.chunkCount, this.chunkBytes] = [1, bytes];
      return;
    }
    [this.count, this.bytes, this.since] = [previous.count + 1, previous.bytes + bytes, previous.since];
    const fits = previous.chunkBytes + bytes <= maxChunkBytes;
    this.chunkCount = fits ? previous.chunkCount + 1 : 1;
    this.chunkBytes = fits ? previous.chunkBytes + bytes : bytes;
  }

  /** The events up to this link, the oldest first. */
  events(): LiveEvent[] {
    return newest(this, this.count).map(({ event }) => event);
  }

  /** The last link of each chunk, the oldest first. */
  get chunks(): readonly Batch[] {
    return (this.#chunks ??= chunksOf(this));
  }

  /** The events of the chunk that ends here, the oldest first. */
  chunkEvents(): readonly LiveEvent[] {
    return newest(this, this.chunkCount).map(({ event }) => event);
  }

  /** The bytes of the chunk that ends here. They are joined once for all connections. */
  get joined(): Buffer {
    return (this.#joined ??= this.#join());
  }

  #join(): Buffer {
    if (this.chunkCount === 1) return this.event.frame;
    return Buffer.concat(
      this.chunkEvents().map(({ frame }) => frame),
      this.chunkBytes,
    );
  }
}

function chunksOf(last: Batch): readonly Batch[] {
  if (last.chunkCount === last.count) return [last];
  const links = newest(last, last.count);
  return links.filter((link, at) => link === last || links[at + 1]?.chunkCount === 1);
}

/** The last `count` links of a chain, the oldest first. */
function newest(last: Batch, count: number): readonly Batch[] {
  const links = [last];
  for (let { previous } = last; previous !== undefined && links.length < count; { previous } = previous)
    links.push(previous);
  return links.toReversed();
}

/** The chain that the connections of a node share between two flushes. */
export class BatchChain {
  readonly #maxChunkBytes: number;
  #first: Batch | undefined;

  /** @param maxChunkBytes maximum size of a chunk; a single event may be larger */
  constructor(maxChunkBytes: number) {
    this.#maxChunkBytes = maxChunkBytes;
  }

  /** The new link of a connection whose last link is `previous`, when `event` is queued for it. */
  link(previous: Batch | undefined, event: LiveEvent): Batch {
    const known = previous === undefined ? this.#first : previous.next;
    if (known?.event === event) return known;
    const link = new Batch(event, previous, this.#maxChunkBytes);
    if (previous === undefined) this.#first = link;
    else previous.next = link;
    return link;
  }

  /** Starts a new chain after a flush. A connection that still keeps a link of the old chain adds its next events to that link. */
  clear(): void {
    this.#first = undefined;
  }
}
