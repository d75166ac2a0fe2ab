/**
 * A gateway in its own process, for bench/sessions.ts and bench/session-events.ts. It has three kinds of requests: publish one event on
 * each of some sessions, publish events on a session that is not measured, and report the processing time so far.
 *
 *     node bench/sessions/gateway.ts TTL_MS [REDIS_URL]
 */
import { redisBroker } from '../../src/broker/redis/redis-broker.ts';
import { createGateway } from '../../src/gateway.ts';

export type Request =
  | { readonly kind: 'publish'; readonly from: number; readonly count: number }
  /** Publishes this number of events on a session that is not part of the measurement. */
  | { readonly kind: 'warm up'; readonly events: number }
  | { readonly kind: 'time' };
/** The address of the gateway after its start, or the processing time so far in microseconds as the reply to a request. */
export type Reply = { readonly url: string } | { readonly cpuUs: number };

/** Maximum number of publishes in flight. */
const UNDER_WAY = 64;

/** Long time limits, because an answer of Redis can take seconds on a busy machine. */
const PATIENT = { commandTimeoutMs: 30_000, deadAfterMs: 60_000, leaseMs: 120_000 };

const [ttlMs, redis] = process.argv.slice(2);
const gateway = createGateway({
  ...(redis === undefined ? {} : { broker: redisBroker({ url: redis, ...PATIENT }) }),
  limits: { sessionTtlMs: Number(ttlMs), streamsPerNode: 40_000, sendQueueBytes: 64 * 1024 * 1024 },
});

async function publish(count: number, streamOf: (at: number) => string): Promise<void> {
  let next = 0;
  const publisher = async (): Promise<void> => {
    for (let at = next; at < count; at = next) {
      next += 1;
      await gateway.publish('bench.step', { at }, { stream: streamOf(at) });
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, publisher));
}

function answer(reply: Reply): void {
  process.send?.(reply);
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

process.on('message', (request: Request) => {
  if (request.kind === 'time') return answer({ cpuUs: cpuUs() });
  const published =
    request.kind === 'publish'
      ? publish(request.count, (at) => `session:${request.from + at}`)
      : publish(request.events, () => 'session:warm-up');
  published.then(
    () => answer({ cpuUs: cpuUs() }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
const { port } = await gateway.listen({ port: 0 });
answer({ url: `ws://127.0.0.1:${port}/ws` });
