import { describe, expect, test } from 'vitest';
import { STREAM, findersOf, script } from '../testing/loss-script.ts';
import type { Script } from '../testing/loss-script.ts';

describe('an epoch that changes without a gap', () => {
  test.each<[string, Script]>([
    ['is found', script().toOne('a', 'old 0').event('old 1', 'a').event('new 1', 'a')],
    ['is found before the first event', script().toOne('a', 'old 0').event('new 1', 'a')],
    [
      'is found although a subscription to many streams began in the old epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').toMany('m', 'old 1').event('new 1', 'a'),
    ],
    [
      'is found although a subscription to many streams began in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').toMany('m', 'new 1').event('new 2', 'a', 'm'),
    ],
    [
      'is found although a subscription to the stream began in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').toOne('b', 'new 1').event('new 2', 'a', 'b'),
    ],
    [
      'is found although a later subscription began in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').event('new 1', 'a').toOne('b', 'new 1'),
    ],
    [
      'is found although a gap names another subscription',
      script().toOne('a', 'old 1').toOne('b', 'old 1').gap('old 1', 'new 0', ['b']).event('new 1', 'a', 'b'),
    ],
    [
      'is found although a source loss was reported',
      script()
        .toOne('a', 'old 0')
        .event('old 1', 'a')
        .gap('old 1', 'old 1', ['a'], 'source_overflow')
        .event('new 1', 'a'),
    ],
  ])('%s', (_what, faulty) => {
    expect(findersOf(faulty)).toContain('ascending');
  });

  test('is found for a subscription to many streams, also after a source loss', () => {
    const faulty = script().toMany('m', 'old 1').gap('old 1', 'old 1', ['m'], 'source_overflow').event('new 1', 'm');
    expect(findersOf(faulty)).toEqual(['many-streams']);
  });

  test.each<[string, Script]>([
    [
      'if a gap names every subscription',
      script().toOne('a', 'old 1').toOne('b', 'old 1').gap('old 1', 'new 4', ['a', 'b']).event('new 5', 'a', 'b'),
    ],
    [
      'if each subscription has a gap of its own',
      script()
        .toOne('a', 'old 1')
        .toMany('m', 'old 1')
        .gap('old 1', 'new 0', ['a'])
        .gap('old 1', 'new 0', ['m'])
        .event('new 1', 'a', 'm'),
    ],
    [
      'if another subscription reaches the new epoch first',
      script()
        .toOne('a', 'old 1')
        .toOne('b', 'old 1', { events: ['other'] })
        .gap('old 1', 'new 0', ['a'])
        .event('new 1', 'a')
        .gap('old 1', 'new 0', ['b'])
        .event('new 2', 'a'),
    ],
    [
      'if another subscription begins in the new epoch while old events are still queued',
      script()
        .toOne('a', 'old 1')
        .toOne('b', 'new 4', { events: ['other'] })
        .event('old 2', 'a')
        .gap('old 2', 'new 4', ['a'])
        .event('new 5', 'a'),
    ],
    [
      'if the client subscribed again in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').leaves('a').toOne('b', 'new 0').event('new 1', 'b'),
    ],
    [
      'if the client subscribed again to many streams before the first event of the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').leaves('a').toMany('m').event('new 1', 'm'),
    ],
    [
      'if the stream had ended',
      script()
        .toMany('m', 'old 1')
        .gets('positions', { subscriptionId: 'm', positions: [], ended: [STREAM] })
        .event('new 1', 'm'),
    ],
    [
      'if the server does not know the new epoch',
      script().toOne('a', 'old 1').gap('old 1', 'unknown 0', ['a']).event('new 1', 'a'),
    ],
  ])('is not assumed %s', (_what, right) => {
    expect(findersOf(right)).toEqual([]);
  });
});

test('an event that comes after a later event of its epoch is found, although an event of another epoch is between them', () => {
  const faulty = script()
    .toOne('a', 'old 1', { events: ['note'] })
    .toOne('b', 'new 4')
    .event('old 3', 'a')
    .event('new 5', 'b')
    .event('old 2', 'a');
  expect(findersOf(faulty)).toEqual(['ascending']);
});
