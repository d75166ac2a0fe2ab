import { expect, test } from 'vitest';
import { RecencyMap } from './recency-map.ts';

test('an entry that is set again becomes the newest, and keeps its place among the keys', () => {
  const map = new RecencyMap<string, number>();
  for (const [at, key] of ['a', 'b', 'c'].entries()) map.set(key, at);
  map.set('a', 3);
  expect([...map.byAge()]).toEqual([
    ['b', 1],
    ['c', 2],
    ['a', 3],
  ]);
  expect([...map.keys()]).toEqual(['a', 'b', 'c']);
  expect([...map.values()]).toEqual([3, 1, 2]);
});

test('keys may be deleted while the keys and values are read', () => {
  const map = new RecencyMap<number, number>();
  for (let key = 0; key < 6; key += 1) map.set(key, key);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    for (const key of [value, value + 1]) map.delete(key);
  }
  expect(seen).toEqual([0, 2, 4]);
  expect(map.oldest).toBeUndefined();
});

test('after random operations, the map equals a list that is searched', () => {
  const map = new RecencyMap<number, number>();
  let list: (readonly [number, number])[] = [];
  /** What the map returned, and what was expected. */
  const answers: [unknown, unknown][] = [];
  let state = 1;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let n = 0; n < 5_000; n += 1) {
    const key = Math.floor(random() * 20);
    const others = list.filter(([each]) => each !== key);
    const known = list.find(([each]) => each === key)?.[1];
    expect([map.has(key), map.get(key)]).toEqual([known !== undefined, known]);
    const operation = random();
    if (operation < 0.3) {
      answers.push([map.delete(key), known !== undefined]);
      list = others;
    } else if (operation < 0.6) {
      answers.push([map.use(key), known]);
      list = known === undefined ? others : [...others, [key, known]];
    } else {
      map.set(key, n);
      list = [...others, [key, n]];
    }
    expect([...map.byAge()]).toEqual(list);
    expect([map.size, map.oldest]).toEqual([list.length, list[0]]);
  }
  expect(answers.map(([found]) => found)).toEqual(answers.map(([, expected]) => expected));
});
