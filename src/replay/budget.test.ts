import { expect, test } from 'vitest';
import { Budget } from './budget.ts';

/** Lets the owner use as much of the budget as it may. */
function fill(budget: Budget, owner: string, amount: number): number {
  while (budget.admits(owner, amount)) budget.count(owner, amount);
  return budget.usedBy(owner);
}

test('an owner may use a budget until its use equals the free part, apart from the reserve', () => {
  const budget = new Budget(8192);
  expect(fill(budget, 'first', 8)).toBe(3072);
  expect(fill(budget, 'second', 8)).toBe(1536);
});

test('if many owners each take as much as they can, one after another, every further owner still gets a share', () => {
  const budget = new Budget(1024 * 1024);
  for (let owner = 0; owner < 200; owner += 1) expect(fill(budget, `owner ${owner}`, 100)).toBeGreaterThan(900);
  expect(fill(budget, 'late', 100)).toBe(1000);
  expect(budget.used).toBeLessThanOrEqual(budget.limit);
});

test('a budget is never exceeded, regardless of the number of owners', () => {
  const budget = new Budget(65_536);
  for (let owner = 0; owner < 5000; owner += 1) fill(budget, `owner ${owner}`, 10);
  expect(budget.used).toBeLessThanOrEqual(budget.limit);
  expect(budget.used).toBeGreaterThan(65_000);
});

test('the share of a total does not affect owners that use little, and is equal for all others', () => {
  const budget = new Budget(1000);
  for (const [owner, used] of Object.entries({ a: 100, b: 300, c: 400, d: 900 })) budget.count(owner, used);
  expect(budget.shareOf(1300)).toBe(500);
  expect(budget.shareOf(1000)).toBe(300);
  expect(budget.shareOf(40)).toBe(10);
  expect(budget.shareOf(1700)).toBe(Infinity);
});
