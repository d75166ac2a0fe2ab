import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { specsOf } from '../catalogue/catalogue.ts';
import type { Filter } from '../catalogue/catalogue.ts';
import { acmeCatalogue as catalogue } from '../catalogue/testing/acme-catalogue.ts';
import { Condition } from './condition.ts';
import { compileFilter, normaliseFilter } from './filter.ts';
import { PathSet } from './path-set.ts';
import { EventFacts } from './event-facts.ts';
import type { Matchable } from './event-facts.ts';
import type { FilterSpec } from './filter.ts';
import { normaliseEvents } from '../catalogue/event-pattern.ts';
import { SubscriptionIndex } from './subscription-index.ts';

const LIMITS = { patternsPerFilterField: 64, patternLength: 256, eventsPerSubscription: 32 };

/** A normalised filter. Fields that none of the events declares are left out. */
function specOf(events: readonly string[], wanted: Filter): FilterSpec {
  const applicable = Object.entries(wanted).filter(([field]) =>
    specsOf(catalogue, events).some((each) => field in each.filterable),
  );
  const filter = normaliseFilter({ events, filter: Object.fromEntries(applicable), limits: LIMITS, catalogue });
  return { events: normaliseEvents(events, LIMITS), filter };
}

const some = <T>(...values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { minLength: 1 });
const name = fc.constantFrom(...catalogue.events.keys(), 'entity_x', 'build.done', 'b', 'x');
const segment = fc.constantFrom('src', 'lib', 'a', 'a.ts', 'b.d.ts', 'C.TS', '.env', 'cafe\u0301', 'x.', 'i.Σ');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((each) => each.join('/'));
const wild = fc.constantFrom('*', '**', '*.ts', '?.ts', '*.d.ts', 'a*', '**.Σ', '.*', '*é', 'a.?s');
const pattern = fc.array(fc.oneof(segment, wild), { minLength: 1, maxLength: 4 }).map((each) => each.join('/'));
const word = fc.constantFrom('one', 'two', 'three', 'watcher');
const words = fc.array(word, { minLength: 1, maxLength: 2 });

const spec = fc
  .record({
    events: fc.array(fc.oneof(name, fc.constantFrom('*', 'entity_*', 'e*', 'b*', 'file_*', 'build.*')), {
      minLength: 1,
      maxLength: 3,
    }),
    filter: fc.record(
      {
        paths: fc.array(pattern, { minLength: 1, maxLength: 3 }),
        extensions: some('ts', '.d.ts', 'TS', 'env', 'Σ', 'cafe\u0301'),
        changeTypes: some('create', 'rename'),
        entityTypes: words,
        relationshipTypes: words,
        sessionIds: words,
        operationIds: words,
        sessionEvents: some('modified', 'broke'),
        actors: words,
        sources: words,
        targets: words,
        outputs: fc.array(pattern, { minLength: 1, maxLength: 3 }),
        outputTypes: some('ts', '.d.ts'),
      },
      { requiredKeys: [] },
    ),
    // Only some of the fields are used, because a filter with all fields would match almost no event.
    kept: fc.array(fc.nat(12), { maxLength: 3 }),
  })
  .map(({ events, filter, kept }) => {
    const entries = Object.entries(filter).filter((_, at) => kept.includes(at));
    return specOf(events, Object.fromEntries(entries));
  });

const event: fc.Arbitrary<Matchable> = fc.record({
  event: name,
  source: fc.record({ name: word, principal: word }),
  payload: fc.record(
    {
      path,
      previousPath: path,
      paths: fc.array(path, { maxLength: 3 }),
      changeType: fc.constantFrom('create', 'rename'),
      entityType: word,
      relationshipType: word,
      sessionId: word,
      operationId: word,
      sessionEvent: fc.constantFrom('modified', 'broke'),
      actor: word,
      target: word,
      outputs: fc.array(path, { maxLength: 3 }),
      log: path,
    },
    { requiredKeys: [] },
  ),
});

const step = fc.oneof(
  { weight: 4, arbitrary: spec.map((added) => ({ kind: 'add' as const, added })) },
  { weight: 2, arbitrary: fc.nat(100).map((at) => ({ kind: 'remove' as const, at })) },
  { weight: 3, arbitrary: event.map((seen) => ({ kind: 'match' as const, seen })) },
);

function membersIn<Member>(groups: readonly Iterable<Member>[]): Member[] {
  return groups.flatMap((group) => [...group]);
}

/** Adds and removes filters. For each event in between, compares the result of the index with a check of all filters. */
function run(steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]) {
  const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
  const members = new Map<number, FilterSpec>();
  const found: number[][] = [];
  const wanted: number[][] = [];
  for (const [serial, each] of steps.entries()) {
    if (each.kind === 'add') {
      index.add(each.added, serial);
      members.set(serial, each.added);
    } else if (each.kind === 'remove') {
      const gone = [...members.keys()][each.at % Math.max(1, members.size)] ?? -1;
      index.remove(gone);
      members.delete(gone);
    } else {
      found.push(membersIn(index.match(each.seen)).toSorted((a, b) => a - b));
      wanted.push(
        [...members]
          .filter(([, filter]) => compileFilter(filter, catalogue)(new EventFacts(each.seen, catalogue)))
          .map(([member]) => member),
      );
    }
  }
  for (const member of members.keys()) index.remove(member);
  return { found, wanted, empty: index.empty };
}

describe('the index of subscriptions', () => {
  test('finds exactly what a check of every filter finds, after any additions and removals, and keeps nothing afterwards', () => {
    let matches = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const { found, wanted, empty } = run(steps);
        expect(found).toEqual(wanted);
        expect(empty).toBe(true);
        matches += wanted.flat().length;
      }),
      { numRuns: 400 },
    );
    // The test proves little unless many events match.
    expect(matches).toBeGreaterThan(3000);
  });

  test('finds a filter that matches the old path and the new extension of a rename', () => {
    const index = new SubscriptionIndex<string, Set<string>>(catalogue, () => new Set());
    index.add(specOf(['file_change'], { paths: ['src'], extensions: ['ts'] }), 'both');
    const payload = { path: 'lib/b.ts', previousPath: 'src/a.js', changeType: 'rename' };
    expect(membersIn(index.match({ event: 'file_change', source: { name: 'a', principal: 'b' }, payload }))).toEqual([
      'both',
    ]);
  });

  test('checks a filter once for all subscriptions that share it', () => {
    const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
    const shared = specOf(['entity_*', 'entity_created', '*'], { paths: ['src', 'src/deep', '**/*.ts'] });
    for (let member = 0; member < 50; member += 1) index.add(shared, member);
    const seen = { event: 'entity_created', source: { name: 'a', principal: 'b' }, payload: { path: 'src/deep/a.ts' } };
    expect(membersIn(index.match(seen))).toHaveLength(50);
    expect(index.checks).toBe(1);
  });

  test('compares an event with the same paths once, however many filters have them', () => {
    const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
    const compared = vi.spyOn(PathSet.prototype, 'matches');
    for (let member = 0; member < 50; member += 1)
      index.add(specOf(['file_change'], { paths: ['src/**/*.ts'], sources: ['a', `b${member}`] }), member);
    const source = { name: 'a', principal: 'p' };
    for (const changed of ['src/x.ts', 'src/deep/y.ts', 'src/z.js']) {
      const found = membersIn(index.match({ event: 'file_change', source, payload: { path: changed } }));
      expect(found).toHaveLength(changed.endsWith('.ts') ? 50 : 0);
    }
    // The last path has an ending under which no filter is indexed.
    expect(compared).toHaveBeenCalledTimes(2);
  });

  test('makes no further comparison with a filter that was found by all of its fields', () => {
    const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
    const compared = vi.spyOn(Condition.prototype, 'isMet');
    index.add(specOf(['file_change'], { paths: ['src'], extensions: ['ts'] }), 1);
    index.add(specOf(['*'], { sessionIds: ['s'] }), 2);
    const source = { name: 'a', principal: 'p' };
    expect(membersIn(index.match({ event: 'file_change', source, payload: { path: 'src/a.ts' } }))).toEqual([1, 2]);
    expect(membersIn(index.match({ event: 'session_event', source, payload: { sessionId: 's' } }))).toEqual([2]);
    expect(compared).not.toHaveBeenCalled();
  });

  test('compares the conditions that an index by many names, or by many paths and extensions, does not check', () => {
    const index = new SubscriptionIndex<string, Set<string>>(catalogue, () => new Set());
    const paths = Array.from({ length: 20 }, (_, n) => `p${n}`);
    index.add(specOf(['a.a', 'b.b', 'c.c', 'd.d', 'e.e'], {}), 'names');
    index.add(specOf(['file_change'], { paths, extensions: ['ts', 'tsx', 'js', 'jsx'] }), 'places');
    const source = { name: 'a', principal: 'p' };
    const found = (named: string, changed: string) =>
      membersIn(index.match({ event: named, source, payload: { path: changed } }));
    expect([found('e.e', 'x'), found('f.f', 'x')]).toEqual([['names'], []]);
    expect([found('file_change', 'p7/a.tsx'), found('file_change', 'p7/a.md')]).toEqual([['places'], []]);
  });

  test.each<[string, (n: number) => Filter, readonly string[], Matchable['payload'], string]>([
    [
      'paths',
      (n) => ({ paths: [`packages/p${n}/src`] }),
      ['file_change'],
      { path: 'packages/p7/src/a.ts' },
      'file_change',
    ],
    ['globs', (n) => ({ paths: [`p${n}/**/*.ts`] }), ['*'], { path: 'p7/deep/a.ts' }, 'entity_updated'],
    ['names', (n) => ({ paths: [`**/file${n}.ts`] }), ['file_change'], { path: 'x/file7.ts' }, 'file_change'],
    ['inner', (n) => ({ paths: [`*/part${n}/*.ts`] }), ['file_change'], { path: 'x/part7/a.ts' }, 'file_change'],
    ['deep', (n) => ({ paths: [`p/**/a/part${n}/*`] }), ['*'], { path: 'p/x/a/part7/b' }, 'file_change'],
    [
      'inner segments and extensions',
      (n) => ({ paths: [`**/part${n}/**`], extensions: ['ts'] }),
      ['file_change'],
      { path: 'part7/a.ts' },
      'file_change',
    ],
    ['extensions', (n) => ({ extensions: [`x${n}`] }), ['file_change'], { path: 'a.x7' }, 'file_change'],
    ['sessions', (n) => ({ sessionIds: [`s${n}`] }), ['session_event'], { sessionId: 's7' }, 'session_event'],
  ])(
    'does not visit thousands of filters that an event does not match: %s',
    (_what, filterOf, events, payload, name_) => {
      const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
      for (let member = 0; member < 5000; member += 1) index.add(specOf(events, filterOf(member)), member);
      const seen = { event: name_, source: { name: 'a', principal: 'b' }, payload };
      expect(membersIn(index.match(seen))).toEqual([7]);
      expect(index.checks).toBe(1);
    },
  );

  test('does not visit subscriptions to other events', () => {
    const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
    for (let member = 0; member < 1000; member += 1)
      index.add(specOf([`build.step${member}`, `b${member}.*`], {}), member);
    const seen = (event_: string): Matchable => ({ event: event_, source: { name: 'a', principal: 'b' }, payload: {} });
    expect(membersIn(index.match(seen('build.step7')))).toEqual([7]);
    expect(membersIn(index.match(seen('b7.x')))).toEqual([7]);
    expect(membersIn(index.match(seen('build')))).toEqual([]);
    expect(index.checks).toBe(2);
  });

  test('keeps one place for a long pattern, and one for all events that a wildcard matches', () => {
    const heapOf = (build: () => unknown): number => {
      const before = process.memoryUsage().heapUsed;
      const kept = build();
      const grown = process.memoryUsage().heapUsed - before;
      expect(kept).toBeDefined();
      return grown;
    };
    const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
    // The patterns have 1.6 MB in total, with 125 segments each. An index with a node for each segment and event took more than 1 GB for
    // them.
    const grown = heapOf(() => {
      for (let member = 0; member < 100; member += 1) {
        const paths = Array.from({ length: 64 }, (_, at) => `m${member}/p${at}/${'a/'.repeat(122)}x`);
        index.add(specOf(['*'], { paths }), member);
      }
      return index;
    });
    expect(grown).toBeLessThan(100e6);
  });

  test('ignores the removal of unknown members', () => {
    const index = new SubscriptionIndex<string, Set<string>>(catalogue, () => new Set());
    index.remove('nobody');
    index.add(specOf(['*'], {}), 'somebody');
    index.remove('somebody');
    index.remove('somebody');
    expect(index.empty).toBe(true);
  });
});
