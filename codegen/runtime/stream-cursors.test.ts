import { expect, test } from 'vitest';
import { StreamCursors } from './stream-cursors.ts';

const event = (stream: string, sequenceId: number, epoch = 'e1') => {
  return { subscriptionIds: ['s1'], isReplay: true, stream, epoch, sequenceId };
};
const at = (sequenceId: number, epoch = 'e1') => ({ epoch, sequenceId });

test('after a first warm picture that was cut off, a stream whose picture was complete resumes where it began', () => {
  const cursors = new StreamCursors();
  cursors.start('warm');
  cursors.accept(event('main', 3));
  cursors.place('main', at(5));
  expect(cursors.start('warm')).toEqual([]);
  expect([3, 6].map((each) => cursors.accept(event('main', each)).fresh)).toEqual([false, false]);
  expect(cursors.place('main', at(7))).toBeUndefined();
  expect(cursors.complete()).toBe(true);
  expect(cursors.positions).toEqual([{ stream: 'main', ...at(5) }]);
  cursors.start('resume');
  expect([6, 7].map((each) => cursors.accept(event('main', each)).fresh)).toEqual([true, true]);
  cursors.place('main', at(7));
  expect(cursors.complete()).toBe(false);
});

test('a loss is reported for a first warm picture that was cut off, and the next picture yields all of its events', () => {
  const cursors = new StreamCursors();
  expect(cursors.start('warm')).toEqual([]);
  cursors.accept(event('main', 3));
  expect(cursors.start('warm')).toEqual([
    { stream: 'main', from: undefined, to: undefined, reason: 'state_invalidated' },
  ]);
  expect(cursors.accept(event('main', 3))).toEqual({ fresh: true });
  cursors.place('main', at(7));
  // The client did not know `session:a` and `session:b`, which may have had events since the subscription began.
  const gap = { from: undefined, to: undefined, reason: 'state_invalidated' };
  expect(cursors.accept(event('session:a', 2))).toEqual({ fresh: true, gap });
  expect(cursors.place('session:a', at(2))).toBeUndefined();
  expect(cursors.place('session:b', at(1))).toEqual(gap);
  expect(cursors.complete()).toBe(false);
  expect(cursors.accept(event('session:c', 1))).toEqual({ fresh: true });
  expect(cursors.positions).toHaveLength(4);
});

test('a warm picture after a failed resume continues where it was cut off, or begins again after another gap', () => {
  const cursors = new StreamCursors([{ stream: 'main', ...at(2) }]);
  const fail = (sequenceId: number): boolean => {
    cursors.start('resume');
    return cursors.skip('main', at(2), at(sequenceId));
  };
  expect(fail(9)).toBe(true);
  expect(cursors.accept(event('main', 4)).fresh).toBe(true);
  expect(fail(9)).toBe(false);
  expect([4, 6].map((each) => cursors.accept(event('main', each)).fresh)).toEqual([false, true]);
  expect(fail(12)).toBe(true);
  expect([4, 6, 11].map((each) => cursors.accept(event('main', each)).fresh)).toEqual([true, true, true]);
  expect(cursors.positions).toEqual([{ stream: 'main', ...at(2) }]);
  cursors.place('main', at(12));
  expect(cursors.positions).toEqual([{ stream: 'main', ...at(12) }]);
});
