import { expect, test } from 'vitest';
import { Directory } from './directory.ts';

test('a directory lists its names in order from any given name on, also after changes', () => {
  const directory = new Directory('', undefined);
  for (const [row, name] of ['c', 'a', 'e'].entries()) directory.addEntry(name, row);
  expect([...directory.namesFrom(undefined)]).toEqual(['a', 'c', 'e']);
  expect([...directory.namesFrom('b')]).toEqual(['c', 'e']);
  expect([...directory.namesFrom('c')]).toEqual(['c', 'e']);
  expect([...directory.namesFrom('f')]).toEqual([]);
  directory.addEntry('d', 3);
  directory.removeEntry('c');
  expect([...directory.namesFrom('b')]).toEqual(['d', 'e']);
});
