/** Redis Cluster and Sentinel with real servers: a cluster of three shards, and a failover by sentinels. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import { brokerSuite } from '../broker-suite.ts';
import { RedisBroker } from './redis-broker.ts';
import { ACL_LOGIN, createAclUser } from '../testing/acl-rules.ts';
import { freePort } from '../../testing/free-port.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { failOver } from '../testing/failover.ts';
import { PATIENT_TIMING } from '../testing/suite-limits.ts';
import { RedisRig } from '../testing/redis-rig.ts';

const events = eventTable();

describe('on a cluster of three shards', () => {
  const shards: RedisProcess[] = [];
  let prefixes = 0;
  const freshUrl = (): string =>
    `redis+cluster://${ACL_LOGIN}@${shards.map(({ port }) => `127.0.0.1:${port}`).join(',')}?prefix=tidemark:t${(prefixes += 1)}`;

  beforeAll(async () => {
    for (let index = 0; index < 3; index += 1) shards.push(await startShard(index));
    await Promise.all(shards.map(createAclUser));
    const [first] = shards;
    for (const { port, busPort } of shards.map((shard) => ({ port: shard.port, busPort: busPorts.get(shard) ?? 0 }))) {
      await first?.command('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPort));
    }
    for (const text of ['cluster_state:ok', 'cluster_known_nodes:3']) {
      await Promise.all(shards.map((shard) => shard.answers(['CLUSTER', 'INFO'], text)));
    }
  });
  afterAll(async () => {
    await Promise.all(shards.map((shard) => shard.stop()));
  });

  brokerSuite({
    name: 'redis cluster',
    create: (limits) => {
      const heartbeatIntervalMs = Math.min(1_000, limits.sessionTtlMs / 5);
      return Promise.resolve(
        new RedisBroker({ url: freshUrl(), limits, events, heartbeatIntervalMs, ...PATIENT_TIMING }),
      );
    },
  });

  describe('three nodes', () => {
    const rigs: RedisRig[] = [];
    afterEach(async () => {
      await Promise.all(rigs.splice(0).map((rig) => rig.close()));
    });

    test('deliver streams of every shard exactly once and in order', async () => {
      const url = freshUrl();
      for (const stream of ['main', 'workspace:a', 'workspace:b', 'session:s']) {
        rigs.push(await RedisRig.start({ url, nodes: 3, stream, patient: true }));
      }
      await Promise.all(rigs.map((rig) => rig.burst({ publishers: 6, count: 100 })));
      for (const rig of rigs) expect(await rig.finish()).toEqual({ violations: [], deliveredEverywhere: 600 });
    });

    test('answer questions of other nodes', async () => {
      const rig = await RedisRig.start({ url: freshUrl(), nodes: 3, patient: true });
      rigs.push(rig);
      const { answers, missing } = (await rig.nodes[1]?.broker.askNodes('who is there')) ?? {};
      expect(answers?.map(({ answer }) => answer).toSorted()).toEqual(['who is there, node0', 'who is there, node2']);
      expect(missing).toEqual([]);
    });

    test('lose and duplicate nothing when the subscriptions of a shard are killed', async () => {
      const rig = await RedisRig.start({ url: freshUrl(), nodes: 3 });
      rigs.push(rig);
      rig.load({ publishers: 6, pauseMs: 2 });
      await rig.progress(100);
      for (const shard of shards) await shard.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await rig.progress(300);
      const { violations, deliveredEverywhere } = await rig.finish();
      expect(violations).toEqual([]);
      expect(deliveredEverywhere).toBe(rig.acknowledged.length);
    });

    test('report what was lost when a shard is killed and restarts empty', async () => {
      const rig = await RedisRig.start({ url: freshUrl(), nodes: 3 });
      rigs.push(rig);
      rig.load({ publishers: 6, pauseMs: 2 });
      await rig.progress(100);
      const shard = await shardOf(shards, 'main');
      await shard.kill();
      await shard.launch();
      await createAclUser(shard);
      await rig.progress(100);
      expect((await rig.finish()).violations).toEqual([]);
      for (const { history } of rig.nodes)
        expect(history.losses.map(({ reason }) => reason)).toEqual(['epoch_changed']);
    });
  });
});

describe('behind sentinels', () => {
  test('after a failover, three nodes continue at the new master, and every loss is reported', async () => {
    expect((await failOver()).violations).toEqual([]);
  });
});

const SLOTS = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
] as const;
const busPorts = new Map<RedisProcess, number>();

async function startShard(index: number): Promise<RedisProcess> {
  const busPort = await freePort();
  const shard = await RedisProcess.start({
    settings: { 'cluster-enabled': 'yes', 'cluster-port': String(busPort), 'cluster-node-timeout': '2000' },
  });
  busPorts.set(shard, busPort);
  await shard.command('CLUSTER', 'ADDSLOTSRANGE', ...(SLOTS[index] ?? []));
  return shard;
}

async function shardOf(shards: readonly RedisProcess[], stream: string): Promise<RedisProcess> {
  for (const shard of shards) {
    const reply = await shard.command('EXISTS', `{${stream}}`);
    if (!reply.startsWith('-MOVED')) return shard;
  }
  throw new Error('no shard has the stream');
}
