import { expect, test } from 'vitest';
import type { StreamPosition } from '../replay/record.ts';
import { ManyStreamsIds } from './event-ids.ts';

const at = (stream: string, sequenceId: number): StreamPosition => ({ stream, epoch: 'e', sequenceId });
const positions = (all: readonly StreamPosition[], ...ended: readonly string[]) =>
  ({ type: 'positions', data: { subscriptionId: 's', positions: all, ended } }) as const;
const complete = { type: 'replay_complete', data: { subscriptionId: 's', count: 0, truncated: false } } as const;

test('an id does not go back when a stream ends while many streams are replayed', () => {
  const ids = new ManyStreamsIds({ mode: 'resume', positions: [] }, () => true);
  expect(ids.ofReplayMessage(positions([at('main', 5)]))).toBe('main@e.5');
  // The end is framed when it is queued, and written after the replay.
  expect(ids.ofMessage(positions([], 'session:a'))).toBe('');
  expect(ids.ofReplayMessage(positions([at('session:b', 2)]))).toBe('main@e.5,session:b@e.2');
  ids.positionsFramed();
  expect(ids.ofReplayMessage(complete)).toBe('main@e.5,session:b@e.2');
  expect(ids.ofLive(at('main', 6))).toBe('main@e.6,session:b@e.2');
});

test('an event that was queued during the replay has an id for everything before it, and for nothing after it', () => {
  const ids = new ManyStreamsIds({ mode: 'resume', positions: [] }, () => true);
  expect(ids.ofLive(at('main', 6))).toBe('');
  expect(ids.ofLive(at('session:b', 3))).toBe('');
  ids.ofReplayMessage(positions([at('main', 5), at('session:b', 2)]));
  ids.positionsFramed();
  expect(ids.ofLive(at('main', 7))).toBe('main@e.7,session:b@e.3');
  expect(ids.ofWaiting(at('main', 6))).toBe('main@e.6,session:b@e.2');
  expect(ids.ofWaiting(at('session:b', 3))).toBe('main@e.6,session:b@e.3');
});

test('a loss in streams that the server cannot name adds no position to an id', () => {
  const ids = new ManyStreamsIds({ mode: 'resume', positions: [at('main', 5)] }, () => true);
  ids.positionsFramed();
  const nowhere = { epoch: 'unknown', sequenceId: 0 };
  const data = {
    stream: 'session:*',
    subscriptionIds: ['a'],
    from: nowhere,
    to: nowhere,
    reason: 'broker_lost',
  } as const;
  expect(ids.ofMessage({ type: 'gap', data })).toBe('');
  expect(ids.ofLive(at('main', 6))).toBe('main@e.6');
});
