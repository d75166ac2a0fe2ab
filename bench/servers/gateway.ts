/**
 * A gateway for the load client.
 *
 *     node bench/servers/gateway.ts PORT CONTROL_PORT CHECKOUT PREFILL [REDIS_URL]
 *
 * CHECKOUT is the directory of the sources to run, so that two versions can be compared in one run. A line on the control port is
 * published as an event. PREFILL events are published before the server is ready.
 */
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Redis from '../../src/broker/redis/redis-broker.ts';
import type * as Tidemark from '../../src/gateway.ts';
import type { PublishResult } from '../../src/gateway.ts';
import { readLines } from './lines.ts';

const [port, controlPort, checkout = '.', prefill = '0', redisUrl] = process.argv.slice(2);
const ENOUGH = 1_000_000;
/** A part of each payload. It makes the frames of the gateway about as long as those of the other servers. */
const PADDING = 'x'.repeat(12);

const sources = pathToFileURL(resolve(checkout, 'src/gateway.ts')).href;
const { createGateway } = (await import(sources)) as typeof Tidemark;
const { redisBroker } = (await import(
  pathToFileURL(resolve(checkout, 'src/broker/redis/redis-broker.ts')).href
)) as typeof Redis;
const gateway = createGateway({
  ...(redisUrl === undefined ? {} : { broker: redisBroker({ url: redisUrl }) }),
  limits: {
    connectionsPerNode: ENOUGH,
    connectionsPerAddress: ENOUGH,
    acceptsPerSecond: ENOUGH,
    commandsPerSecond: 100_000,
    commandBurst: 100_000,
    heartbeatIntervalMs: 600_000,
  },
});
await gateway.listen({ port: Number(port) });

const publish = (number: string): Promise<PublishResult> =>
  gateway.publish('bench.tick', { mark: `^${number}`, padding: PADDING });
let epoch = '';
for (let number = 1; number <= Number(prefill); number += 1)
  ({ epoch } = await publish(String(number).padStart(10, '0')));

createServer((socket) => {
  readLines(socket, (line) => void publish(line));
}).listen(Number(controlPort), '127.0.0.1', () => console.log(`ready ${epoch}`));
