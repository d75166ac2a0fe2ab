import { expect, test } from 'vitest';
import { heartbeatIntervalOf, retryAfterOf } from './bounds.ts';

test.each([
  [-5, undefined],
  [0, 100],
  [1, 100],
  [1500, 1500],
  [9e15, 300_000],
  [Infinity, 300_000],
  [Number.NaN, undefined],
  ['100', undefined],
  [undefined, undefined],
])('when a server requests a retry after %s ms, the client retries after %s', (sent, wanted) => {
  expect(retryAfterOf(sent)).toBe(wanted);
});

test.each([
  [-1, undefined],
  [0, undefined],
  [1, 100],
  [25_000, 25_000],
  [9e15, 600_000],
  [null, undefined],
])('a heartbeat interval of %s ms is treated as %s', (sent, wanted) => {
  expect(heartbeatIntervalOf(sent)).toBe(wanted);
});
