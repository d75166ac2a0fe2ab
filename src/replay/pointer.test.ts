import { describe, expect, test } from 'vitest';
import { valueAt } from './pointer.ts';

describe('a pointer', () => {
  const value = { payload: { path: 'src', 'a/b': { 'c~d': 1 }, list: ['x', 'y'], nothing: null } };

  test.each([
    ['', value],
    ['/payload/path', 'src'],
    ['/payload/a~1b/c~0d', 1],
    ['/payload/list/1', 'y'],
    ['/payload/list/length', 2],
    ['/payload/nothing', null],
    ['/payload/nothing/deeper', undefined],
    ['/payload/path/0', undefined],
    ['/payload/constructor', undefined],
    ['/payload/__proto__', undefined],
    ['/payload/list/map', undefined],
    ['/other', undefined],
  ])('%j names %j', (pointer, wanted) => {
    expect(valueAt(value, pointer)).toEqual(wanted);
    expect(valueAt(value, pointer)).toEqual(wanted);
  });
});
