import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../trace/json.ts';
import { UnboundError } from './bindings.ts';
import { MATCHERS, fits, match } from './matcher.ts';
import { nearest } from './nearest.ts';

interface Case {
  readonly name: string;
  readonly pattern: Json;
  readonly value?: Json;
  readonly bound?: JsonObject;
  readonly fits: boolean;
  readonly binds?: JsonObject;
  readonly differs?: readonly string[];
}

const { cases } = JSON.parse(readFileSync(new URL('matcher-cases.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};

describe('the table of matcher cases', () => {
  test.each(cases.map((each) => [each.name, each] as const))('%s', (_name, each) => {
    const found = match(each.pattern, each.value, new Map(Object.entries(each.bound ?? {})));
    expect(found.differences.length === 0).toBe(each.fits);
    expect(found.differences.map(({ path }) => path)).toEqual(
      each.differs ?? found.differences.map(({ path }) => path),
    );
    expect(Object.fromEntries(found.bindings)).toMatchObject(each.binds ?? {});
  });

  test('has a matching and a non-matching case for each matcher', () => {
    for (const name of MATCHERS) {
      const mine = cases.filter(({ pattern }) => JSON.stringify(pattern).includes(`"${name}"`));
      expect([name, mine.some((each) => each.fits), mine.some((each) => !each.fits)]).toEqual([name, true, true]);
    }
  });
});

describe('a pattern', () => {
  test('that refers to a name that was never bound is an error, not a mismatch', () => {
    expect(() => fits({ $ref: 'nobody' }, 1)).toThrow(UnboundError);
  });

  test('that fails leaves no bindings for the next attempt', () => {
    const bindings = new Map<string, Json>();
    match({ a: { $bind: 'x' }, b: 1 }, { a: 5, b: 2 }, bindings);
    expect(bindings.size).toBe(0);
  });
});

test('alternatives that no value fits are described with the values that they refer to', () => {
  const other = { $in: [{ $lt: { $ref: 'first' } }, { $gt: { $ref: 'first' } }] };
  const expected = (pattern: Json): unknown => match(pattern, 'B', new Map([['first', 'B']])).differences[0]?.expected;
  expect(expected(other)).toBe('less than "B" or more than "B"');
  expect(expected({ $in: ['C', 'D'] })).toBe('one of ["C","D"]');
});

describe('the nearest frame', () => {
  test('has the same type as the expected frame, if such a frame was received', () => {
    const candidates = [
      { type: 'event', data: { sequenceId: 7, payload: { n: 1 } } },
      { type: 'pong', data: {} },
    ];
    const found = nearest(
      { type: 'event', data: { sequenceId: 8, payload: { n: 2 } } },
      candidates,
      (each) => each,
      new Map(),
    );
    expect(found?.candidate.type).toBe('event');
    expect(found?.differences).toEqual([
      { path: '/data/sequenceId', expected: '8', actual: 7 },
      { path: '/data/payload/n', expected: '2', actual: 1 },
    ]);
  });

  test('is undefined when no frame was received', () => {
    expect(nearest({ type: 'pong' }, [], (each: Json) => each, new Map())).toBeUndefined();
  });
});
