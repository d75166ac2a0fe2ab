/**
 * Live events that are queued for several connections at once. The events form a chain of links. If the same events are to be sent to
 * several connections in the same order, these connections refer to the same link of the chain. The bytes up to a link are joined only
 * once, when the first of these connections is flushed.
 *
 *     event 1 ◀── event 2 ◀── event 3 ◀── event 4        each link refers to the previous one
 *                    ▲                       ▲
 *           last link of connection A     last link of connections B, C and D
 *
 * A chain is split into chunks, so that a large batch is joined and written to a socket in parts.
 */
import type { LiveEvent } from '../session/session.ts';

/** One link of a chain: an event, and the number and total size of all events of the chain up to this one. */
export class Batch {
  readonly event: LiveEvent;
  readonly count: number;
  readonly bytes: number;
  /** When the first event of the chain was queued, in milliseconds since the Unix epoch. */
  readonly since: number;
  /**
   * The link that was most recently added after this link. An event is queued for its connections one after another: the first connection
   * adds a link here, and most other connections reuse that link.
   */
  next: Batch | undefined = undefined;
  readonly previous: Batch | undefined;
  /** Number and size in bytes of the events from the beginning of this link's chunk up to this link. */
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

  /** The events of the chunk that ends with this link, the oldest first. */
  chunkEvents(): readonly LiveEvent[] {
    return newest(this, this.chunkCount).map(({ event }) => event);
  }

  /** The bytes of the chunk that ends with this link. They are joined once for all connections. */
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

  /** Queues an event for a connection whose last link is `previous`. @returns the new last link of the connection */
  link(previous: Batch | undefined, event: LiveEvent): Batch {
    const known = previous === undefined ? this.#first : previous.next;
    if (known?.event === event) return known;
    const link = new Batch(event, previous, this.#maxChunkBytes);
    if (previous === undefined) this.#first = link;
    else previous.next = link;
    return link;
  }

  /** Starts a new chain for the next flush. A connection that still refers to a link of the old chain adds its next events to that link. */
  clear(): void {
    this.#first = undefined;
  }
}
