/**
 * Measures the memory and the processing time that an event costs in Redis. Starts its own redis-server. The figures in
 * docs/guides/operate.md are results of this program.
 *
 *     node bench/redis-sizing.ts
 */
import { LIMITS } from '../generated/protocol.ts';
import type { EventDraft } from '../src/broker/broker.ts';
import { RedisBroker } from '../src/broker/redis/redis-broker.ts';
import { NodeHistory } from '../src/broker/testing/history-checker.ts';
import { RedisProcess } from '../src/broker/testing/redis-process.ts';
import { resolveLimits } from '../src/options.ts';
import { eventTable } from '../src/catalogue/event-table.ts';

const SOURCE = { name: 'files', principal: 'service:gateway' } as const;
const EVENTS = LIMITS.historyEvents.default;

const KINDS: Readonly<Record<string, (n: number) => Pick<EventDraft, 'event' | 'payload'>>> = {
  file_change: (n) => ({
    event: 'file_change',
    payload: {
      path: `packages/shop/src/checkout/line-item-${n}.ts`,
      root: 'shop',
      changeType: 'modify',
      size: 4_096 + n,
      mtime: '2026-01-01T00:00:00.000Z',
      fileType: 'file',
    },
  }),
  entity_updated: (n) => ({
    event: 'entity_updated',
    payload: {
      id: `fn:packages/shop/src/checkout/line-item-${n}.ts#total`,
      entityType: 'function',
      name: 'total',
      path: `packages/shop/src/checkout/line-item-${n}.ts`,
      language: 'typescript',
      hash: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
      changedFields: ['hash', 'metadata'],
      metadata: { lines: 12, exported: true },
    },
  }),
  'custom event, 1 KiB': (n) => ({ event: 'build_log', payload: { n, text: 'x'.repeat(1_000) } }),
};

const redis = await RedisProcess.start();
const limits = resolveLimits();
try {
  console.log(`${EVENTS} events of each kind, each with its own key\n`);
  const rows: Record<string, object> = {};
  for (const [name, kind] of Object.entries(KINDS)) rows[name] = await weigh(name, kind);
  console.table(rows);
  console.log('\nPublishes per second from one node, and the cost of each in Redis\n');
  const speeds: Record<string, object> = {};
  for (const concurrency of [1, 10, 100, 1_000]) speeds[`${concurrency} at once`] = await time(concurrency);
  console.table(speeds);
} finally {
  await redis.stop();
}

async function weigh(name: string, kind: (n: number) => Pick<EventDraft, 'event' | 'payload'>): Promise<object> {
  const prefix = `w${name.length}`;
  const broker = await open(prefix);
  const drafts = Array.from({ length: EVENTS }, (_, n) => ({ stream: 'main', source: SOURCE, ...kind(n) }));
  const payloadBytes = drafts.reduce((sum, { payload }) => sum + Buffer.byteLength(JSON.stringify(payload)), 0);
  for (let at = 0; at < EVENTS; at += 500) {
    await Promise.all(drafts.slice(at, at + 500).map((draft) => broker.publish(draft)));
  }
  const usage = async (part: string): Promise<number> => {
    const reply = await redis.command('MEMORY', 'USAGE', `${prefix}:{main}:${part}`, 'SAMPLES', '0');
    return reply.startsWith(':') ? Number(reply.slice(1)) : 0;
  };
  const [log, latest, order] = [await usage('log'), await usage('latest'), await usage('order')];
  await broker.close();
  const each = (bytes: number): number => Math.round(bytes / EVENTS);
  return {
    'payload, B': each(payloadBytes),
    'log, B': each(log),
    'newest per key, B': each(latest + order),
    'stream of 10,000, MiB': Number(((log + latest + order) / 2 ** 20).toFixed(1)),
  };
}

async function time(concurrency: number): Promise<object> {
  const broker = await open(`s${concurrency}`);
  const total = concurrency === 1 ? 3_000 : 30_000;
  const busyBefore = await cpuMs();
  const startedAt = performance.now();
  let next = 0;
  const publisher = async (): Promise<void> => {
    while (next < total)
      await broker.publish({ stream: 'main', source: SOURCE, ...KINDS['file_change']!((next += 1)) });
  };
  await Promise.all(Array.from({ length: concurrency }, publisher));
  const seconds = (performance.now() - startedAt) / 1_000;
  const busy = (await cpuMs()) - busyBefore;
  await broker.close();
  return { 'events/s': Math.round(total / seconds), 'Redis CPU per event, µs': Math.round((busy * 1_000) / total) };
}

async function cpuMs(): Promise<number> {
  const info = await redis.command('INFO', 'cpu');
  const seconds = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1_000;
}

async function open(prefix: string): Promise<RedisBroker> {
  const broker = new RedisBroker({ url: `${redis.url}?prefix=${prefix}`, limits, events: eventTable() });
  await broker.start(new NodeHistory('bench'));
  return broker;
}
