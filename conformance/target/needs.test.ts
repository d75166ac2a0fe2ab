import { expect, test } from 'vitest';
import type { RunContext } from '../runner/context.ts';
import { applicability, isNeed } from './needs.ts';

const context = {
  profile: { welcome: { limits: { payloadBytes: 32_768 } } },
  config: { without: [], claims: [] },
} as unknown as RunContext;

test('a tape that needs a limit applies when it can reach the limit, or stay within it', () => {
  const verdict = (need: string): string => applicability([need], context).verdict;
  expect(['limit:payloadBytes<=32768', 'limit:payloadBytes>=32768'].map(verdict)).toEqual(['applies', 'applies']);
  expect(['limit:payloadBytes<=32767', 'limit:payloadBytes>=32769', 'limit:unknown>=0'].map(verdict)).toEqual([
    'N/A',
    'N/A',
    'N/A',
  ]);
  expect(applicability(['limit:payloadBytes>=32769'], context)).toMatchObject({
    reason: 'payloadBytes is 32768, below 32769',
  });
});

test('a need on a limit without a bound is invalid', () => {
  expect(['limit:payloadBytes<=1', 'http', 'control:shutdown'].every(isNeed)).toBe(true);
  expect(['limit:payloadBytes', 'limit:payloadBytes<5', 'limit:payloadBytes<=', 'moon'].some(isNeed)).toBe(false);
});
