/** Reads the index of the streams in Redis, and the list of departed streams, in pages (stream-index.ts). */
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts } from './line.ts';

/** Maximum number of entries in one page. */
const PAGE = 1_000;
/** In the list of departed streams, this name stands for all streams that were dropped from the list. */
export const DROPPED = '#';

export interface Entry {
  readonly stream: string;
  readonly place: number;
}

/** The state of the index when it was read. */
export interface Edition {
  /** The place of the newest entry. */
  readonly newest: number;
  /** Identifies the index: changes if Redis loses the index and it is built again. It is '' for an index that may lack streams. */
  readonly identity: string;
  /** The time of the server in milliseconds since the Unix epoch. */
  readonly now: number;
}

export interface IndexPage extends Edition {
  /** The place after which the next page begins; '' after the last page. */
  readonly next: string;
  readonly entries: readonly Entry[];
}

export interface IndexPagesOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
}

export class IndexPages {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;

  constructor({ connection, keys }: IndexPagesOptions) {
    this.#connection = connection;
    this.#keys = keys;
  }

  async page(from: string, most = PAGE): Promise<IndexPage> {
    const args = [from, Math.min(most, PAGE)];
    const reply = asTexts(await this.#connection.run('entered', [this.#keys.streams], args));
    const [newest, next, identity, now, ...pairs] = reply;
    if (newest === undefined || next === undefined || identity === undefined || now === undefined)
      throw new Error('the index of streams in Redis cannot be read');
    return { newest: Number(newest), next, identity, now: Number(now), entries: entriesOf(pairs) };
  }

  /** All entries after the place. */
  async after(place: number): Promise<Omit<IndexPage, 'next'>> {
    const entries: Entry[] = [];
    for (let from = String(place); ;) {
      const page = await this.page(from);
      entries.push(...page.entries);
      if (page.next === '') return { ...page, entries };
      from = page.next;
    }
  }

  /** The departed streams whose place was after `from`, up to `to`. */
  async departed(from: number, to: number): Promise<readonly Entry[]> {
    const departed: Entry[] = [];
    for (let after = String(from); after !== '';) {
      const [next = '', ...pairs] = asTexts(
        await this.#connection.run('departed', [this.#keys.departed], [after, to, PAGE]),
      );
      departed.push(...entriesOf(pairs));
      after = next;
    }
    return departed;
  }
}

function entriesOf(pairs: readonly string[]): readonly Entry[] {
  return Array.from({ length: pairs.length / 2 }, (_, at) => ({
    stream: pairs[2 * at] ?? '',
    place: Number(pairs[2 * at + 1]),
  }));
}
