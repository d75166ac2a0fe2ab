import { describe, expect, test } from 'vitest';
import { touchesDirectory } from './directories.ts';

const follows = (paths: readonly string[] | undefined, events: readonly string[] = ['file_change']) => ({
  events,
  filter: paths === undefined ? {} : { paths },
});

describe('a source loss in a directory', () => {
  test.each([
    ['no path filter', undefined, 'src', true],
    ['the directory itself', ['src'], 'src', true],
    ['a directory below it', ['src/deep'], 'src', true],
    ['a directory above it', ['src'], 'src/deep', true],
    ['a file in it', ['src/a.ts'], 'src', true],
    ['another directory', ['lib'], 'src', false],
    ['a directory whose name begins with the same text', ['src-old'], 'src', false],
    ['the root', ['lib/a.ts'], '', true],
    ['a glob that starts above', ['**/*.ts'], 'src', true],
    ['a glob that starts below', ['src/deep/*.ts'], 'src', true],
    ['a glob that starts elsewhere', ['lib/**'], 'src', false],
    ['one of several', ['lib', 'src/x'], 'src', true],
    ['a path with combining marks', ['caf\u00e9/a.ts'], 'cafe\u0301', true],
  ])('affects the subscriptions that may match a path in or below it: %s', (_what, paths, directory, wanted) => {
    expect(touchesDirectory(follows(paths), directory)).toBe(wanted);
  });

  test('affects only subscriptions to file events', () => {
    expect(touchesDirectory(follows(undefined, ['entity_*']), '')).toBe(false);
    expect(touchesDirectory(follows(undefined, ['entity_*', 'file_*']), '')).toBe(true);
    expect(touchesDirectory(follows(undefined, ['*']), 'src')).toBe(true);
  });
});
