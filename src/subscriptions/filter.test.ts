import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { specOf, specsOf } from '../catalogue/catalogue.ts';
import type { Filter } from '../catalogue/catalogue.ts';
import { acmeCatalogue as catalogue } from '../catalogue/testing/acme-catalogue.ts';
import { EventFacts, stringsAt } from './event-facts.ts';
import type { Matchable } from './event-facts.ts';
import { compileFilter, explainMismatch, normaliseFilter } from './filter.ts';

const LIMITS = { patternsPerFilterField: 4, patternLength: 32 };

function normalise(events: readonly string[], filter: Filter): Filter {
  return normaliseFilter({ events, filter, limits: LIMITS, catalogue });
}

function event(name: string, payload: Matchable['payload'], source = 'watcher'): Matchable {
  return { event: name, source: { name: source, principal: 'service:indexer' }, payload };
}

function matches(events: readonly string[], filter: Filter, candidate: Matchable): boolean {
  const spec = { events, filter: normalise(events, filter) };
  const compiled = compileFilter(spec, catalogue)(new EventFacts(candidate, catalogue));
  // The explanation must always agree with the delivery (OPS-3).
  expect(explainMismatch(spec, candidate, catalogue) === undefined).toBe(compiled);
  return compiled;
}

const file = (path: string, more: object = {}): Matchable =>
  event('file_change', { path, root: 'shop', changeType: 'modify', fileType: 'file', ...more });

describe('a filter', () => {
  test('requires every field, and one of the values within a field (SUB-4)', () => {
    const filter = { paths: ['src', 'lib'], changeTypes: ['create', 'modify'] };
    expect(matches(['file_change'], filter, file('lib/a.ts'))).toBe(true);
    expect(matches(['file_change'], filter, file('doc/a.ts'))).toBe(false);
    expect(matches(['file_change'], filter, file('lib/a.ts', { changeType: 'delete' }))).toBe(false);
  });

  test('constrains only the events that declare its field (SUB-4)', () => {
    const events = ['file_change', 'sync_status'];
    expect(matches(events, { paths: ['src'] }, event('sync_status', { status: 'running' }))).toBe(true);
    expect(matches(events, { paths: ['src'] }, file('lib/a.ts'))).toBe(false);
  });

  test('is not matched by an absent value (SUB-4)', () => {
    const entity = event('entity_created', { id: 'e1', entityType: 'function', name: 'f' });
    expect(matches(['entity_*'], { paths: ['src'] }, entity)).toBe(false);
    expect(matches(['entity_*'], { entityTypes: ['function'] }, entity)).toBe(true);
  });

  test('matches the old or the new path of a rename (SUB-5)', () => {
    const renamed = file('lib/b.ts', { changeType: 'rename', previousPath: 'src/a.js' });
    expect(matches(['file_change'], { paths: ['src'] }, renamed)).toBe(true);
    expect(matches(['file_change'], { paths: ['lib'] }, renamed)).toBe(true);
    expect(matches(['file_change'], { paths: ['doc'] }, renamed)).toBe(false);
    expect(matches(['file_change'], { extensions: ['js'] }, renamed)).toBe(true);
    expect(matches(['file_change'], { extensions: ['ts'] }, renamed)).toBe(true);
    expect(matches(['file_change'], { extensions: ['md'] }, renamed)).toBe(false);
  });

  test('matches any path of a bulk change', () => {
    const bulk = event('graph_update', { paths: ['doc/a.md', 'src/a.ts'] });
    expect(matches(['graph_update'], { paths: ['src/*.ts'] }, bulk)).toBe(true);
    expect(matches(['graph_update'], { paths: ['lib'] }, bulk)).toBe(false);
    expect(matches(['graph_update'], { paths: ['lib'] }, event('graph_update', { paths: [7, null] }))).toBe(false);
  });

  test.each([
    ['.ts', 'a.ts', true],
    ['ts', 'a.ts', true],
    ['TS', 'a.ts', true],
    ['ts', 'A.TS', true],
    ['ts', 'a.d.ts', true],
    ['.d.ts', 'a.d.ts', true],
    ['.d.ts', 'ad.ts', false],
    ['ts', 'a.mts', false],
    ['ts', 'a.tsx', false],
    ['ts', 'ts', false],
    ['ts', 'a.ts/readme', false],
    ['gitignore', 'deep/.gitignore', true],
    ['caf\u00e9', 'a.cafe\u0301', true],
  ])('compares extensions: %s on %s: %s (SUB-5)', (extension, path, wanted) => {
    expect(matches(['file_change'], { extensions: [extension] }, file(path))).toBe(wanted);
  });

  test('compares paths in NFC and case-sensitively (SUB-5)', () => {
    expect(matches(['file_change'], { paths: ['caf\u00e9'] }, file('cafe\u0301/a.ts'))).toBe(true);
    expect(matches(['file_change'], { paths: ['cafe\u0301'] }, file('caf\u00e9/a.ts'))).toBe(true);
    expect(matches(['file_change'], { paths: ['Src'] }, file('src/a.ts'))).toBe(false);
  });

  test('compares sources with the label and the principal', () => {
    expect(matches(['file_change'], { sources: ['watcher'] }, file('a'))).toBe(true);
    expect(matches(['file_change'], { sources: ['service:indexer'] }, file('a'))).toBe(true);
    expect(matches(['build.done'], { sources: ['other'] }, event('build.done', {}))).toBe(false);
  });

  test('reads only own properties of an event, never inherited ones', () => {
    expect(stringsAt(event('x', {}), ['/payload/constructor/name', '/payload/__proto__', '/source/name'])).toEqual([
      'watcher',
    ]);
    expect(specOf(catalogue, 'constructor')).toEqual(specOf(catalogue, 'any_custom_event'));
    expect(specsOf(catalogue, ['toString'])).toEqual([specOf(catalogue, 'any_custom_event')]);
  });
});

describe('the normalised filter', () => {
  test('has the same form for every notation, and normalising that form again changes nothing', () => {
    const once = normalise(['file_change'], {
      extensions: ['TS', '.ts', 'js'],
      paths: ['src/', './lib', 'src'],
      changeTypes: ['modify', 'create'],
    });
    expect(once).toEqual({ extensions: ['.js', '.ts'], paths: ['lib', 'src'], changeTypes: ['create', 'modify'] });
    expect(normalise(['file_change'], once)).toEqual(once);
  });

  test.each<[string, readonly string[], Filter, string, string]>([
    ['an empty list', ['file_change'], { paths: [] }, 'filter_invalid', '/data/filter/paths'],
    ['no event has the field', ['file_change'], { actors: ['ana'] }, 'filter_not_applicable', '/data/filter/actors'],
    ['a custom event', ['build.done'], { paths: ['src'] }, 'filter_not_applicable', '/data/filter/paths'],
    ['too many', ['file_change'], { paths: ['a', 'b', 'c', 'd', 'e'] }, 'limit_exceeded', '/data/filter/paths'],
    ['too long', ['file_change'], { paths: ['a', 'x'.repeat(33)] }, 'limit_exceeded', '/data/filter/paths/1'],
    ['no extension', ['file_change'], { extensions: ['.'] }, 'filter_invalid', '/data/filter/extensions/0'],
    ['a glob', ['file_change'], { extensions: ['ts', '*.js'] }, 'filter_invalid', '/data/filter/extensions/1'],
    ['a path', ['file_change'], { extensions: ['a/b'] }, 'filter_invalid', '/data/filter/extensions/0'],
    ['outside', ['file_change'], { paths: ['../x'] }, 'filter_invalid', '/data/filter/paths/0'],
    [
      'an unknown type of change',
      ['*'],
      { changeTypes: ['create', 'created'] },
      'filter_invalid',
      '/data/filter/changeTypes/1',
    ],
    ['no step', ['session_event'], { sessionEvents: ['broken'] }, 'filter_invalid', '/data/filter/sessionEvents/0'],
  ])('refuses a filter that can match nothing or breaks a limit (%s)', (_what, events, filter, code, pointer) => {
    expect(() => normalise(events, filter)).toThrow(expect.objectContaining({ code, pointer }));
  });

  test('accepts a field if at least one subscribed event declares it', () => {
    expect(normalise(['sync_status', 'session_event'], { actors: ['ana'] })).toEqual({ actors: ['ana'] });
    expect(normalise(['*'], { actors: ['ana'], relationshipTypes: ['calls'] })).toEqual({
      actors: ['ana'],
      relationshipTypes: ['calls'],
    });
  });

  test('is refused with the values or fields that are allowed (SUB-4)', () => {
    const refusalOf = (events: readonly string[], filter: Filter): unknown => {
      try {
        return normalise(events, filter);
      } catch (error) {
        return error;
      }
    };
    expect(refusalOf(['file_change', 'sync_status'], { changeTypes: ['created'] })).toMatchObject({
      message: 'changeTypes cannot be "created"; did you mean "create"? Its values are create, modify, delete, rename.',
      details: { allowed: ['create', 'modify', 'delete', 'rename'] },
    });
    expect(refusalOf(['relationship_*', 'sync_status'], { paths: ['src'] })).toMatchObject({
      message: expect.stringContaining('cannot be filtered by paths, only by relationshipTypes, sources'),
      details: { fields: ['relationshipTypes', 'sources', 'operationIds'] },
    });
  });

  test('may name any value if at least one subscribed event can have any value', () => {
    const spec = { replay: { policy: 'none' }, fits: catalogue.events.get('file_change')?.fits } as const;
    const events = new Map([
      ['closed', { ...spec, filterable: { level: ['/payload/level'] }, enumerated: { level: ['low'] } }],
      ['open', { ...spec, filterable: { level: ['/payload/level'] }, enumerated: {} }],
      // A contract that an earlier version has built.
      ['older', { ...spec, filterable: { level: ['/payload/level'] } }],
    ]) as unknown as typeof catalogue.events;
    const own = { ...catalogue, events, filters: new Map([['level', 'exact' as const]]) };
    const admits = (subscribed: readonly string[]): boolean => {
      try {
        normaliseFilter({ events: subscribed, filter: { level: ['high'] }, limits: LIMITS, catalogue: own });
        return true;
      } catch {
        return false;
      }
    };
    expect([['closed'], ['open'], ['older'], ['closed', 'open']].map(admits)).toEqual([false, true, true, true]);
  });

  test('explains the first condition that fails, with the wanted and the seen values (OPS-3)', () => {
    const spec = { events: ['file_change'], filter: { paths: ['src'], extensions: ['.ts'] } };
    expect(explainMismatch(spec, event('sync_status', {}), catalogue)).toEqual({
      clause: 'events',
      wanted: ['file_change'],
      seen: ['sync_status'],
    });
    expect(explainMismatch(spec, file('lib/a.ts'), catalogue)).toEqual({
      clause: 'paths',
      wanted: ['src'],
      seen: ['lib/a.ts'],
    });
    expect(explainMismatch(spec, file('src/a.js'), catalogue)).toEqual({
      clause: 'extensions',
      wanted: ['.ts'],
      seen: ['src/a.js'],
    });
  });

  test('agrees with its explanation on any event, for any combination of fields', () => {
    const path = fc.constantFrom('src/a.ts', 'src/b.js', 'lib/a.ts', 'src', 'cafe\u0301/x');
    const filter = fc.record(
      {
        paths: fc.subarray(['src', 'lib', '**/*.ts', 'caf\u00e9'], { minLength: 1 }),
        extensions: fc.subarray(['ts', 'js'], { minLength: 1 }),
        changeTypes: fc.subarray(['create', 'rename'], { minLength: 1 }),
        sources: fc.subarray(['watcher', 'x'], { minLength: 1 }),
      },
      { requiredKeys: [] },
    );
    const candidate = fc.record({
      event: fc.constantFrom(...catalogue.events.keys(), 'build.done'),
      source: fc.record({ name: fc.constantFrom('watcher', 'y'), principal: fc.constant('p') }),
      payload: fc.record(
        { path, previousPath: path, paths: fc.array(path), changeType: fc.constantFrom('create', 'rename') },
        { requiredKeys: [] },
      ),
    });
    fc.assert(
      fc.property(
        fc.subarray(['file_change', 'entity_*', 'graph_update', '*'], { minLength: 1 }),
        filter,
        candidate,
        (events, wanted, seen) => {
          const applicable = Object.keys(wanted).every((field) =>
            specsOf(catalogue, events).some((spec) => field in spec.filterable),
          );
          fc.pre(applicable);
          const spec = { events, filter: normalise(events, wanted) };
          expect(explainMismatch(spec, seen, catalogue) === undefined).toBe(
            compileFilter(spec, catalogue)(new EventFacts(seen, catalogue)),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
