import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../generated/types.ts';
import { joinExplanations } from './explanation.ts';

const part = (clauses: readonly string[], matches: number): Explanation => ({
  matches: Array.from({ length: Math.min(matches, 1000) }, (_, at) => ({
    connectionId: 'c',
    subscriptionId: `m${at}`,
  })),
  matchCount: matches,
  mismatches: clauses.map((clause, at) => ({
    connectionId: 'c',
    subscriptionId: `s${at}`,
    clause,
    wanted: ['x'.repeat(1000)],
    seen: [],
  })),
  mismatchCount: clauses.length,
  partial: false,
  missingNodes: [],
});

describe('an explanation of several nodes', () => {
  test('counts all subscriptions, lists those of other streams last, and names the nodes that did not answer', () => {
    const joined = joinExplanations([part(['paths', 'stream'], 1), part(['stream', 'events'], 2)], ['node-3']);
    expect(joined).toMatchObject({ matchCount: 3, mismatchCount: 4, partial: true, missingNodes: ['node-3'] });
    expect(joined.mismatches.map(({ clause }) => clause)).toEqual(['paths', 'events', 'stream', 'stream']);
  });

  test('is cut to the lengths that the contract allows, and its counts are complete', () => {
    const joined = joinExplanations([part([], 900), part([], 900)], []);
    expect(joined.matches).toHaveLength(1000);
    expect(joined.matchCount).toBe(1800);
    const wide = joinExplanations(
      [
        part(
          Array.from({ length: 900 }, () => 'paths'),
          0,
        ),
      ],
      [],
    );
    expect(JSON.stringify(wide).length).toBeLessThan(600 * 1024);
    expect(wide).toMatchObject({ mismatchCount: 900 });
  });
});
