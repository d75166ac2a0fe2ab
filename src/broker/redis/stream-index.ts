/**
 * The index of the streams in Redis, from which a node learns of streams that it has not attached. There is no subscription for
 * each possible stream:
 *
 *   stream created ─► register ─► index, `stream <name>` on the channel of all nodes ─► nodes that follow it mirror it
 *
 * The announcement may be lost; each second a node that follows streams also reads the entries that it has not seen. The index is one
 * key, in a cluster on another server than the streams, so creating a stream and entering it are two steps. A stream is entered before its
 * first event is published.
 *
 * A stream with events that is not in the index was written by an earlier version, or the index was lost. It is entered as `found`, with
 * its position: its events up to there are not new. An index that is not marked as complete is completed first, by a scan of all keys.
 *
 * Expired streams are removed by every node, a few with each turn, whether or not anybody follows streams.
 */
import type { BrokerLog, Position } from '../broker.ts';
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts, parseState } from './line.ts';
import { portions, readHeads } from './stream-heads.ts';

const PAGE = 1_000;
/** Entries that each node checks in a turn, beside two for each stream that it has entered: the index stays below twice the existing streams. */
const CHECKED = 20;
/** Existing streams that are entered at a time. */
const ENTERED = 64;

/** How a stream came into the index: as a new one, or with events up to a position that is unknown if the announcement was lost. */
export type Appearance = 'created' | 'found' | Position;

export interface Entry {
  readonly stream: string;
  readonly place: number;
}

interface Page {
  readonly newest: number;
  /** The place to go on from; '' after the last page. */
  readonly next: string;
  readonly isComplete: boolean;
  readonly entries: readonly Entry[];
}

export class StreamIndex {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #log: BrokerLog;
  /** The newest place that this node has read; undefined while it follows no streams. */
  #read: number | undefined;
  /** Streams that this node has created, and that may not be in the index yet. */
  readonly #owed = new Set<string>();

  /** How many streams were entered since the last {@link sweep}. */
  #entered = 0;
  /** False once Redis has refused a scan. */
  #mayScan = true;
  /** The place of the last entry that was checked. */
  #checked = '0';

  constructor(options: { readonly connection: RedisConnection; readonly keys: RedisKeys; readonly log: BrokerLog }) {
    this.#connection = options.connection;
    this.#keys = options.keys;
    this.#log = options.log;
  }

  /** Enters a stream that was just created, again if an earlier one of this name is in the index. */
  async enterCreated(stream: string): Promise<void> {
    this.#owed.add(stream);
    await this.#register(stream, 'created', '');
    this.#owed.delete(stream);
  }

  /** Enters a stream that exists, unless it is in the index. Called before an event after `head` is published by this node. */
  async enterFound(stream: string, { epoch, sequenceId }: Position): Promise<void> {
    if (this.#owed.has(stream)) return this.enterCreated(stream);
    await this.#register(stream, 'found', sequenceId === 0 ? '' : `${epoch} ${sequenceId}`);
  }

  /** Enters the streams that could not be entered when they were created. */
  async enterOwed(): Promise<void> {
    for (const stream of this.#owed) await this.enterCreated(stream);
  }

  /**
   * Removes streams that did not exist after their places were read. One that was created meanwhile has another place, or is entered again.
   */
  async remove(expired: readonly Entry[]): Promise<void> {
    if (expired.length === 0) return;
    const args = expired.flatMap(({ stream, place }) => [stream, place]);
    await this.#connection.run('unregister', [this.#keys.streams], args);
    await this.#enterExisting(expired.map(({ stream }) => stream));
  }

  /** Checks some entries, in turn, and removes the streams that have expired. */
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

  /** Those of the streams that exist in Redis. */
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
  }

  /** Streams entered since the last call. After a loss of the index, all of them. */
  async news(): Promise<readonly Entry[]> {
    if (this.#read === undefined) await this.track();
    const from = this.#read ?? 0;
    let read = await this.#after(from);
    if (!read.isComplete) await this.#complete();
    if (read.newest < from) read = await this.#after(0);
    // Only now, or a failure would hide the streams. Another call may have read more meanwhile.
    if (this.#read === from) this.#read = read.newest;
    return read.entries;
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

  /** How a stream came into the index. One that is not in it is `found`. */
  async appearanceOf(stream: string): Promise<Appearance> {
    const place = await this.#connection.run('place', [this.#keys.streams], [stream]);
    return appearanceAt(Number(place));
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
    const entries = Array.from({ length: pairs.length / 2 }, (_, at) => ({
      stream: pairs[2 * at] ?? '',
      place: Number(pairs[2 * at + 1]),
    }));
    return { newest: Number(newest), next, entries, isComplete: complete === '1' };
  }

  /** Enters the streams of an earlier version, or those of an index that was lost. A user who may not scan follows what is used from now on. */
  async #complete(): Promise<void> {
    if (!this.#mayScan) return;
    try {
      for await (const found of this.#connection.keysLike(this.#keys.allMeta))
        await this.#enterExisting(found.map((key) => this.#keys.streamOfMeta(key)));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOPERM ')) throw error;
      this.#mayScan = false;
      const text =
        'The Redis user may not run SCAN: streams from before an upgrade are followed only when they are used again';
      this.#log.warn({ err: error }, text);
      return;
    }
    await this.#connection.run('complete', [this.#keys.streams], []);
  }

  async #enterExisting(streams: readonly string[]): Promise<void> {
    const enter = async (stream: string, text: string | undefined): Promise<void> => {
      if (text !== undefined) await this.enterFound(stream, parseState(text));
    };
    for (const portion of portions(streams, ENTERED)) {
      const texts = await this.#heads(portion);
      await Promise.all(portion.map((stream, at) => enter(stream, texts[at])));
    }
  }

  #heads(streams: readonly string[]): Promise<readonly (string | undefined)[]> {
    return readHeads({ connection: this.#connection, keys: this.#keys }, streams);
  }

  async #register(stream: string, how: 'created' | 'found', position: string): Promise<void> {
    const reply = await this.#connection.run(
      'register',
      [this.#keys.streams],
      [stream, how, this.#keys.nodes, position],
    );
    if (reply === 1) this.#entered += 1;
  }
}

/** A stream that was found with events is half a place before the next one (keys.ts). */
export function appearanceAt(place: number): Appearance {
  return Number.isInteger(place) && place > 0 ? 'created' : 'found';
}

/** The announcement of a stream: `stream <name>`, or `found <epoch> <sequence> <name>`. Undefined for other texts. */
export function parseEntered(text: string): { readonly stream: string; readonly appearance: Appearance } | undefined {
  const [kind, ...words] = text.split(' ');
  const [stream = ''] = words;
  if (kind === 'stream') return { stream, appearance: 'created' };
  const [epoch = '', sequenceId, name = ''] = words;
  return kind === 'found' ? { stream: name, appearance: { epoch, sequenceId: Number(sequenceId) } } : undefined;
}
