import { expect, test } from 'vitest';
import { nextTurn, TurnBudget } from './turn-budget.ts';

test('the turn of commands is over when its time is used up, also by what only waited for promises', async () => {
  const turn = new TurnBudget(5);
  expect(turn.over).toBe(false);
  turn.start();
  expect(turn.over).toBe(false);
  for (const until = performance.now() + 6; performance.now() < until;) await Promise.resolve();
  expect(turn.over).toBe(true);
  await nextTurn();
  expect(turn.over).toBe(false);
});
