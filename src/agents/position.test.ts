import { expect, test } from 'vitest';
import { readPosition, readPositions, writePosition, writePositions } from './position.ts';

test('a position that is written as text and read again is unchanged', () => {
  const position = { epoch: '01JD8Q6Z6M', sequenceId: 4110 };
  expect(readPosition(writePosition(position))).toEqual(position);
  expect(readPosition('x')).toBeUndefined();
});

test('positions of several streams that are written as text and read again are unchanged, even when no stream has an event yet', () => {
  const positions = [
    { stream: 'main', epoch: '01JD8Q6Z6M', sequenceId: 4110 },
    { stream: 'session:a', epoch: 'one,two', sequenceId: 0 },
  ];
  expect(writePositions(positions)).toBe('main=01JD8Q6Z6M:4110,session:a=one,two:0');
  expect(readPositions(writePositions(positions))).toEqual(positions);
  expect(readPositions(writePositions([]))).toEqual([]);
  for (const wrong of ['', 'main', 'e:1', 'main=1', 'main=e:1,x']) expect(readPositions(wrong)).toBeUndefined();
});
