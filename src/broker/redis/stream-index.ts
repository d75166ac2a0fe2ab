/**
 * The index of the streams in Redis. A node cannot subscribe to the channel of every stream that may exist. So a node that follows a
 * pattern learns of new streams from the index:
 *
 *   first publish ─► register ─► index, `stream <name>` on the channel of all nodes ─► nodes that follow the stream mirror it
 *
 * The announcement may be lost. Therefore a node that follows streams also reads the new entries of the index each second. The index is one
 * key. In a cluster, the index and a stream may be on different servers, so creating a stream and entering it into the index are two steps.
 * A stream is entered before its first event is published. A client can also create a stream just by naming it. Such a stream is not
 * entered, because it has no events that anyone could miss.
 *
 * A stream with events may be missing in the index, because an earlier version wrote it, or because the index was lost. It is then entered
 * as `found`, with its newest position: its events up to this position are not new. If the index is not marked as complete, a scan of all
 * keys first completes it. A stream whose events were lost is entered again, as `replaced`.
 *
 * At each interval, every node checks a few entries and moves expired streams to the list of departed streams, whether or not it follows
 * streams. If a node could not reach Redis between the creation of a stream and its removal, it learns from this list that it missed the
 * stream. The list is bounded. If some missed streams may no longer be in the list, or if Redis has lost the index, the node learns that it
 * may have missed streams whose names are unknown.
 */
import { randomInt } from 'node:crypto';
import type { BrokerLog, Position } from '../broker.ts';
import { appearanceAt } from './appearance.ts';
import type { Appearance } from './appearance.ts';
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { DROPPED, IndexPages } from './index-pages.ts';
import type { Edition, Entry, IndexPage } from './index-pages.ts';
import { isBlank, parseState } from './line.ts';
import type { StreamState } from './line.ts';
import { portions, readHeads } from './stream-heads.ts';

/**
 * How many entries each node checks at each interval. It also checks two entries for each stream that it has entered since the last check.
 * Therefore the index has at most about twice as many entries as there are streams.
 */
const CHECKED = 20;
/** Maximum number of existing streams that are entered concurrently. */
const ENTERED = 64;
/** Maximum number of departed streams that are kept (about 1 MB). A node that missed more streams cannot name them all. */
const DEPARTED = 10_000;
/**
 * How long departed streams are kept after the last departure, in milliseconds. A node that could not reach Redis for longer may have
 * missed streams that it cannot name.
 */
const DEPARTED_TTL_MS = 24 * 3_600_000;
/**
 * The list of departed streams counts as complete for this fraction of its TTL. It is less than 1 because the list is read after the index,
 * and the clocks of the servers differ.
 */
const DEPARTED_TOLERANCE = 0.9;
/** The largest range that `randomInt` supports. */
const MAX_IDENTITY = 2 ** 48 - 1;
const NOTHING_READ: Edition = { newest: 0, identity: '', now: 0 };

export interface IndexChanges {
  readonly entries: readonly Entry[];
  /** Streams that were entered since the last call, and left the index again before this node learned of them. */
  readonly missed: readonly string[];
  /** Whether this node may also have missed streams whose names Redis no longer has. */
  readonly hasUnnamed: boolean;
}

/** What is known of a stream that is entered before its first event. */
export interface Created {
  /** The epoch of the stream. */
  readonly epoch?: string;
  /** The newest known position of the stream, if Redis has lost its events. */
  readonly lost?: Position | undefined;
}

export interface StreamIndexOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly log: BrokerLog;
  /** Maximum number of departed streams that are kept. */
  readonly departed?: number;
  /** How long departed streams are kept after the last departure, in milliseconds. */
  readonly departedTtlMs?: number;
}

export class StreamIndex {
  readonly #departed: number;
  readonly #departedTtlMs: number;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #pages: IndexPages;
  readonly #log: BrokerLog;
  /** The state of the index when this node last read it. Undefined while the node follows no streams. */
  #read: Edition | undefined;
  /**
   * Streams that this node has created but may not have entered into the index yet. If Redis has lost events of a stream, the value is the
   * newest known position of the lost events.
   */
  readonly #owed = new Map<string, Position | undefined>();
  /** Streams that are being entered after they were created. */
  readonly #entering = new Set<string>();
  /** The places of the announced streams that are newer than the last read ({@link #read}). */
  readonly #announced = new Set<number>();

  /** How many streams this node has entered since the last {@link sweep}. */
  #entered = 0;
  /** False once Redis has refused a scan. */
  #mayScan = true;
  /** The place of the last entry that {@link sweep} has checked. */
  #checked = '0';

  constructor(options: StreamIndexOptions) {
    this.#departed = options.departed ?? DEPARTED;
    this.#departedTtlMs = options.departedTtlMs ?? DEPARTED_TTL_MS;
    this.#connection = options.connection;
    this.#keys = options.keys;
    this.#pages = new IndexPages(options);
    this.#log = options.log;
  }

  /** Enters a stream that has no events yet. If an expired stream of this name is still in the index, the stream gets a new place. */
  async enterCreated(stream: string, { epoch = '', lost = this.#owed.get(stream) }: Created = {}): Promise<void> {
    this.#owed.set(stream, lost);
    this.#entering.add(stream);
    try {
      if (lost === undefined) await this.#register(stream, 'created', '', epoch);
      else await this.enterReplaced(stream, lost);
      this.#owed.delete(stream);
    } finally {
      this.#entering.delete(stream);
    }
  }

  /** Enters a stream whose epoch ends, because Redis has lost events up to the position. */
  async enterReplaced(stream: string, lost: Position): Promise<void> {
    await this.#register(stream, 'replaced', textOf(lost));
  }

  /**
   * Enters an existing stream, which may have events, if the index lacks the stream. Must be called before this node publishes an event
   * after the given head.
   */
  async enterFound(stream: string, head: Position): Promise<void> {
    if (this.#owed.has(stream)) return this.enterCreated(stream, { epoch: head.epoch });
    await this.#register(stream, 'found', head.sequenceId === 0 ? '' : textOf(head));
  }

  /** Enters the streams that could not be entered when they were created. */
  async enterOwed(): Promise<void> {
    for (const [stream, lost] of this.#owed) if (!this.#entering.has(stream)) await this.enterCreated(stream, { lost });
  }

  /**
   * Removes streams that were found not to exist. If a stream was created again in the meantime, it stays in the index: either its place
   * is a new one, or this method enters the stream again.
   */
  async remove(expired: readonly Entry[]): Promise<void> {
    if (expired.length === 0) return;
    const args = expired.flatMap(({ stream, place }) => [stream, place]);
    await this.#connection.run(
      'unregister',
      [this.#keys.streams, this.#keys.departed],
      [this.#departed, this.#departedTtlMs, ...args],
    );
    await this.#enterExisting(expired.map(({ stream }) => stream));
  }

  /** Called at each interval: checks the next entries of the index, and removes the entries of streams that have expired. */
  async sweep(): Promise<void> {
    let left = CHECKED + 2 * this.#entered;
    this.#entered = 0;
    while (left > 0) {
      const { next, entries } = await this.#pages.page(this.#checked, Math.max(left, 2));
      const existing = await this.existing(entries.map(({ stream }) => stream));
      await this.remove(entries.filter(({ stream }) => !existing.has(stream)));
      this.#checked = next === '' ? '0' : next;
      left = next === '' ? 0 : left - entries.length;
    }
  }

  /** Returns those of the given streams that exist in Redis. */
  async existing(streams: readonly string[]): Promise<ReadonlySet<string>> {
    const texts = await this.#heads(streams);
    return new Set(streams.filter((_, at) => texts[at] !== undefined));
  }

  /** Begins to track the index: {@link changes} returns the streams that are entered after this call. */
  async track(): Promise<void> {
    if (this.#read !== undefined) return;
    let page = await this.#pages.page('+inf');
    if (page.identity === '') {
      // The index has no identity until it is complete. Without it, `changes` could not notice that Redis has lost the index.
      await this.#complete();
      page = await this.#pages.page('+inf');
    }
    this.#read ??= { newest: page.newest, identity: page.identity, now: page.now };
  }

  /** Ends {@link track}. */
  untrack(): void {
    this.#read = undefined;
    this.#announced.clear();
  }

  /** Must be called with the place of each stream that is announced to this node. */
  noteAnnounced(place: number): void {
    this.#announced.add(place);
  }

  /** Reads the streams that were entered since the last call; if Redis has lost the index, all streams. */
  async changes(): Promise<IndexChanges> {
    if (this.#read === undefined) await this.track();
    const last = this.#read ?? NOTHING_READ;
    let read = await this.#pages.after(last.newest);
    const wasLost = read.newest < last.newest || (last.identity !== '' && read.identity !== last.identity);
    const isComplete = read.identity !== '';
    if (!isComplete) await this.#complete();
    if (wasLost || !isComplete) read = await this.#pages.after(wasLost ? 0 : last.newest);
    const missed = read.newest > last.newest ? await this.#missed(last.newest, read) : [];
    const named = missed.filter((stream) => stream !== DROPPED);
    const hasExpired = read.newest > last.newest && read.now - last.now > this.#departedTtlMs * DEPARTED_TOLERANCE;
    // `#read` is set only after all reads have succeeded: if a read fails, the next call must return these streams. If a concurrent call
    // has set `#read` in the meantime, that call has reported the missed streams.
    if (this.#read !== last) return { entries: read.entries, missed: [], hasUnnamed: false };
    this.#read = { newest: read.newest, identity: read.identity, now: read.now };
    for (const place of this.#announced) if (place <= read.newest) this.#announced.delete(place);
    return { entries: read.entries, missed: named, hasUnnamed: wasLost || hasExpired || named.length < missed.length };
  }

  /** All streams in the index, in pages. Some of these streams may have expired. */
  async *all(): AsyncGenerator<readonly Entry[]> {
    if ((await this.#pages.page('+inf')).identity === '') await this.#complete();
    for (let from = '0'; from !== '';) {
      const { next, entries } = await this.#pages.page(from);
      yield entries;
      from = next;
    }
  }

  /**
   * Returns how a stream was entered into the index. If the stream has no place and no events, the result is `created`, because a stream
   * is entered before its first event. If a stream without a place has events, the place is read again: the stream may have been entered in
   * the meantime. If there is still no place, the result is `found`.
   */
  async appearanceOf(stream: string): Promise<Appearance> {
    const place = await this.placeOf(stream);
    if (place > 0) return appearanceAt(place);
    const [text] = await this.#heads([stream]);
    return text === undefined || parseState(text).sequenceId === 0
      ? 'created'
      : appearanceAt(await this.placeOf(stream));
  }

  /** Returns the place of the stream in the index; 0 if the stream is not in the index. */
  async placeOf(stream: string): Promise<number> {
    return Number(await this.#connection.run('place', [this.#keys.streams], [stream]));
  }

  /**
   * The streams that were entered after the place `from`, and left the index before this node learned of them. {@link DROPPED} stands for
   * streams that were dropped from the list of departed streams.
   */
  async #missed(from: number, { newest, entries }: Omit<IndexPage, 'next'>): Promise<readonly string[]> {
    const departed = await this.#pages.departed(from, newest);
    const known = new Set([...this.#announced, ...entries.map(({ place }) => place)]);
    return departed.flatMap(({ stream, place }) => (known.has(place) ? [] : [stream]));
  }

  /**
   * Completes the index: enters every existing stream that the index lacks. An earlier version wrote these streams, or the index was lost.
   * If the Redis user may not run SCAN, a stream is entered only when the stream is used again.
   */
  async #complete(): Promise<void> {
    if (!this.#mayScan) return;
    try {
      for await (const found of this.#connection.keysLike(this.#keys.allMeta))
        await this.#enterExisting(found.map((key) => this.#keys.streamOfMeta(key)));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOPERM ')) throw error;
      this.#mayScan = false;
      const text =
        'The Redis user may not run SCAN, so streams from before an upgrade are followed only after their next event. Grant +scan.';
      this.#log.warn({ err: error }, text);
      return;
    }
    await this.#connection.run('complete', [this.#keys.streams], [randomInt(1, MAX_IDENTITY)]);
  }

  async #enterExisting(streams: readonly string[]): Promise<void> {
    const enter = async (stream: string, text: string | undefined): Promise<void> => {
      const state = text === undefined ? undefined : this.#readable(stream, text);
      if (state !== undefined && !isBlank(state)) await this.enterFound(stream, state);
    };
    for (const portion of portions(streams, ENTERED)) {
      const texts = await this.#heads(portion);
      await Promise.all(portion.map((stream, at) => enter(stream, texts[at])));
    }
  }

  /** Parses a state. Returns undefined if it is not valid, so that the other streams are still entered into the index. */
  #readable(stream: string, text: string): StreamState | undefined {
    try {
      return parseState(text);
    } catch (error) {
      this.#log.warn(
        { err: error, stream },
        'A stream in Redis cannot be read, so subscriptions to patterns do not include it',
      );
      return undefined;
    }
  }

  #heads(streams: readonly string[]): Promise<readonly (string | undefined)[]> {
    return readHeads({ connection: this.#connection, keys: this.#keys }, streams);
  }

  async #register(stream: string, how: 'created' | 'found' | 'replaced', position: string, epoch = ''): Promise<void> {
    const reply = await this.#connection.run(
      'register',
      [this.#keys.streams, this.#keys.departed],
      [stream, how, this.#keys.nodes, position, this.#departed, this.#departedTtlMs, epoch],
    );
    if (reply === 1) this.#entered += 1;
  }
}

const textOf = ({ epoch, sequenceId }: Position): string => `${epoch} ${sequenceId}`;
