/**
 * Two agents take 200 tasks through two gateways, while agents, gateways and Redis are killed at any time (`src/testing/random-kills.ts`).
 * The seeds are those of the runs in docs/guides/agents.md. TIDEMARK_KILL_SEEDS=7,8 selects other seeds.
 */
import { describe, expect, test } from 'vitest';
import { faultsOf, runRandomKills } from '../testing/random-kills.ts';
import { HandoffRig } from '../testing/handoff-kills.ts';
import { onCleanup } from '../testing/rig.ts';

const SEEDS = (process.env['TIDEMARK_KILL_SEEDS'] ?? '1,2,3').split(',').map(Number);

describe.each(['durable', 'in memory only'] as const)('with a Redis that is %s', (redis) => {
  test.each(SEEDS)(
    'each of 200 tasks is done once, or is offered again because its log was lost (seed %i)',
    async (seed) => {
      const rig = await HandoffRig.start({ redis, workMs: 150 });
      onCleanup(() => rig.end());
      const kills = { rig, seed, tasks: 200, leaseMs: 3_000, every: { least: 2_000, most: 15_000 }, killsOfEach: 40 };
      const outcome = await runRandomKills(kills);
      const sessions = outcome.sessions.map(({ offered, done, lost }) => ({
        offered: offered.length,
        done: done.length,
        lost,
      }));
      console.info(JSON.stringify({ redis, seed, kills: outcome.kills, sessions }));
      expect(faultsOf(outcome, kills)).toEqual([]);
      expect(Math.min(...Object.values(outcome.kills))).toBeGreaterThan(0);
    },
    900_000,
  );
});
