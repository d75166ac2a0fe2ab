import { describe, expect, test } from 'vitest';
import { inSlices } from './slices.ts';
import { TurnBudget } from './turn-budget.ts';

/** Work of five items, each of which uses up its turn. @returns the items that were processed */
async function processed(isCancelled: (soFar: readonly number[]) => boolean): Promise<readonly number[]> {
  const done: number[] = [];
  const turn = new TurnBudget(1);
  const options = { turn, client: 'one', onSlice: () => undefined, isCancelled: () => isCancelled(done) };
  await inSlices([1, 2, 3, 4, 5], options, (item) => {
    done.push(item);
    for (const until = performance.now() + 2; performance.now() < until;);
  });
  return done;
}

describe('work in slices', () => {
  test('processes every item', async () => {
    expect(await processed(() => false)).toEqual([1, 2, 3, 4, 5]);
  });

  test('ends after the slice in which it was cancelled', async () => {
    expect(await processed((soFar) => soFar.length === 2)).toEqual([1, 2]);
  });

  test('does not start if it was cancelled while it waited', async () => {
    expect(await processed(() => true)).toEqual([]);
  });
});
