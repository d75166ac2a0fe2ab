/**
 * The index of the streams in Redis, from which a node learns of streams that it has not attached. There is no subscription for
 * each possible stream:
 *
 *   first publish ─► register ─► index, `stream <name>` on the channel of all nodes ─► nodes that follow it mirror it
 *
 * The announcement may be lost. Therefore a node that follows streams also reads, each second, the entries that it has not read yet. The
 * index is one key, which in a cluster may be on another server than the stream. Therefore creating a stream and entering it into the index
 * are two steps. A stream is entered before its first event is published. A stream without events is not entered: a client can create it by
 * just naming it, and nobody can miss anything of it.
 *
 * A stream with events that is not in the index was written by an earlier version, or the index was lost. It is entered as `found`, with
 * its newest position, because its events up to this position are not new. An index that is not marked as complete is first completed by a
 * scan of all keys. A stream whose events were lost is entered again, as `replaced`.
 *
 * Every node checks a few entries at each interval and removes expired streams, whether or not it follows streams. A removed stream is kept
 * in the list of departed streams, so that a node that was away from the creation of a stream until its removal learns that it missed the
 * stream.
 */
import type { BrokerLog, Position } from '../broker.ts';
import { appearanceAt } from './appearance.ts';
import type { Appearance } from './appearance.ts';
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts, isBlank, parseState } from './line.ts';
import type { StreamState } from './line.ts';
import { portions, readHeads } from './stream-heads.ts';

const PAGE = 1_000;
/**
 * How many entries each node checks at each interval, in addition to two for each stream that it has entered since the last check. This
 * keeps the index below twice the number of existing streams.
 */
const CHECKED = 20;
/** Maximum number of existing streams that are entered concurrently. */
const ENTERED = 64;
/** How many departed streams are kept: about 1 MB. A node that missed more of them cannot name them all. */
const DEPARTED = 10_000;
/** How long departed streams are kept after the last departure, in milliseconds. A node that was away for longer cannot name them. */
const DEPARTED_TTL_MS = 24 * 3_600_000;
/** The name in the list of departed streams that stands for those that were dropped from the list. */
const DROPPED = '#';

export interface Entry {
  readonly stream: string;
  readonly place: number;
}

export interface News {
  readonly entries: readonly Entry[];
  /** Streams that were entered since the last call, and left the index before this node learned of them. */
  readonly missed: readonly string[];
}

interface Page {
  readonly newest: number;
  /** The place after which the next page begins; '' after the last page. */
  readonly next: string;
  readonly isComplete: boolean;
  readonly entries: readonly Entry[];
}

export interface StreamIndexOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly log: BrokerLog;
  /** How many departed streams are kept. */
  readonly departed?: number;
}

export class StreamIndex {
  readonly #departed: number;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #log: BrokerLog;
  /** The newest place that this node has read. Undefined while it follows no streams. */
  #read: number | undefined;
  /**
   * Streams that this node has created but may not have entered into the index yet. If Redis has lost the events of a stream, its newest
   * lost position.
   */
  readonly #owed = new Map<string, Position | undefined>();
  /** Streams that are being entered after they were created. */
  readonly #entering = new Set<string>();
  /** The places after {@link #read} that were announced to this node. */
  readonly #heard = new Set<number>();

  /** How many streams were entered since the last {@link sweep}. */
  #entered = 0;
  /** False once Redis has refused a scan. */
  #mayScan = true;
  /** The place of the last entry that was checked. */
  #checked = '0';

  constructor(options: StreamIndexOptions) {
    this.#departed = options.departed ?? DEPARTED;
    this.#connection = options.connection;
    this.#keys = options.keys;
    this.#log = options.log;
  }

  /**
   * Enters a stream that has no events yet. If an expired stream of this name is still in the index, the stream gets a new place.
   * @param lost the newest known position of the stream, if Redis has lost its events
   */
  async enterCreated(stream: string, lost = this.#owed.get(stream)): Promise<void> {
    this.#owed.set(stream, lost);
    this.#entering.add(stream);
    try {
      if (lost === undefined) await this.#register(stream, 'created', '');
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
   * Enters a stream that exists, unless it is in the index already. Must be called before this node publishes an event after the given
   * head.
   */
  async enterFound(stream: string, head: Position): Promise<void> {
    if (this.#owed.has(stream)) return this.enterCreated(stream, this.#owed.get(stream));
    await this.#register(stream, 'found', head.sequenceId === 0 ? '' : textOf(head));
  }

  /** Enters the streams that could not be entered when they were created. */
  async enterOwed(): Promise<void> {
    for (const [stream, lost] of this.#owed) if (!this.#entering.has(stream)) await this.enterCreated(stream, lost);
  }

  /**
   * Removes streams that were found not to exist, unless they were created in the meantime: such a stream has another place in the index,
   * or is entered again.
   */
  async remove(expired: readonly Entry[]): Promise<void> {
    if (expired.length === 0) return;
    const args = expired.flatMap(({ stream, place }) => [stream, place]);
    await this.#connection.run(
      'unregister',
      [this.#keys.streams, this.#keys.departed],
      [this.#departed, DEPARTED_TTL_MS, ...args],
    );
    await this.#enterExisting(expired.map(({ stream }) => stream));
  }

  /** Checks the next entries of the index, and removes those whose streams have expired. */
  async sweep(): Promise<void> {
    let left = CHECKED + 2 * this.#entered;
    this.#entered = 0;
    while (left > 0) {
      const { next, entries } = await this.#page(this.#checked, Math.min(Math.max(left, 2), PAGE));
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

  /** From now on, {@link news} returns the streams that are entered. */
  async track(): Promise<void> {
    if (this.#read !== undefined) return;
    const { newest } = await this.#page('+inf');
    this.#read ??= newest;
  }

  /** Ends {@link track}. */
  untrack(): void {
    this.#read = undefined;
    this.#heard.clear();
  }

  /** Must be called with the place of each stream that is announced to this node. */
  hear(place: number): void {
    this.#heard.add(place);
  }

  /** The streams that were entered since the last call. If the index was lost, all streams. */
  async news(): Promise<News> {
    if (this.#read === undefined) await this.track();
    const from = this.#read ?? 0;
    let read = await this.#after(from);
    if (!read.isComplete) await this.#complete();
    if (read.newest < from) read = await this.#after(0);
    const missed = read.newest > from ? await this.#missed(from, read) : [];
    // `#read` is set only after everything has succeeded; otherwise, a failure would hide the streams. A concurrent call may have read
    // further in the meantime.
    if (this.#read !== from) return { entries: read.entries, missed: [] };
    this.#read = read.newest;
    for (const place of this.#heard) if (place <= read.newest) this.#heard.delete(place);
    return { entries: read.entries, missed };
  }

  /** All streams in the index, in pages; some may have expired. */
  async *all(): AsyncGenerator<readonly Entry[]> {
    if (!(await this.#page('+inf')).isComplete) await this.#complete();
    for (let from = '0'; from !== '';) {
      const { next, entries } = await this.#page(from);
      yield entries;
      from = next;
    }
  }

  /**
   * How a stream came into the index. A stream that is not in the index is `created` if it has no events yet, because it is entered before
   * its first event. Otherwise it is `found`, unless it was entered in the meantime.
   */
  async appearanceOf(stream: string): Promise<Appearance> {
    const place = await this.#placeOf(stream);
    if (place > 0) return appearanceAt(place);
    const [text] = await this.#heads([stream]);
    return text === undefined || parseState(text).sequenceId === 0
      ? 'created'
      : appearanceAt(await this.#placeOf(stream));
  }

  async #placeOf(stream: string): Promise<number> {
    return Number(await this.#connection.run('place', [this.#keys.streams], [stream]));
  }

  /** The streams that were entered after a place, and have left the index before this node learned of them. */
  async #missed(from: number, { newest, entries }: Pick<Page, 'newest' | 'entries'>): Promise<readonly string[]> {
    const departed: Entry[] = [];
    for (let after = String(from); after !== '';) {
      const args = [after, newest, PAGE];
      const [next = '', ...pairs] = asTexts(await this.#connection.run('departed', [this.#keys.departed], args));
      departed.push(...entriesOf(pairs));
      after = next;
    }
    const known = new Set([...this.#heard, ...entries.map(({ place }) => place)]);
    const missed = departed.flatMap(({ stream, place }) => (known.has(place) ? [] : [stream]));
    if (!missed.includes(DROPPED)) return missed;
    const text =
      'Some losses are not reported, because too many streams appeared and expired while Redis could not be reached';
    this.#log.warn({ most: this.#departed }, text);
    return missed.filter((stream) => stream !== DROPPED);
  }

  async #after(place: number): Promise<Omit<Page, 'next'>> {
    const entries: Entry[] = [];
    for (let from = String(place); ;) {
      const page = await this.#page(from);
      entries.push(...page.entries);
      if (page.next === '') return { ...page, entries };
      from = page.next;
    }
  }

  async #page(from: string, most = PAGE): Promise<Page> {
    const reply = asTexts(await this.#connection.run('entered', [this.#keys.streams], [from, most]));
    const [newest, next, complete, ...pairs] = reply;
    if (newest === undefined || next === undefined || complete === undefined)
      throw new Error('the index of streams in Redis cannot be read');
    return { newest: Number(newest), next, entries: entriesOf(pairs), isComplete: complete === '1' };
  }

  /**
   * Enters the streams of an earlier version, or all streams after the index was lost. If the Redis user may not run SCAN, only streams
   * that are used from now on are entered.
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
        'The Redis user may not run SCAN: streams from before an upgrade are followed only after they are used again';
      this.#log.warn({ err: error }, text);
      return;
    }
    await this.#connection.run('complete', [this.#keys.streams], []);
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

  /** Returns undefined for an unreadable state, so that the other streams are still entered into the index. */
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

  async #register(stream: string, how: 'created' | 'found' | 'replaced', position: string): Promise<void> {
    const reply = await this.#connection.run(
      'register',
      [this.#keys.streams, this.#keys.departed],
      [stream, how, this.#keys.nodes, position, this.#departed, DEPARTED_TTL_MS],
    );
    if (reply === 1) this.#entered += 1;
  }
}

function entriesOf(pairs: readonly string[]): readonly Entry[] {
  return Array.from({ length: pairs.length / 2 }, (_, at) => ({
    stream: pairs[2 * at] ?? '',
    place: Number(pairs[2 * at + 1]),
  }));
}

const textOf = ({ epoch, sequenceId }: Position): string => `${epoch} ${sequenceId}`;
