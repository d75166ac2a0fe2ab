/** A node that follows streams, under random faults: `npm run test:slow`. TIDEMARK_SEED and TIDEMARK_SAMPLES select the schedules. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FollowRun } from '../testing/follow-run.ts';
import { RedisNodes } from '../testing/redis-nodes.ts';
import { TcpProxy } from '../testing/tcp-proxy.ts';

const SAMPLES = Number(process.env['TIDEMARK_SAMPLES'] ?? 20);
const FIRST_SEED = Number(process.env['TIDEMARK_SEED'] ?? 1);

let nodes: RedisNodes;
let proxy: TcpProxy;
beforeAll(async () => {
  nodes = await RedisNodes.open('tidemark:f');
  proxy = await TcpProxy.start(nodes.redis.port);
});
afterAll(async () => {
  await proxy.close();
  await nodes.close();
});

test(`in ${SAMPLES} random schedules, a follower receives every event once and in order, or a loss`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SAMPLES; seed += 1) {
    const run = new FollowRun(nodes, proxy, seed);
    expect(await run.violations(), `seed ${seed}: ${run.steps.join(', ')}`).toEqual([]);
    await nodes.closeAll();
  }
}, 1_200_000);
