import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filterGroups, filterTapes } from '../tape/filter-tapes.ts';
import { coversEvent, matchesExtension, matchesPath, wants } from './filter.ts';
import { flatten } from '../tape/tape.ts';

const cases = filterGroups().flatMap(({ name, cases: list }) => list.map((each) => ({ name, ...each })));

describe('the table of filter cases', () => {
  test.each(
    cases.map((each) => [`${each.name}: ${JSON.stringify([each.events, each.filter, each.payload])}`, each] as const),
  )('%s', (_text, { events, filter, event, payload, source = 'suite', matches }) => {
    expect(wants({ events, filter }, { event, payload, source: { name: source, principal: 'user:x' } })).toBe(matches);
  });

  test('has a matching and a non-matching case in every group', () => {
    for (const { name, cases: list } of filterGroups())
      expect([name, new Set(list.map(({ matches }) => matches)).size]).toEqual([name, 2]);
  });

  test('becomes one tape per group, and the tapes cover every case', () => {
    for (const [index, tape] of filterTapes().entries()) {
      const steps = flatten(tape.steps);
      const stimuli = steps.flatMap((step) => (step.verb === 'stim' ? step.events : []));
      const streams = new Set(stimuli.map(({ stream }) => stream));
      // One event per case, then a last event per stream. Its arrival shows that all earlier ones have arrived.
      expect(stimuli).toHaveLength((filterGroups()[index]?.cases.length ?? 0) + streams.size);
      expect(steps.filter(({ verb }) => verb === 'send').length).toBeLessThan(100);
    }
  });
});

describe('a path', () => {
  const segment = fc.stringMatching(/^[a-c[\]][a-c.[\]]{0,3}$/);
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

  test('matches itself and everything below it when used as a plain pattern', () => {
    fc.assert(
      fc.property(path, path, (parent, below) => {
        expect(matchesPath(parent, parent)).toBe(true);
        expect(matchesPath(parent, `${parent}/${below}`)).toBe(true);
        expect(matchesPath(parent, `${parent}x/${below}`)).toBe(false);
      }),
    );
  });

  test('matches every pattern made from it by replacing parts with wildcards', () => {
    fc.assert(
      fc.property(path, fc.nat(3), (text, at) => {
        const parts = text.split('/');
        const index = at % parts.length;
        const put = (part: string): string => parts.map((each, k) => (k === index ? part : each)).join('/');
        expect(matchesPath(put('*'), text)).toBe(true);
        expect(matchesPath(put('**'), text)).toBe(true);
        expect(matchesPath(`**/${text}`, text)).toBe(true);
      }),
    );
  });

  test('is matched in linear time for every pattern', () => {
    const began = process.cpuUsage();
    expect(matchesPath(`${'*a'.repeat(40)}b`, 'a'.repeat(400))).toBe(false);
    expect(matchesPath(`${'**/'.repeat(40)}b`, Array<string>(200).fill('a').join('/'))).toBe(false);
    expect(process.cpuUsage(began).user).toBeLessThan(500_000);
  });
});

test('an extension matches with and without its dot, in upper and lower case', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[a-z]{1,5}$/), (name, extension) => {
      const file = `src/${name}.${extension.toUpperCase()}`;
      expect(matchesExtension(extension, file)).toBe(true);
      expect(matchesExtension(`.${extension}`, file)).toBe(true);
      expect(matchesExtension(extension, `${name}x${extension}`)).toBe(false);
    }),
  );
});

test('a pattern with a star matches only names that begin with the text before the star', () => {
  expect(coversEvent('entity_*', 'entity_created')).toBe(true);
  expect(coversEvent('entity_*', 'entity')).toBe(false);
  expect(coversEvent('*', 'anything')).toBe(true);
  expect(coversEvent('a', 'ab')).toBe(false);
});
