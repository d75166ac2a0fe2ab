import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GlobAutomaton } from './glob-automaton.ts';
import { normalisePattern } from './glob.ts';
import { PathSet } from './path-set.ts';

const segment = fc.constantFrom('a', 'b', 'ab', 'a.ts', 'é', '𝒳', 'a-b', 'a b');
const wild = fc.constantFrom('*', '**', '?', 'a*', '*b', '*.ts', '?.ts', '*a*b*', '**a', '𝒳?');
const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((each) => each.join('/'));
const pattern = fc.array(fc.oneof(segment, wild), { minLength: 1, maxLength: 6 }).map((each) => each.join('/'));

describe('a set of path patterns', () => {
  test('matches every path that one of its patterns matches, regardless of their number', () => {
    let matching = 0;
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 40 }), path, (patterns, seen) => {
        const wanted = patterns.some((each) => new PathSet([normalisePattern(each, '')]).matches(seen));
        expect(new PathSet(patterns).matches(seen)).toBe(wanted);
        if (wanted) matching += 1;
      }),
      { numRuns: 1000 },
    );
    expect(matching).toBeGreaterThan(100);
  });

  test('finds a plain path among thousands, even next to names that sort between a directory and its entries', () => {
    const directories = Array.from({ length: 3000 }, (_, at) => `d${at}`);
    const set = new PathSet([...directories, 'x', 'x!', 'x-1', 'x.d', 'x/y', 'x0']);
    const found = ['d7/a', 'd2999', 'x/z', 'x/y/z', 'x!', 'x.d/a', 'x0/b'];
    const missed = ['d', 'd3000', 'd7-a', 'x1', 'x.e', '', 'z'];
    expect(found.filter((each) => set.matches(each))).toEqual(found);
    expect(missed.filter((each) => set.matches(each))).toEqual([]);
  });

  test('matches the same after its automaton was evicted', () => {
    const set = new PathSet(['src/*.ts']);
    expect(set.matches('src/a.ts')).toBe(true);
    // 200 automata of about 500 words. The cache keeps about 130 of this size, so the first automaton is evicted.
    for (let n = 0; n < 200; n += 1) {
      const patterns = Array.from({ length: 64 }, (_, at) => `${'ab'.repeat(120)}${n}-${at}*`);
      expect(new PathSet(patterns).matches(`${'ab'.repeat(120)}${n}-7x`)).toBe(true);
    }
    expect([set.matches('src/a.ts'), set.matches('src/a.js')]).toEqual([true, false]);
  });

  test('needs one word per 32 characters of its patterns, regardless of their content', () => {
    const many = Array.from({ length: 64 }, (_, at) => `**/${'?*a/'.repeat(60)}${at}`);
    const characters = many.reduce((sum, { length }) => sum + length, 0);
    expect(new GlobAutomaton(many).words).toBeLessThanOrEqual(Math.ceil((characters + 2 * many.length) / 32));
  });
});
