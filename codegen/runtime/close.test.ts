import { expect, test } from 'vitest';
import { classifyClose } from './close.ts';
import { SPEC } from './testing/sample-client.ts';

test.each([
  [4000, 'do-not-retry', 'named by the contract'],
  [4100, 'refresh', 'named by the contract'],
  [4200, 'retry-resume', 'named by the contract'],
  [4300, 'retry-fresh', 'named by the contract'],
  [4042, 'do-not-retry', 'of a newer contract, by its first two digits'],
  [4177, 'refresh', 'of a newer contract, by its first two digits'],
  [4399, 'retry-fresh', 'of a newer contract, by its first two digits'],
  [4999, 'retry-resume', 'private, not of the contract'],
  [1000, 'retry-resume', 'a normal close by the server'],
  [1001, 'retry-resume', 'going away'],
  [1006, 'retry-resume', 'no close frame'],
  [1008, 'do-not-retry', 'a policy violation'],
  [1011, 'retry-resume', 'a failure of the server'],
  [1012, 'retry-resume', 'a restart'],
  [1013, 'retry-resume', 'try again later'],
])('close code %i means %s: %s', (code, expected) => {
  expect(classifyClose(code, SPEC)).toBe(expected);
});
