/**
 * The index of the streams in Redis, from which a node learns of streams that it has not attached. There is no subscription for
 * each possible stream, and no scan of all keys:
 *
 *   publish on an unknown stream ─► register ─► index, `stream <name>` on the channel of all nodes ─► nodes that follow it attach it
 *
 * The announcement may be lost; each second a node also reads the entries that it has not seen. The index is one key, in a cluster on
 * another server than the streams, so entering a stream and creating it are two steps: see {@link StreamIndex.register}.
 */
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts } from './line.ts';

const PAGE = 1_000;

export class StreamIndex {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  /** The newest place that this node has read. */
  #read = 0;

  constructor(options: { readonly connection: RedisConnection; readonly keys: RedisKeys }) {
    this.#connection = options.connection;
    this.#keys = options.keys;
  }

  /**
   * Enters a stream. Called before this node's first event on it with `if absent`, and with `always` after it was created: a node that
   * removed the expired stream meanwhile then receives its name again.
   */
  async register(stream: string, when: 'always' | 'if absent'): Promise<void> {
    await this.#connection.run('register', [this.#keys.streams], [stream, when, this.#keys.nodes]);
  }

  /** Removes an expired stream. The caller no longer has it attached; if it was created again meanwhile, it is entered again. */
  async remove(stream: string): Promise<void> {
    await this.#connection.run('unregister', [this.#keys.streams], [stream]);
    if ((await this.#connection.get(this.#keys.of(stream).meta)) !== null) await this.register(stream, 'always');
  }

  /** Streams entered since the last call. After a loss of the index, all of them. */
  async news(): Promise<readonly string[]> {
    const { newest, streams } = await this.#after(this.#read);
    const lost = newest < this.#read;
    this.#read = newest;
    return lost ? this.all() : streams;
  }

  /** All streams in the index; some may have expired. */
  async all(): Promise<readonly string[]> {
    return (await this.#after(0)).streams;
  }

  async #after(place: number): Promise<{ readonly newest: number; readonly streams: readonly string[] }> {
    const streams: string[] = [];
    for (let from = String(place); ;) {
      const reply = asTexts(await this.#connection.run('entered', [this.#keys.streams], [from, PAGE]));
      const [newest = '0', next = '', ...page] = reply;
      streams.push(...page);
      if (next === '') return { newest: Number(newest), streams };
      from = next;
    }
  }
}
