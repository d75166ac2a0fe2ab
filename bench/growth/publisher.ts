/**
 * Prints the processing time of one publish, in microseconds, for a gateway that has SIZE subscriptions, streams, retained keys, or events
 * of history.
 *
 *     node bench/growth/publisher.ts subscriptions|streams|keys|history SIZE
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { createGateway } from '../../src/gateway.ts';
import { summaryOf } from '../report.ts';

const [kind = '', sizeText] = process.argv.slice(2);
const size = Number(sizeText);
const EVENTS = 2_000;
const ROUNDS = 5;
const SUBSCRIPTIONS_PER_CONNECTION = 1_000;
const ENOUGH = 1_000_000;

const gateway = createGateway({
  limits: {
    historyEvents: kind === 'history' ? Math.max(1, size) : 1_000,
    streamsPerNode: 20_000,
    subscriptionsPerConnection: SUBSCRIPTIONS_PER_CONNECTION,
    filterCharactersPerConnection: ENOUGH,
    commandsPerSecond: 100_000,
    commandBurst: 100_000,
    connectionsPerAddress: 1_000,
    acceptsPerSecond: 1_000,
  },
});
const { port } = await gateway.listen({ port: 0 });

/** Creates subscriptions that match none of the measured events. */
async function subscribe(count: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await once(socket, 'open');
  let confirmed = 0;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  socket.on('message', (data: Buffer) => {
    if (data.includes('"subscribed"') && (confirmed += 1) === count) resolve(undefined);
  });
  for (let n = 0; n < count; n += 1) {
    const filter = { paths: [`packages/p${port}-${n}/src`] };
    const data = { subscriptionId: `s${n}`, events: ['file_change'], filter, replay: { mode: 'none' } };
    socket.send(JSON.stringify({ type: 'subscribe', id: `${n}`, data }));
  }
  await promise;
}

async function prepare(): Promise<void> {
  if (kind === 'subscriptions')
    for (let left = size; left > 0; left -= SUBSCRIPTIONS_PER_CONNECTION)
      await subscribe(Math.min(left, SUBSCRIPTIONS_PER_CONNECTION));
  if (kind === 'streams')
    for (let n = 0; n < size; n += 1) await gateway.publish('bench.tick', { n }, { stream: `workspace:w${n}` });
  if (kind === 'keys')
    for (let n = 0; n < size; n += 1)
      await gateway.publish('entity_created', { id: `e${n}`, entityType: 'function', name: 'f' });
  if (kind === 'history') for (let n = 0; n < size; n += 1) await gateway.publish('bench.tick', { n });
}

async function publish(): Promise<number> {
  const before = process.cpuUsage();
  for (let n = 0; n < EVENTS; n += 1)
    await gateway.publish('file_change', {
      path: `packages/shop/src/line-item-${n % 100}.ts`,
      root: 'shop',
      changeType: 'modify',
      fileType: 'file',
    });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / EVENTS;
}

await prepare();
await publish();
const rounds: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) rounds.push(await publish());
console.log(summaryOf(rounds).median);
await gateway.close();
process.exit(0);
