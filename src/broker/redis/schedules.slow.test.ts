/** Runs schedules of the fence's model on real servers: `npm run test:slow`. TIDEMARK_SEED and TIDEMARK_SAMPLES select the schedules. */
import { expect, test } from 'vitest';
import { runOnRedis } from '../testing/schedule-run.ts';
import { describeActions, parseActions, randomFrom, runSchedule } from './fence/testing/explorer.ts';
import { newWorld, RULES } from './fence/testing/fence-model.ts';
import { act } from './fence/testing/model-steps.ts';
import { PLANTED, TWO_NODES } from './fence/testing/planted-faults.ts';

const SAMPLES = Number(process.env['TIDEMARK_SAMPLES'] ?? 20);
const FIRST_SEED = Number(process.env['TIDEMARK_SEED'] ?? 1);

test(`${SAMPLES} schedules at random`, async () => {
  const totals = { acknowledged: 0, epochs: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SAMPLES; seed += 1) {
    const from = newWorld(3, { publishes: 12, restarts: 3, saves: 3, pauses: 1, crashes: 2, starts: 6, drops: 3 });
    const before = parseActions(TWO_NODES);
    for (const action of before) act(from, action, RULES);
    const { actions } = runSchedule({ from, rules: RULES, length: 50, random: randomFrom(seed) });
    const report = await runOnRedis([...before, ...actions]);
    totals.acknowledged += report.acknowledged;
    totals.epochs += report.epochs;
    expect(report.violations, `seed ${seed}: ${describeActions(actions)}`).toEqual([]);
  }
  console.table(totals);
}, 1_200_000);

test.each(Object.entries(PLANTED))(
  'steps that lead to a planted fault (%s) cause no violation',
  async (_, { near }) => {
    expect(
      (await runOnRedis([...parseActions(near), ...parseActions('restart saved, publish 1 s')])).violations,
    ).toEqual([]);
  },
  120_000,
);
