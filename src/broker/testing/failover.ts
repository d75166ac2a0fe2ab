/** Kills a Redis master under load, so that sentinels promote its replica. All servers are real processes. */
import type { BrokerLog } from '../broker.ts';
import { ACL_LOGIN, createAclUser } from './acl-rules.ts';
import { RedisProcess } from './redis-process.ts';
import { RedisRig } from './redis-rig.ts';

export interface FailoverReport {
  readonly violations: readonly string[];
  /** Time from killing the master until the new master acknowledged the first publish, in milliseconds. */
  readonly resumedAfterMs: number;
}

export async function failOver({ log }: { readonly log?: BrokerLog } = {}): Promise<FailoverReport> {
  const resources: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
  try {
    const master = await RedisProcess.start({ settings: { 'repl-diskless-sync-delay': '0' } });
    resources.push(master);
    const replica = await RedisProcess.start({ settings: { replicaof: `127.0.0.1 ${master.port}` } });
    resources.push(replica);
    const monitor = `sentinel monitor tide 127.0.0.1 ${master.port} 1`;
    const patience = ['sentinel down-after-milliseconds tide 500', 'sentinel failover-timeout tide 3000'];
    const sentinel = await RedisProcess.start({ sentinel: [monitor, ...patience] });
    resources.push(sentinel);
    await sentinel.answers(['SENTINEL', 'REPLICAS', 'tide'], String(replica.port));
    await replica.answers(['INFO', 'replication'], 'master_link_status:up');
    await Promise.all([master, replica].map(createAclUser));
    const rig = await RedisRig.start({
      url: `redis+sentinel://${ACL_LOGIN}@127.0.0.1:${sentinel.port}/tide?prefix=tidemark:s`,
      nodes: 3,
      ...(log === undefined ? {} : { log }),
    });
    resources.push(rig);
    rig.load({ publishers: 6, pauseMs: 2 });
    await rig.progress(200);
    await master.kill();
    const killedAt = performance.now();
    const before = rig.acknowledged.length;
    await replica.answers(['ROLE'], 'master');
    await rig.progress(1);
    const resumedAfterMs = Math.round(performance.now() - killedAt);
    await rig.progress(200 - (rig.acknowledged.length - before));
    return { violations: (await rig.finish()).violations, resumedAfterMs };
  } finally {
    for (const resource of resources.toReversed()) await (resource.close?.() ?? resource.stop?.());
  }
}
