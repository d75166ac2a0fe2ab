import { expect, test } from 'vitest';
import { nextTurn, TurnBudget } from './turn-budget.ts';

test('a turn of commands ends when its time is used up, also by commands that waited only for promises', async () => {
  const turn = new TurnBudget(5);
  expect(turn.over).toBe(false);
  turn.start();
  expect(turn.over).toBe(false);
  for (const until = performance.now() + 6; performance.now() < until;) await Promise.resolve();
  expect(turn.over).toBe(true);
  await nextTurn();
  expect(turn.over).toBe(false);
});
