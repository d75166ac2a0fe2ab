import { describe, expect, test } from 'vitest';
import { member, textAt } from '../trace/json.ts';
import { endOf } from '../trace/queries.ts';
import { describeMessage } from './contract.ts';
import { STREAM, findersOf, placeAt, script } from '../testing/loss-script.ts';
import type { Script } from '../testing/loss-script.ts';

/** A filtered subscription misses event 2 of an epoch, and the gap to the next epoch does not report the loss. */
function missesOneEvent(): Script {
  return script()
    .toOne('a', 'old 1', { events: ['note'] })
    .event('old 2')
    .event('old 3', 'a')
    .gap('old 3', 'new 0', ['a'])
    .event('new 1', 'a');
}

describe('events that a subscription passed over before a gap', () => {
  test.each<[string, Script, readonly string[]]>([
    [
      'are found if the gap begins after them',
      script().toOne('a', 'old 1').gap('old 5', 'old 9', ['a'], 'broker_lost').event('old 10', 'a'),
      ['contiguous'],
    ],
    [
      'are found if the gap for a new epoch begins after them',
      script().toOne('a', 'old 1').gap('old 5', 'new 0', ['a']).event('new 1', 'a'),
      ['contiguous'],
    ],
    [
      'are found if the gap is for many streams',
      script().toMany('m', 'old 1').gap('old 5', 'old 9', ['m'], 'broker_lost').event('old 10', 'm'),
      ['many-streams'],
    ],
    [
      'are found if the gap reports a source loss',
      script().toOne('a', 'old 1').gap('old 5', 'old 5', ['a'], 'source_overflow').event('old 6', 'a'),
      ['contiguous'],
    ],
    [
      'are found if the gap is for another stream',
      script()
        .toOne('a', 'old 1')
        .gets('gap', {
          ...{ stream: 'main', subscriptionIds: ['a'], reason: 'broker_lost' },
          ...{ from: placeAt('old 1'), to: placeAt('old 5') },
        })
        .event('old 6', 'a'),
      ['contiguous'],
    ],
  ])('%s', (_what, faulty, finders) => {
    expect(findersOf(faulty)).toEqual(finders);
  });

  test.each<[string, Script]>([
    [
      'if the subscription does not select them',
      script()
        .toOne('a', 'old 1', { events: ['other'] })
        .gap('old 5', 'old 9', ['a'], 'broker_lost')
        .event('old 10', 'a'),
    ],
    [
      'if the gap begins at an unknown position',
      script().toMany('m', 'old 1').gap('unknown 0', 'new 5', ['m']).event('new 6', 'm'),
    ],
    [
      'if the gap reports a failed resume from a position that the server never assigned',
      script()
        .toOne('a', 'old 4', { replay: { mode: 'resume', after: placeAt('old 99') } })
        .gap('old 99', 'old 4', ['a'], 'unknown_position')
        .gets('replay_complete', { subscriptionId: 'a', position: placeAt('old 4'), count: 0, truncated: false })
        .event('old 5', 'a'),
    ],
    [
      'if the gap reports events that were already delivered',
      script().toOne('a', 'old 10').gap('old 4', 'old 8', ['a'], 'broker_lost').event('old 11', 'a'),
    ],
    [
      'if the gap reports events of many streams that were already delivered',
      script().toMany('m', 'old 10').gap('old 4', 'old 8', ['m'], 'broker_lost').event('old 11', 'm'),
    ],
  ])('are no fault %s', (_what, right) => {
    expect(findersOf(right)).toEqual([]);
  });
});

describe('an event that is missing', () => {
  test.each<[string, Script, readonly string[]]>([
    [
      'after the end of a gap',
      script().toOne('a', 'old 1').gap('old 1', 'new 4', ['a']).event('new 6', 'a'),
      ['contiguous'],
    ],
    [
      'after the gap for a source loss',
      script().toOne('a', 'old 1').gap('old 1', 'old 1', ['a'], 'source_overflow').event('old 2').event('old 3', 'a'),
      ['contiguous', 'filter-complete'],
    ],
    [
      'after a failed resume',
      script()
        .toOne('a', 'new 4', { events: ['note'] })
        .gap('old 9', 'new 4', ['a'])
        .event('new 5')
        .event('new 6', 'a'),
      ['filter-complete'],
    ],
    [
      'although a later gap reports events of another epoch',
      missesOneEvent().gap('new 1', 'new 2', ['a'], 'broker_lost'),
      ['filter-complete'],
    ],
    [
      'although a later gap reports a source loss in another epoch',
      missesOneEvent().gap('new 1', 'new 1', ['a'], 'source_overflow'),
      ['filter-complete'],
    ],
    [
      'in a later epoch',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .gap('old 1', 'new 0', ['a'])
        .event('new 1')
        .event('new 2', 'a'),
      ['filter-complete'],
    ],
    [
      'before a gap that begins after it',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .event('old 2')
        .gap('old 2', 'new 0', ['a'])
        .event('new 1', 'a'),
      ['filter-complete'],
    ],
    [
      'before a sync in a later epoch',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .gap('old 1', 'new 0', ['a'])
        .event('new 1')
        .syncs('new 1'),
      ['sync-barrier'],
    ],
    [
      'before a sync in a later epoch, although a gap of an unknown position came before that epoch',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .gap('unknown 0', 'unknown 0', ['a'], 'broker_lost')
        .event('new 1', 'a')
        .event('new 2')
        .syncs('new 2'),
      ['sync-barrier'],
    ],
    [
      'in a later epoch that the server did not know at first',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .gap('old 1', 'unknown 0', ['a'], 'broker_lost')
        .event('new 1')
        .event('new 2', 'a')
        .event('new 3')
        .event('new 4', 'a'),
      ['filter-complete'],
    ],
    [
      'before a sync, although an event of another epoch has its number',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .event('old 2')
        .event('new 2', 'a')
        .syncs('old 2'),
      ['ascending', 'sync-barrier'],
    ],
    [
      'after the end of a gap of many streams',
      script().toMany('m', 'old 1').gap('old 1', 'new 4', ['m']).event('new 6', 'm'),
      ['many-streams'],
    ],
    [
      'after the gap for a source loss of many streams',
      script().toMany('m', 'old 1').gap('old 1', 'old 1', ['m'], 'source_overflow').event('old 3', 'm'),
      ['many-streams'],
    ],
  ])('is found %s', (_what, faulty, finders) => {
    expect(findersOf(faulty)).toEqual(finders);
  });

  test.each<[string, Script]>([
    [
      'if a gap reports it',
      script().toOne('a', 'old 1').event('old 2').gap('old 1', 'old 2', ['a'], 'broker_lost').event('old 3', 'a'),
    ],
    [
      'if a gap reports it before a sync',
      script().toOne('a', 'old 1').event('old 2').gap('old 1', 'old 2', ['a'], 'broker_lost').syncs('old 2'),
    ],
    [
      'if a gap reports it before a later epoch begins',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .event('old 2')
        .event('new 1')
        .event('new 3')
        .gap('old 1', 'new 1', ['a'])
        .event('new 2', 'a')
        .gap('new 2', 'new 3', ['a'], 'broker_lost')
        .event('new 4', 'a'),
    ],
    [
      'if a gap whose ends are unknown reports it',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .event('old 2')
        .event('old 3', 'a')
        .gap('unknown 0', 'unknown 0', ['a'], 'broker_lost')
        .event('new 2', 'a'),
    ],
    [
      'if a failed resume is reported by a gap from a later position of the same epoch',
      script()
        .toOne('a', 'old 4', { replay: { mode: 'resume', after: placeAt('old 99') } })
        .gap('old 99', 'old 4', ['a'], 'unknown_position')
        .gets('replay_complete', { subscriptionId: 'a', position: placeAt('old 4'), count: 0, truncated: false })
        .event('old 5'),
    ],
    [
      'if it was published before the sync in an epoch that the server did not know',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .gap('old 1', 'unknown 0', ['a'], 'broker_lost')
        .event('new 1')
        .syncs('new 1'),
    ],
    [
      'if the subscription does not match an event of another epoch that has its number',
      script()
        .toOne('a', 'old 1', { events: ['note'] })
        .toOne('b', 'old 1')
        .event('old 2', 'a', 'b')
        .gap('old 2', 'new 1', ['a', 'b'])
        .gets('event', {
          ...{ isReplay: false, stream: STREAM, ...placeAt('new 2'), eventId: 'new 2', event: 'other' },
          ...{ emittedAt: '2026-01-01T00:00:00.000Z', source: { name: 'a' }, payload: {}, subscriptionIds: ['b'] },
        }),
    ],
    [
      'if a gap of many streams reports it',
      script().toMany('m', 'old 1').gap('old 1', 'old 2', ['m'], 'broker_lost').event('old 3', 'm'),
    ],
  ])('is no fault %s', (_what, right) => {
    expect(findersOf(right)).toEqual([]);
  });
});

test('the end of a gap is unknown if its epoch is the one of the example with unknown positions in the contract', () => {
  const examples = describeMessage('gap')?.examples.flatMap((each) => member(each, 'data') ?? []) ?? [];
  const unnamed = examples.filter((data) => textAt(data, 'stream')?.endsWith('*') === true);
  const { frames } = unnamed.reduce<Script>((sofar, data) => sofar.gets('gap', data), script()).trace;
  expect(frames.map(endOf)).toEqual([undefined]);
});
