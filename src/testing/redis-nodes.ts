/** Gateways that share a Redis, in this process or in separate processes. They are closed after the test. */
import type { Health } from '../../generated/types.ts';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { resolveOptions } from '../options.ts';
import type { Limits } from '../options.ts';
import { GatewayProcess } from './gateway-process.ts';
import { onCleanup } from './rig.ts';

export interface Node {
  readonly gateway: Gateway;
  readonly url: string;
  readonly httpUrl: string;
}

export async function nodeOn(redisUrl: string, nodeId: string, changes: Partial<Limits> = {}): Promise<Node> {
  // The limit is raised, because the tests request the health report more often than a client usually may (OPS-6).
  const limits = { commandBurst: 10_000, ...changes };
  const resolved = resolveOptions({ limits });
  const broker = new RedisBroker({ url: redisUrl, limits: resolved.limits, events: resolved.events });
  const gateway = createGateway({ nodeId, limits, broker, broadcast: 'on' });
  onCleanup(() => gateway.close({ drainMs: 0 }));
  const { url, httpUrl } = await gateway.listen({ port: 0 });
  return { gateway, url, httpUrl };
}

export async function processOn(redisUrl: string, nodeId: string): Promise<GatewayProcess> {
  const child = await GatewayProcess.start({ redisUrl, nodeId });
  onCleanup(() => child.kill());
  return child;
}

export async function healthOf({ httpUrl }: { readonly httpUrl: string }): Promise<Health> {
  return (await (await fetch(`${httpUrl}/ws/health`)).json()) as Health;
}
