/** Compares the reports for operators (OPS-2, OPS-9) with a model after a thousand random operations, on two nodes with a real Redis. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Authenticator } from '../auth/authenticator.ts';
import { NOBODY } from '../auth/principal.ts';
import { parseScope } from '../auth/scope.ts';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { ProtocolError } from '../errors.ts';
import { ClusterModel, TOKENS, figuresIn, listedRows, reportedNodes } from '../testing/cluster-model.ts';
import type { ModelRow } from '../testing/cluster-model.ts';
import { GatewayProcess } from '../testing/gateway-process.ts';
import { PATIENCE, connect, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const OPERATIONS = 1000;
const SEED = 20_260_302;
/** Number of operations between two comparisons. */
const PART = 250;

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

/** Each token stands for a principal. The verification of tokens is tested elsewhere. */
const authenticator: Authenticator = {
  required: true,
  anonymous: NOBODY,
  authenticate: ({ value }) => {
    const scopes = TOKENS[value];
    if (scopes === undefined) return Promise.reject(new ProtocolError('unauthenticated', 'Unknown credential.'));
    return Promise.resolve({ kind: 'user', id: `user:${value}`, scopes: scopes.map(parseScope) });
  },
  onRevoked: () => undefined,
  close: () => Promise.resolve(),
};

const nodeOn = (nodeId: string): Promise<Served> =>
  serve({
    nodeId,
    authenticator,
    broker: redisBroker({ url: redis.url }),
    limits: {
      commandsPerSecond: 100_000,
      commandBurst: 100_000,
      // Longer than the test, so that no ping is sent: a client that does not read could not answer it.
      heartbeatIntervalMs: 600_000,
      sendQueueAgeMs: 600_000,
      sendQueueBytes: 67_108_864,
      sendQueueMessages: 100_000,
    },
  });

const tally = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));

function aggregatesOf(rows: readonly ModelRow[]): object {
  return {
    directories: tally(rows.flatMap(({ filter }) => filter.paths ?? [])),
    extensions: tally(rows.flatMap(({ filter }) => filter.extensions ?? [])),
    events: tally(rows.flatMap(({ events }) => events)),
  };
}

async function compare(model: ClusterModel, nodes: readonly Served[]): Promise<void> {
  const expected = model.rows();
  for (const node of nodes) {
    await vi.waitFor(async () => expect((await listedRows(node)).rows).toEqual(expected), {
      ...PATIENCE,
      interval: 100,
    });
    const { page } = await listedRows(node);
    expect(page).toMatchObject({ total: expected.length, partial: false, aggregates: aggregatesOf(expected) });
    await vi.waitFor(async () => expect(figuresIn(await reportedNodes(node))).toEqual(model.figures()), {
      ...PATIENCE,
      interval: 100,
    });
  }
  const [first] = nodes;
  const [row] = expected.toReversed();
  if (first === undefined || row === undefined) throw new Error('nothing to select');
  const selections: readonly (readonly [string, (each: ModelRow) => boolean])[] = [
    [`&principal=${row.principal}`, ({ principal }) => principal === row.principal],
    [`&connection=${row.connectionId}`, ({ connectionId }) => connectionId === row.connectionId],
    [`&stream=${row.stream}`, ({ stream }) => stream === row.stream],
    ['&event=tick', ({ events }) => events.includes('tick')],
  ];
  for (const [query, selects] of selections)
    expect((await listedRows(first, query)).rows).toEqual(expected.filter(selects));
}

test(`every report equals the model after each of ${OPERATIONS / PART} parts of ${OPERATIONS} random operations`, async () => {
  const nodes = [await nodeOn('a'), await nodeOn('b')];
  const model = new ClusterModel(nodes, SEED);
  await model.begin();
  for (let done = 0; done < OPERATIONS; done += 1) {
    await model.step();
    if ((done + 1) % PART === 0) await compare(model, nodes);
  }
  expect(model.stalled.length).toBeGreaterThan(3);

  // The bytes of messages that stalled clients do not read must be in the queues of these clients, and in no other queue.
  const [a, b] = nodes;
  if (a === undefined || b === undefined) throw new Error('no nodes');
  const subscribed = model.stalled.filter(({ subscriptions }) =>
    [...subscriptions.values()].some(
      ({ stream, events }) => stream === 'main' && (events.includes('*') || events.includes('tick')),
    ),
  );
  const slowOf = async (node: Served): Promise<readonly string[]> => {
    const { httpUrl } = node;
    const page = await fetch(`${httpUrl}/ws/subscriptions?limit=1000`, { headers: { authorization: 'Bearer root' } });
    const { items } = (await page.json()) as { items: { connectionId: string; queuedBytes: number; lag: number }[] };
    return [
      ...new Set(items.filter(({ queuedBytes }) => queuedBytes > 0).map(({ connectionId }) => connectionId)),
    ].toSorted();
  };
  const wanted = subscribed.map(({ connectionId }) => connectionId).toSorted();
  const text = 'x'.repeat(60_000);
  await vi.waitFor(async () => {
    for (let n = 0; n < 20; n += 1) await a.gateway.publish('tick', { n, text });
    expect(await slowOf(b)).toEqual(wanted);
  }, PATIENCE);
  expect(wanted.length).toBeGreaterThan(0);

  const frozen = await GatewayProcess.start({ redisUrl: redis.url, nodeId: 'frozen node' });
  onCleanup(() => frozen.kill());
  const stranger = await connect(frozen.url);
  await stranger.call('subscribe', { events: ['tick'], replay: { mode: 'none' } });
  await vi.waitFor(async () => expect((await reportedNodes(a)).nodes).toHaveLength(3), PATIENCE);
  const total = model.rows().length + 1;
  await vi.waitFor(async () => expect((await listedRows(a)).page).toMatchObject({ total, partial: false }), PATIENCE);
  frozen.freeze();
  expect((await listedRows(a)).page).toMatchObject({ total: total - 1, partial: true, missingNodes: ['frozen node'] });
  expect(await reportedNodes(b)).toMatchObject({ partial: true, missingNodes: ['frozen node'] });
  frozen.thaw();
  await vi.waitFor(async () => expect(await reportedNodes(b)).toMatchObject({ partial: false }), PATIENCE);
}, 400_000);
