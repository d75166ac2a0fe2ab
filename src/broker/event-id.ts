/**
 * Creates ids of events and connections, which are ULIDs. The random part of an id comes from a pool. Asking the operating system
 * separately for each of its 16 characters takes about 45 µs per id, which is five times as long as the rest of publishing an event.
 */
import { randomFillSync } from 'node:crypto';
import { monotonicFactory, ulid } from 'ulid';

/** Size of the pool in bytes: 256 ids of 16 random characters each. */
const POOL_BYTES = 4096;

/**
 * Returns a function that creates random numbers from 0 up to, but not including, 1. Each number has 8 random bits, of which a character of
 * an id uses 5.
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
    // Overwrite the used byte, so that the pool reveals nothing about earlier ids.
    pool[next] = 0;
    next += 1;
    return byte / 256;
  };
}

const random = pooledRandom();

/** Creates an id for the current time. */
export function newId(): string {
  return ulid(undefined, random);
}

/**
 * Returns a function that creates increasing ids: each id is greater than the previous one, even within the same millisecond. The time
 * defaults to the current time.
 */
export function growingIds(): (nowMs?: number) => string {
  return monotonicFactory(random);
}
