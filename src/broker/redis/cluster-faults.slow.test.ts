/** A cluster under load. One test lets a shard fail over to its replica; another moves the slot of a stream to a different shard. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../testing/free-port.ts';
import { ACL_LOGIN, createAclUser } from '../testing/acl-rules.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisRig } from '../testing/redis-rig.ts';

const SLOTS = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
] as const;
const resources: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const resource of resources.splice(0)) await (resource.close?.() ?? resource.stop?.());
});

interface Shard {
  readonly redis: RedisProcess;
  readonly id: string;
}

async function startServer(): Promise<Shard & { readonly busPort: number }> {
  const busPort = await freePort();
  const redis = await RedisProcess.start({
    settings: {
      'cluster-enabled': 'yes',
      'cluster-port': String(busPort),
      'cluster-node-timeout': '1500',
      'repl-diskless-sync-delay': '0',
    },
  });
  resources.unshift(redis);
  await createAclUser(redis);
  return { redis, busPort, id: textOf(await redis.command('CLUSTER', 'MYID')) };
}

/** The text of a bulk reply. */
function textOf(reply: string): string {
  return reply.split('\r\n')[1] ?? '';
}

/** Starts three shards, and the given number of replicas of the first shard. */
async function startCluster(replicas: number): Promise<{ shards: Shard[]; replicas: Shard[]; url: string }> {
  const servers = [];
  for (let index = 0; index < 3 + replicas; index += 1) servers.push(await startServer());
  const shards = servers.slice(0, 3);
  for (const [index, slots] of SLOTS.entries())
    await shards[index]?.redis.command('CLUSTER', 'ADDSLOTSRANGE', ...slots);
  for (const { redis, busPort } of servers) {
    await shards[0]?.redis.command('CLUSTER', 'MEET', '127.0.0.1', String(redis.port), String(busPort));
  }
  for (const { redis } of servers) await redis.answers(['CLUSTER', 'INFO'], `cluster_known_nodes:${servers.length}`);
  for (const { redis } of shards) await redis.answers(['CLUSTER', 'INFO'], 'cluster_state:ok');
  const url = `redis+cluster://${ACL_LOGIN}@${shards.map(({ redis }) => `127.0.0.1:${redis.port}`).join(',')}`;
  return { shards, replicas: servers.slice(3), url };
}

async function shardOf(shards: readonly Shard[], key: string): Promise<Shard> {
  for (const shard of shards) if (!(await shard.redis.command('EXISTS', key)).startsWith('-MOVED')) return shard;
  throw new Error(`no shard has ${key}`);
}

test('when a shard dies, its replica takes over, and every lost event is reported', async () => {
  const { shards, replicas, url } = await startCluster(1);
  const master = await shardOf(shards, '{main}');
  const replica = replicas[0];
  if (replica === undefined) throw new Error('no replica');
  await replica.redis.answers(['CLUSTER', 'NODES'], master.id);
  await replica.redis.command('CLUSTER', 'REPLICATE', master.id);
  await replica.redis.answers(['INFO', 'replication'], 'master_link_status:up');
  const rig = await RedisRig.start({ url, nodes: 3 });
  resources.unshift(rig);
  rig.load({ publishers: 6, pauseMs: 2 });
  await rig.progress(200);
  await master.redis.kill();
  await replica.redis.answers(['ROLE'], 'master');
  await rig.progress(200);
  expect((await rig.finish()).violations).toEqual([]);
}, 120_000);

test('the slot of a stream moves to another shard under load, and back: nothing is lost', async () => {
  const { shards, url } = await startCluster(0);
  const rig = await RedisRig.start({ url, nodes: 3 });
  resources.unshift(rig);
  rig.load({ publishers: 6, pauseMs: 2 });
  await rig.progress(200);
  const slot = /:(\d+)/.exec((await shards[0]?.redis.command('CLUSTER', 'KEYSLOT', '{main}')) ?? '')?.[1] ?? '';
  const home = await shardOf(shards, '{main}');
  const other = shards.find((shard) => shard !== home);
  if (other === undefined) throw new Error('no other shard');
  for (const [from, to] of [
    [home, other],
    [other, home],
  ] as const) {
    await move(slot, { from, to, shards });
    await rig.progress(200);
  }
  expect((await rig.finish()).violations).toEqual([]);
}, 120_000);

/** Moves a slot to another shard, with the same steps as `redis-cli --cluster reshard`. */
async function move(
  slot: string,
  { from, to, shards }: { readonly from: Shard; readonly to: Shard; readonly shards: readonly Shard[] },
): Promise<void> {
  await to.redis.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await from.redis.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  for (;;) {
    const keys = (await from.redis.command('CLUSTER', 'GETKEYSINSLOT', slot, '100'))
      .split('\r\n')
      .filter((line) => /^\w+:/.test(line));
    if (keys.length === 0) break;
    await from.redis.command('MIGRATE', '127.0.0.1', String(to.redis.port), '', '0', '5000', 'KEYS', ...keys);
    await delay(5);
  }
  for (const { redis } of [to, from, ...shards]) await redis.command('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
}
