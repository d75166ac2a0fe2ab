/** Reads the states of many streams in a few commands. */
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts } from './line.ts';

/** Maximum number of streams in one command. Such a command keeps Redis busy for much less than a millisecond. */
export const HEADS_PER_READ = 256;

/** Stands for a state that is not a Redis string. Parsing it fails, as for any damaged state. */
const NO_TEXT = '?';

/** The state of each stream as text; undefined for a stream that does not exist. @throws {Error} if Redis does not answer */
export async function readHeads(
  { connection, keys }: { readonly connection: RedisConnection; readonly keys: RedisKeys },
  streams: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for (const portion of portions(streams, HEADS_PER_READ)) {
    const metas = portion.map((stream) => keys.of(stream).meta);
    // In a cluster, one command cannot read keys of different servers, so each state is read with its own command.
    const states = connection.sharded
      ? await Promise.all(metas.map((meta) => readHead(connection, meta)))
      : asTexts(await connection.run('heads', metas, []));
    if (states.length !== portion.length)
      throw new Error(`Redis returned ${states.length} states for ${portion.length} streams`);
    texts.push(...states.map((text) => (text === '' ? undefined : text)));
  }
  return texts;
}

async function readHead(connection: RedisConnection, meta: string): Promise<string> {
  try {
    return (await connection.get(meta)) ?? '';
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE ')) return NO_TEXT;
    throw error;
  }
}

export function* portions<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
