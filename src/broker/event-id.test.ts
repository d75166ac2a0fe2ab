import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import { describe, expect, test } from 'vitest';
import { growingIds, newId, pooledRandom } from './event-id.ts';

describe('ids of events', () => {
  test('request random bytes once for hundreds of ids', () => {
    let asked = 0;
    const random = pooledRandom((bytes) => {
      asked += 1;
      return randomFillSync(bytes);
    });
    const next = monotonicFactory(random);
    for (let ms = 1; ms <= 1024; ms += 1) next(ms);
    expect(asked).toBe(4);
  });

  test('use every random byte once', () => {
    let filled = 0;
    const random = pooledRandom((bytes) => {
      for (let at = 0; at < bytes.length; at += 1) bytes[at] = (filled + at) % 251;
      filled += bytes.length;
    });
    const drawn = Array.from({ length: 10_000 }, () => random() * 256);
    expect(drawn).toEqual(Array.from({ length: 10_000 }, (_, at) => at % 251));
  });

  test('are ULIDs, unique and increasing', () => {
    const next = growingIds();
    const ids = Array.from({ length: 2000 }, (_, n) => next(1000 + Math.floor(n / 10)));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set([...ids, ...Array.from({ length: 2000 }, newId)]).size).toBe(4000);
    for (const id of [newId(), ...ids]) expect(id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    const characters = new Set(ids.filter((_, n) => n % 10 === 0).flatMap((id) => id.slice(10).split('')));
    expect(characters.size).toBe(32);
  });
});
