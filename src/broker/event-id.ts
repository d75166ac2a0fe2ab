/**
 * Ids of events and connections: ULIDs. Their random part comes from a pool, because asking the system for each of the 16 characters
 * of an id takes about 45 µs, five times as long as everything else that publishing an event takes.
 */
import { randomFillSync } from 'node:crypto';
import { monotonicFactory, ulid } from 'ulid';

/** Bytes that are asked for at once: enough for 256 ids. */
const POOL_BYTES = 4096;

/**
 * Random numbers from 0 to below 1, of 8 bits each: an id takes 5 of them for a character.
 * @param fill fills an array with random bytes
 */
export function pooledRandom(fill: (bytes: Uint8Array) => unknown = randomFillSync): () => number {
  const pool = new Uint8Array(POOL_BYTES);
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      fill(pool);
      next = 0;
    }
    const byte = pool[next] ?? 0;
    // A byte is used once: who learns an id learns nothing of another.
    pool[next] = 0;
    next += 1;
    return byte / 256;
  };
}

const random = pooledRandom();

/** An id for the present time. */
export function newId(): string {
  return ulid(undefined, random);
}

/** Ids that grow, also within a millisecond: of each two, the one made later is greater. Without a time, for the present. */
export function growingIds(): (nowMs?: number) => string {
  return monotonicFactory(random);
}
