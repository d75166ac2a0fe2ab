/**
 * Two agents take 200 tasks through two gateways on one real Redis, while an agent, a gateway and Redis are killed at random and started
 * again. Redis keeps every acknowledged write. The test checks the log that is left, and what the agents printed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HandoffLog } from '../agents/handoff-log.ts';
import { offerWork } from '../agents/handoff.ts';
import { HandoffRig } from '../testing/handoff-kills.ts';
import type { Victim } from '../testing/handoff-kills.ts';
import { clientOf, onCleanup } from '../testing/rig.ts';

const TASKS = 200;
const LEASE_MS = 5_000;
const SESSION = 'kills';
/** Longer than 1.25 leases, after which the other nodes treat a node as stopped. */
const GIVEN_UP_MS = 30_000;

/**
 * Kills the processes one after the other. Redis is killed only when the nodes treat the killed gateways as stopped. If Redis restarted
 * earlier, no node could know whether a killed gateway had seen events that Redis lost. The session would begin a new epoch
 * (docs/decisions/0007).
 */
async function trouble(victims: readonly Victim[], over: AbortSignal): Promise<readonly string[]> {
  const killed: string[] = [];
  let quietFrom = 0;
  while (!over.aborted) {
    // In each round, every process is killed once, in a random order.
    for (const victim of victims.toSorted(() => Math.random() - 0.5)) {
      await sleep(1_000 + Math.random() * 3_000);
      if (victim.name === 'redis') await sleep(Math.max(0, quietFrom - performance.now()));
      if (over.aborted) break;
      await victim.kill();
      killed.push(victim.name);
      await sleep(Math.random() * 1_500);
      await victim.start();
      await victim.recovered();
      if (victim.name === 'gateway') quietFrom = performance.now() + GIVEN_UP_MS;
    }
  }
  return killed;
}

test('each of 200 tasks is done, and no two agents have the same task at the same time', async () => {
  const rig = await HandoffRig.start({ redis: 'durable', workMs: 1_000 });
  onCleanup(() => rig.end());
  await rig.nameSession(SESSION);
  const { urls, agents: workers } = rig;
  const [first = ''] = urls;
  const offers = Array.from({ length: TASKS }, (_, n) => `o${n}`);
  const over = new AbortController();
  const log = await HandoffLog.open(clientOf(first), SESSION, over.signal);
  for (const offer of offers)
    await offerWork(log, { offer, task: offer, leaseMs: LEASE_MS }, { actor: 'lead', signal: over.signal });
  for (const worker of workers) worker.start();
  const killing = trouble(rig.victims, over.signal);
  while ([...log.offers.values()].some(({ isDone }) => !isDone)) await log.change(over.signal, 60_000);
  over.abort();
  const killed = await killing;

  const taken = workers.flatMap(({ steps }) => steps.filter((step) => step.kind === 'taken'));
  expect(new Set(killed)).toEqual(new Set(['agent', 'gateway', 'redis']));
  expect([...log.offers.keys()].toSorted()).toEqual(offers.toSorted());
  // All takes must be in one epoch, so that every fence is a position in the same log.
  expect(new Set(taken.map(({ epoch }) => epoch)).size).toBe(1);
  const overlaps = taken.flatMap((take) =>
    taken.filter(
      ({ offer, fence, until }) => offer === take.offer && fence < take.fence && until > take.until - LEASE_MS,
    ),
  );
  expect(overlaps).toEqual([]);
  const counted = workers.flatMap(({ steps }) => steps.filter((step) => step.kind === 'done' && step.hasCounted));
  const doneOnce = Map.groupBy(counted, (step) => (step.kind === 'done' ? step.offer : ''));
  expect([...doneOnce.values()].filter((steps) => steps.length > 1)).toEqual([]);
}, 900_000);
