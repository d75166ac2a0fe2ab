/** A longer run of fence-model.test.ts, which checks the rules of the fence: `npm run test:slow`. */
import { expect, test } from 'vitest';
import { describeActions, exploreAll, parseActions, randomFrom, runSchedule } from './testing/explorer.ts';
import { newWorld, RULES } from './testing/fence-model.ts';
import { act } from './testing/model-steps.ts';
import { TWO_NODES } from './testing/planted-faults.ts';

const SCHEDULES = Number(process.env['TIDEMARK_SCHEDULES'] ?? 100_000);
const FIRST_SEED = Number(process.env['TIDEMARK_SEED'] ?? 1);

test(`${SCHEDULES} schedules of three nodes and two streams break no promise`, () => {
  let steps = 0;
  const kinds = new Map<string, number>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    const random = randomFrom(seed);
    const some = (most: number): number => 1 + Math.floor(random() * most);
    const budget = {
      publishes: some(10),
      restarts: some(5),
      saves: some(4),
      pauses: some(4),
      crashes: some(4),
      starts: 2 + some(5),
      drops: some(4),
    };
    const from = newWorld(3, budget);
    if (seed % 2 === 0) for (const action of parseActions(TWO_NODES)) act(from, action, RULES);
    const { violation, actions } = runSchedule({ from, rules: RULES, length: 120, random });
    steps += actions.length;
    for (const { kind } of actions) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    expect(violation && `seed ${seed}: ${violation}: ${describeActions(actions)}`).toBeUndefined();
  }
  console.table({ schedules: SCHEDULES, steps, ...Object.fromEntries(kinds) });
}, 600_000);

test('no order of six steps and faults breaks a promise', () => {
  const from = newWorld(3, { publishes: 2, restarts: 2, saves: 1, pauses: 1, crashes: 1, starts: 3, drops: 1 });
  for (const action of parseActions(TWO_NODES)) act(from, action, RULES);
  const { violation, worlds, steps } = exploreAll({ from, rules: RULES, depth: 6 });
  console.table({ worlds, steps });
  expect(violation && `${violation.text}: ${describeActions(violation.actions)}`).toBeUndefined();
}, 600_000);
