/** Checks the rules of the fence for every order of steps and faults (testing/fence-model.ts). fence-model.slow.test.ts runs longer. */
import { describe, expect, test } from 'vitest';
import { describeActions, exploreAll, parseActions, randomFrom, runSchedule } from './testing/explorer.ts';
import { newWorld, RULES } from './testing/fence-model.ts';
import type { Budget, FenceRules, World } from './testing/fence-model.ts';
import { act, actionsOf } from './testing/model-steps.ts';
import { PLANTED, TWO_NODES } from './testing/planted-faults.ts';

const BUDGET: Budget = { publishes: 3, restarts: 2, saves: 3, pauses: 1, crashes: 2, starts: 5, drops: 2 };

/** The world after some steps. Steps that the rules do not allow are skipped. */
function worldAfter(steps: string, rules: FenceRules, budget: Budget = BUDGET): World {
  const world = newWorld(3, budget);
  for (const action of parseActions(steps)) {
    const wanted = describeActions([action]);
    if (actionsOf(world, rules).some((each) => describeActions([each]) === wanted)) act(world, action, rules);
  }
  return world;
}

describe('an epoch that continues contains every event that was reported in it', () => {
  test('while two nodes know each other, a third one joins, and the server loses data', () => {
    const budget = { publishes: 2, restarts: 1, saves: 1, pauses: 1, crashes: 1, starts: 3, drops: 1 };
    const from = worldAfter(TWO_NODES, RULES, budget);
    const { violation, worlds } = exploreAll({ from, rules: RULES, depth: 5 });
    expect(violation && `${violation.text}: ${describeActions(violation.actions)}`).toBeUndefined();
    expect(worlds).toBeGreaterThan(10_000);
  });

  test('in 2,000 long schedules at random', () => {
    for (let seed = 1; seed <= 2_000; seed += 1) {
      const random = randomFrom(seed);
      const from = worldAfter(seed % 2 === 0 ? TWO_NODES : 'start 0', RULES, { ...BUDGET, publishes: 6, restarts: 4 });
      const { violation, actions } = runSchedule({ from, rules: RULES, length: 80, random });
      expect(violation && `seed ${seed}: ${violation}: ${describeActions(actions)}`).toBeUndefined();
    }
  });
});

describe('the model finds the fault when', () => {
  test.each(Object.entries(PLANTED))('%s', (_, { rules, near }) => {
    const found = exploreAll({ from: worldAfter(near, rules), rules, depth: 5 });
    expect(found.violation?.text).toMatch(/continues without|both have the position/);
    const right = exploreAll({ from: worldAfter(near, RULES), rules: RULES, depth: 3 });
    expect(right.violation).toBeUndefined();
  });
});
