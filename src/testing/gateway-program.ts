/**
 * The program of a gateway that uses Redis; gateway-process.ts starts it as a separate process. When the gateway is ready, the program
 * prints its addresses as one line of JSON.
 */
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { createGateway } from '../gateway.ts';
import { resolveOptions } from '../options.ts';
import type { GatewayProcessOptions } from './gateway-process.ts';

const { redisUrl, nodeId, limits = {} } = JSON.parse(process.argv[2] ?? '{}') as GatewayProcessOptions;
const resolved = resolveOptions({ limits });
const broker = new RedisBroker({ url: redisUrl, limits: resolved.limits, events: resolved.events });
const gateway = createGateway({ nodeId, limits, broker, broadcast: 'on' });
const { url, httpUrl } = await gateway.listen({ port: 0 });
process.stdout.write(`${JSON.stringify({ url, httpUrl })}\n`);
