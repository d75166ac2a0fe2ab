import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../errors.ts';
import { isGlob, literalPrefix, normalisePattern } from './glob.ts';
import { PathSet } from './path-set.ts';

const matches = (pattern: string, path: string): boolean => new PathSet([normalisePattern(pattern, '')]).matches(path);

/** A slow reference implementation of SUB-5. For each star, it tries all lengths. */
function fitsByDefinition(pattern: string, path: string): boolean {
  if (!/[*?]/.test(pattern)) return path === pattern || path.startsWith(`${pattern}/`);
  return segmentsFit(pattern.split('/'), path.split('/'));
}

function segmentsFit([first, ...rest]: readonly string[], path: readonly string[]): boolean {
  if (first === undefined) return path.length === 0;
  if (first === '**') return path.concat('').some((_, skipped) => segmentsFit(rest, path.slice(skipped)));
  const [name, ...below] = path;
  return name !== undefined && textFits(Array.from(first), Array.from(name)) && segmentsFit(rest, below);
}

function textFits([first, ...rest]: readonly string[], text: readonly string[]): boolean {
  if (first === undefined) return text.length === 0;
  if (first === '*') return text.concat('').some((_, skipped) => textFits(rest, text.slice(skipped)));
  return text.length > 0 && (first === '?' || first === text[0]) && textFits(rest, text.slice(1));
}

const letters = ['a', 'b', '.', '[', '{', 'é', '𝒳'];
const pathArbitrary = fc
  .array(fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join('/'));
const patternArbitrary = fc
  .array(
    fc.oneof(fc.constant('**'), fc.string({ unit: fc.constantFrom(...letters, '*', '?'), minLength: 1, maxLength: 5 })),
    { minLength: 1, maxLength: 5 },
  )
  .map((segments) => segments.join('/'))
  .filter((pattern) => !pattern.split('/').some((each) => each === '.' || each === '..'));

/** A path, and a pattern that is made from this path by replacing parts of it with wildcards. Most of these pairs match. */
const relatedArbitrary = pathArbitrary
  .chain((path) =>
    fc.tuple(
      fc.constant(path),
      fc.array(fc.constantFrom('keep', 'one', 'run', 'deep'), { minLength: path.length, maxLength: path.length }),
    ),
  )
  .map(([path, cuts]) => {
    const pattern = Array.from(path, (character, at) => {
      const cut = character === '/' ? 'keep' : cuts[at];
      if (cut === 'one') return '?';
      return cut === 'run' ? '*' : character;
    }).join('');
    const deep = pattern.split('/').map((segment, at) => (cuts[at] === 'deep' ? '**' : segment));
    return { path, pattern: deep.join('/') };
  })
  .filter(({ pattern }) => !pattern.split('/').some((each) => each === '.' || each === '..'));

describe('a path pattern', () => {
  test('matches as defined, for any pattern and path', () => {
    fc.assert(
      fc.property(patternArbitrary, pathArbitrary, (pattern, path) => {
        expect(matches(pattern, path)).toBe(fitsByDefinition(pattern, path));
      }),
      { numRuns: 3000 },
    );
  });

  test('matches as defined when the pattern was made from the path', () => {
    let matching = 0;
    fc.assert(
      fc.property(relatedArbitrary, ({ pattern, path }) => {
        const wanted = fitsByDefinition(pattern, path);
        if (wanted) matching += 1;
        expect(matches(pattern, path)).toBe(wanted);
      }),
      { numRuns: 2000 },
    );
    expect(matching).toBeGreaterThan(1000);
  });

  test.each([
    ['src', 'src', true],
    ['src', 'src/a.ts', true],
    ['src', 'src/deep/a.ts', true],
    ['src', 'src-old/a.ts', false],
    ['src/', 'src/a.ts', true],
    ['./src', 'src/a.ts', true],
    ['src/a.ts', 'src/a.tsx', false],
    ['SRC', 'src/a.ts', false],
    ['*.ts', 'a.ts', true],
    ['*.ts', 'src/a.ts', false],
    ['*', '.env', true],
    ['**', '.git/config', true],
    ['**/*.ts', 'a.ts', true],
    ['**/*.ts', 'src/deep/.a.ts', true],
    ['src/**', 'src', true],
    ['src/**', 'src/a/b', true],
    ['src/**/test', 'src/test', true],
    ['src/**/test', 'src/a/b/test', true],
    ['src/**/test', 'src/a/tests', false],
    ['src/*', 'src/a/b', false],
    ['src/a?.ts', 'src/a𝒳.ts', true],
    ['src/a?.ts', 'src/a/.ts', false],
    ['a**b', 'axxb', true],
    ['a**b', 'a/b', false],
    ['app/[id]/(group)/page.tsx', 'app/[id]/(group)/page.tsx', true],
    ['app/[id]/*.tsx', 'app/i/page.tsx', false],
    ['app/[id]/*.tsx', 'app/[id]/page.tsx', true],
    ['{a,b}/*.ts', 'a/x.ts', false],
    ['{a,b}/*.ts', '{a,b}/x.ts', true],
    ['!src/*', 'lib/a', false],
    ['+(a)/*', '+(a)/x', true],
    ['a+/*.ts', 'aa/x.ts', false],
  ])('%s on %s: %s', (pattern, path, wanted) => {
    expect(matches(pattern, path)).toBe(wanted);
  });

  test('is compared in NFC, regardless of its own Unicode form', () => {
    const decomposed = 'cafe\u0301';
    const composed = 'caf\u00e9';
    expect(normalisePattern(`${decomposed}/*.ts`, '')).toBe(`${composed}/*.ts`);
    expect(matches(decomposed, `${composed}/a.ts`)).toBe(true);
    expect(matches('caf?/*.ts', `${composed}/a.ts`)).toBe(true);
  });

  test.each([
    ['/etc/passwd', /relative/],
    ['../secrets', /\.\./],
    ['src/../../etc', /\.\./],
    ['src\\a.ts', /backslash/],
    ['', /path is the root/],
    ['.', /path is the root/],
    ['./', /path is the root/],
    ['src//a', /empty segment/],
    ['src/./a', /empty segment/],
    ['.//src', /empty segment/],
    ['src/\u0000', /NUL/],
  ])('%j is refused with the reason', (pattern, reason) => {
    const refuse = (): unknown => normalisePattern(pattern, '/data/filter/paths/0');
    expect(refuse).toThrow(reason);
    expect(refuse).toThrow(ProtocolError);
  });

  test('does not change when it is normalised again', () => {
    fc.assert(
      fc.property(patternArbitrary, (pattern) => {
        const once = normalisePattern(pattern, '');
        expect(normalisePattern(once, '')).toBe(once);
      }),
    );
  });

  test('matches only paths at or below its literal prefix', () => {
    fc.assert(
      fc.property(relatedArbitrary, ({ pattern, path }) => {
        const prefix = literalPrefix(pattern);
        const below = prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
        expect(below || !matches(pattern, path)).toBe(true);
      }),
    );
    expect(isGlob('app/[id]')).toBe(false);
    expect(literalPrefix('app/[id]/*/x')).toBe('app/[id]');
  });
});

/** The time that repeating the work takes, in milliseconds. */
function millisecondsOf(times: number, work: () => void): number {
  const start = performance.now();
  for (let n = 0; n < times; n += 1) work();
  return performance.now() - start;
}

describe('matching takes time linear in pattern × path', () => {
  const bombs: readonly (readonly [string, (length: number) => string, (length: number) => string])[] = [
    ['*a*a…b on aaa…', (n) => `${'*a'.repeat(n / 2 - 1)}*b`, (n) => 'a'.repeat(n)],
    ['*aaa…b on aaa…', (n) => `*${'a'.repeat(n - 2)}b`, (n) => 'a'.repeat(n)],
    ['*?*?…b on aaa…', (n) => `${'*?'.repeat(n / 2 - 1)}*b`, (n) => 'a'.repeat(n)],
    [
      '**/**/…/b on a/a/…',
      (n) => `${'**/'.repeat(n / 3 - 1)}b`,
      (n) =>
        Array<string>(n / 2)
          .fill('a')
          .join('/'),
    ],
    [
      '**/a/**/a/…/b on a/a/…',
      (n) => `${'**/a/'.repeat(n / 5)}b`,
      (n) =>
        Array<string>(n / 2)
          .fill('a')
          .join('/'),
    ],
    ['**/*a*/**/*a*/…/b on aa/aa/…', (n) => `${'**/*a*/'.repeat(n / 7)}b`, (n) => 'aa/'.repeat(n / 3).slice(0, -1)],
    [
      '**/a/a/…/b on a/a/…',
      (n) => `**/${'a/'.repeat(n / 2 - 2)}b`,
      (n) =>
        Array<string>(n / 2)
          .fill('a')
          .join('/'),
    ],
  ];

  test.each(bombs)('%s', (_what, patternOf, pathOf) => {
    // A pattern of 512 characters is twice as long as the default limit allows.
    const [small, large] = [1, 4].map((factor) => {
      const set = new PathSet([patternOf(128 * factor)]);
      const matcher = (path_: string): boolean => set.matches(path_);
      const path = pathOf(510 * factor);
      expect(matcher(path)).toBe(false);
      return () => void matcher(path);
    }) as [() => void, () => void];
    // The large pattern and path are four times as long as the small ones. If the cost is linear in both, the large run does 16 times the
    // work; if the cost is cubic, 64 times. Large and small runs alternate, and the fastest of each is compared, so that a busy machine
    // slows both equally.
    const rounds = Array.from({ length: 9 }, () => [millisecondsOf(1, large), millisecondsOf(16, small)] as const);
    const best = (at: 0 | 1): number => Math.min(...rounds.map((each) => each[at]));
    expect(best(0) / best(1)).toBeLessThan(3);
  });
});
