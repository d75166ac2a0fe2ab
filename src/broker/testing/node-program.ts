/** The program of one node (node-process.ts): it attaches `main`, publishes continuously, and prints what it receives. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventTable } from '../../catalogue/event-table.ts';
import { SUITE_LIMITS } from './suite-limits.ts';
import type { BrokerListener } from '../broker.ts';
import { RedisBroker } from '../redis/redis-broker.ts';

const { url, name, leaseMs } = JSON.parse(process.argv[2] ?? '{}') as { url: string; name: string; leaseMs?: number };

function write(kind: string, value: unknown): void {
  process.stdout.write(`${JSON.stringify([kind, value])}\n`);
}

const listener: BrokerListener = {
  nodeId: name,
  onEvent: (record) => write('event', record),
  onLoss: (loss) => write('loss', loss),
  onUnnamedLoss: () => undefined,
  onSourceLoss: () => undefined,
  onEnded: () => undefined,
  onHealth: () => undefined,
  onQuestion: () => undefined,
};

const timing = leaseMs === undefined ? {} : { leaseMs };
const broker = new RedisBroker({ url, limits: SUITE_LIMITS, events: eventTable(), nodeId: name, ...timing });
await broker.start(listener);
await broker.attach('main');
write('start', broker.snapshot('main').head);

const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());
while (!ending.signal.aborted) {
  try {
    const source = { name, principal: 'user:ana' };
    write('acknowledged', await broker.publish({ stream: 'main', event: 'session_event', source, payload: {} }));
  } catch {
    // An error is ignored: the publish was rejected, because Redis is unavailable or this node has not joined again.
  }
  await delay(5);
}
for (let synced = false; !synced;) {
  synced = await broker.sync('main').then(
    () => true,
    () => false,
  );
  if (!synced) await delay(50);
}
write('end', broker.snapshot('main').head);
await broker.close();
