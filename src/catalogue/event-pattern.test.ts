import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../errors.ts';
import { eventTable } from './event-table.ts';
import { covers, isEventName, matchesName, normaliseEvents, policiesOf } from './event-pattern.ts';

const name = fc.string({ unit: fc.constantFrom('a', 'b', '_', '.'), maxLength: 4 }).map((text) => `a${text}`);
const pattern = fc.oneof(
  name,
  name.map((text) => `${text}*`),
  fc.constant('*'),
);
const normalise = (events: readonly string[]): readonly string[] =>
  normaliseEvents(events, { eventsPerSubscription: 4 });

describe('an event pattern', () => {
  test.each([
    ['entity_*', 'entity_created', true],
    ['entity_*', 'entity_', true],
    ['entity_*', 'entities', false],
    ['*', 'anything.at.all', true],
    ['file_change', 'file_change', true],
    ['file_change', 'file_change.more', false],
    ['build.*', 'build.done', true],
    ['build.*', 'build', false],
  ])('%s on %s: %s', (events, event, wanted) => {
    expect(matchesName(events, event)).toBe(wanted);
  });

  test('covers another pattern exactly when it matches every name that the other matches', () => {
    fc.assert(
      fc.property(pattern, pattern, name, (outer, inner, tail) => {
        // These names represent all names that the inner pattern matches. `z` occurs in no generated pattern, so the name that ends with
        // `z` represents every other ending.
        const witnesses = inner.endsWith('*') ? ['', 'z', tail].map((each) => `${inner.slice(0, -1)}${each}`) : [inner];
        expect(covers(outer, inner)).toBe(witnesses.every((each) => matchesName(outer, each)));
      }),
      { numRuns: 2000 },
    );
  });

  test('is not accepted as an event name, and neither are malformed names', () => {
    expect(isEventName('modified_cluster')).toBe(true);
    expect(isEventName('build.step_2.done')).toBe(true);
    const bad = ['', '*', 'entity_*', 'Upper', '1st', 'a..b', 'a.', '.a', 'a b', 'ä', '__proto__'];
    expect(bad.filter(isEventName)).toEqual([]);
  });
});

describe('the events of a subscription', () => {
  test('are sorted and deduplicated', () => {
    expect(normalise(['sync_status', 'entity_*', 'sync_status'])).toEqual(['entity_*', 'sync_status']);
  });

  test.each([['**'], ['*_created'], ['entity_*_x'], ['Entity_*'], ['entity ']])(
    'are refused if they include %j',
    (event) => {
      expect(() => normalise(['file_change', event])).toThrow(
        expect.objectContaining({ code: 'invalid_message', pointer: '/data/events/1' }),
      );
    },
  );

  test('are refused if there are too many', () => {
    const refuse = (): unknown => normalise(['a', 'b', 'c', 'd', 'e']);
    expect(refuse).toThrow(ProtocolError);
    expect(refuse).toThrow(
      expect.objectContaining({
        code: 'limit_exceeded',
        details: expect.objectContaining({ limit: 'eventsPerSubscription' }),
      }),
    );
  });
});

describe('the replay policies of patterns', () => {
  const table = eventTable({ 'build.done': 'log' });

  test.each([
    [['file_change'], ['none']],
    [['entity_created'], ['latest-per-key']],
    [
      ['session_event', 'graph_update'],
      ['latest', 'log'],
    ],
    [['build.done'], ['log']],
    [['build.*'], ['latest', 'log']],
    [['some_custom_event'], ['latest']],
    [['*'], ['latest', 'latest-per-key', 'log', 'none']],
  ])('%j: %j', (patterns, policies) => {
    expect([...policiesOf(patterns, table)].toSorted()).toEqual(policies);
  });
});
