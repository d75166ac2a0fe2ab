/**
 * Live events that are queued for several connections at once. Connections to which the same events are to be sent in the same order
 * keep the same link of a chain. The bytes up to a link are joined once, when the first of these connections is written.
 *
 *     event 1 ◀── event 2 ◀── event 3 ◀── event 4        each link refers to the previous one
 *                    ▲                       ▲
 *              kept by connection A    kept by connections B, C and D
 *
 * A chain is split into chunks, so that a large batch is neither joined nor written to a socket as a whole.
 */
import type { LiveEvent } from '../session/session.ts';

/** One link of a chain: an event, and the count and bytes of this event and all earlier ones. */
export class Batch {
  readonly event: LiveEvent;
  readonly count: number;
  readonly bytes: number;
  /** When the first event was queued, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** The newest link that follows this one. Connections are visited in such an order that the next one mostly needs this link, too. */
  next: Batch | undefined = undefined;
  readonly previous: Batch | undefined;
  /** The number of events in the last chunk, and their bytes. */
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

  /** The events up to this link, oldest first. */
  events(): LiveEvent[] {
    return newest(this, this.count).map(({ event }) => event);
  }

  /** The last link of each chunk, oldest first. */
  get chunks(): readonly Batch[] {
    return (this.#chunks ??= chunksOf(this));
  }

  /** Events of the chunk that ends here, oldest first. */
  chunkEvents(): readonly LiveEvent[] {
    return newest(this, this.chunkCount).map(({ event }) => event);
  }

  /** The bytes of the chunk that ends here, joined once for all connections. */
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

/** The last `count` links of a chain, oldest first. */
function newest(last: Batch, count: number): readonly Batch[] {
  const links = [last];
  for (let { previous } = last; previous !== undefined && links.length < count; { previous } = previous)
    links.push(previous);
  return links.toReversed();
}

/** The chain that the connections of a node share from one flush to the next. */
export class BatchChain {
  readonly #maxChunkBytes: number;
  #first: Batch | undefined;

  /** @param maxChunkBytes size of a chunk; one event alone may be larger */
  constructor(maxChunkBytes: number) {
    this.#maxChunkBytes = maxChunkBytes;
  }

  /** The link of a connection to which `event` is to be sent after `previous`. */
  link(previous: Batch | undefined, event: LiveEvent): Batch {
    const known = previous === undefined ? this.#first : previous.next;
    if (known?.event === event) return known;
    const link = new Batch(event, previous, this.#maxChunkBytes);
    if (previous === undefined) this.#first = link;
    else previous.next = link;
    return link;
  }

  /** Starts a new chain after a flush. A connection that still keeps a link of the old one appends to that link. */
  clear(): void {
    this.#first = undefined;
  }
}
