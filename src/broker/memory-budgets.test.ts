import { describe, expect, test } from 'vitest';
import { eventTable } from '../catalogue/event-table.ts';
import { SUITE_LIMITS } from './testing/suite-limits.ts';
import type { BrokerLimits } from './broker.ts';
import { MemoryBroker } from './memory.ts';

const MIB = 1024 * 1024;

function brokerWith(limits: Partial<BrokerLimits>): MemoryBroker {
  return new MemoryBroker({ limits: { ...SUITE_LIMITS, ...limits }, events: eventTable() });
}

function publish(
  broker: MemoryBroker,
  principal: string,
  stream: string,
  more: { readonly event?: string; readonly payload?: Record<string, unknown>; readonly idempotencyKey?: string } = {},
): ReturnType<MemoryBroker['publish']> {
  return broker.publish({ event: 'note', payload: {}, ...more, stream, source: { name: 'test', principal } });
}

async function floorOf(broker: MemoryBroker, stream: string): Promise<number> {
  await broker.attach(stream);
  const { floor } = broker.snapshot(stream);
  broker.detach(stream);
  return floor;
}

describe('the budget for history', () => {
  const big = { payload: { text: 'x'.repeat(60_000) } };

  test('drops events of the heaviest user only, however many streams the events are spread over', async () => {
    const broker = brokerWith({ historyBudgetBytes: 8 * MIB });
    await publish(broker, 'ana', 'main', big);
    await publish(broker, 'ana', 'session:ana', big);
    for (let n = 0; n < 300; n += 1) await publish(broker, 'greedy', `session:g${n % 12}`, big);
    const { historyBudgetBytes: budget } = broker.budgets();
    expect(budget?.used).toBeLessThanOrEqual(8 * MIB);
    expect(budget?.usedBy('greedy')).toBeGreaterThan(6 * MIB);
    expect(budget?.dropped).toBeGreaterThan(150);
    expect([await floorOf(broker, 'main'), await floorOf(broker, 'session:ana')]).toEqual([1, 1]);
  });

  test('drops older events of others only on the streams of the heaviest user, because history has no holes', async () => {
    const broker = brokerWith({ historyBudgetBytes: 4 * MIB });
    for (let n = 0; n < 3; n += 1) {
      await publish(broker, 'ana', 'main', big);
      await publish(broker, 'ana', 'session:ana', big);
    }
    for (let n = 0; n < 60; n += 1) await publish(broker, 'greedy', 'main', big);
    expect(await floorOf(broker, 'main')).toBeGreaterThan(4);
    expect(await floorOf(broker, 'session:ana')).toBe(1);
  });

  test('leaves the heaviest user about as much as each other user', async () => {
    const broker = brokerWith({ historyBudgetBytes: 16 * MIB });
    for (let n = 0; n < 24; n += 1) await publish(broker, 'ana', 'main', big);
    for (let n = 0; n < 300; n += 1) await publish(broker, `user ${n % 10}`, `session:u${n % 10}`, big);
    const { historyBudgetBytes: budget } = broker.budgets();
    const uses = ['ana', 'user 0', 'user 9'].map((name) => budget?.usedBy(name) ?? 0);
    expect(Math.min(...uses)).toBeGreaterThan(MIB);
    expect(Math.max(...uses)).toBeLessThan(1.75 * MIB);
  });

  test('drops events of session streams first', async () => {
    const broker = brokerWith({ historyBudgetBytes: 4 * MIB });
    for (let n = 0; n < 10; n += 1) await publish(broker, 'ana', 'main', big);
    for (let n = 0; n < 60; n += 1) await publish(broker, 'ana', 'session:one', big);
    expect(await floorOf(broker, 'main')).toBe(1);
    expect(await floorOf(broker, 'session:one')).toBeGreaterThan(30);
  });

  test('also counts the newest events per key', async () => {
    const broker = brokerWith({ historyBudgetBytes: 4 * MIB, historyEvents: 10, retainedBytes: 1024 * MIB });
    const name = 'n'.repeat(60_000);
    for (let n = 0; n < 200; n += 1)
      await publish(broker, 'ana', 'main', {
        event: 'entity_created',
        payload: { id: `${n}`, entityType: 'function', name },
      });
    expect(broker.budgets()['historyBudgetBytes']?.used).toBeLessThanOrEqual(4 * MIB);
    await broker.attach('main');
    expect(broker.snapshot('main').keysEvicted).toBe(true);
  });

  test('no longer counts the events of dropped streams', async () => {
    const broker = brokerWith({ streamsPerNode: 16 });
    for (let n = 0; n < 100; n += 1) await publish(broker, 'ana', `session:s${n}`, big);
    const { historyBudgetBytes, streamsPerNode } = broker.budgets();
    expect(streamsPerNode?.used).toBe(16);
    expect(historyBudgetBytes?.used).toBeLessThan(16 * 130_000);
  });

  test('counts the memory of a decoded payload, which can be far larger than its text', async () => {
    const broker = brokerWith({});
    await publish(broker, 'ana', 'main', { payload: { all: Array.from({ length: 1000 }, () => []) } });
    expect(broker.budgets()['historyBudgetBytes']?.used).toBeGreaterThan(50_000);
  });
});

describe('the number of streams', () => {
  test('is limited by dropping session streams of the principal with the most; main, workspaces and the streams of others are kept', async () => {
    const broker = brokerWith({ streamsPerNode: 100 });
    const kept = ['main', 'workspace:w', 'session:ana'];
    const first = await Promise.all(kept.map((stream) => publish(broker, 'ana', stream)));
    for (let n = 0; n < 1000; n += 1) await publish(broker, 'greedy', `session:g${n}`);
    const second = await Promise.all(kept.map((stream) => publish(broker, 'ana', stream)));
    expect(second.map((each) => [each.epoch, each.sequenceId])).toEqual(first.map((each) => [each.epoch, 2]));
    expect(broker.budgets()['streamsPerNode']).toMatchObject({ used: 100, dropped: 903 });
  });

  test('keeps the source losses of a stream for whose first event there is no room', async () => {
    const broker = brokerWith({ streamsPerNode: 1 });
    await publish(broker, 'ana', 'main');
    await broker.announce({ stream: 'workspace:a', paths: ['src'] });
    await expect(publish(broker, 'ana', 'workspace:a')).rejects.toMatchObject({ code: 'limit_exceeded' });
    await broker.attach('workspace:a');
    expect(broker.snapshot('workspace:a').losses).toMatchObject([{ sequenceId: 0, paths: ['src'] }]);
  });

  test('a detach counts as a use, so a stream that has just lost its last subscriber is not dropped first', async () => {
    const broker = brokerWith({ streamsPerNode: 16 });
    const first = await publish(broker, 'ana', 'session:s0');
    await broker.attach('session:s0');
    for (let n = 1; n < 16; n += 1) await publish(broker, 'ana', `session:s${n}`);
    broker.detach('session:s0');
    await publish(broker, 'ana', 'session:new');
    expect(await publish(broker, 'ana', 'session:s0')).toMatchObject({ epoch: first.epoch, sequenceId: 2 });
    expect(broker.streams().map(({ stream }) => stream)).not.toContain('session:s1');
  });
});

describe('the number of idempotency keys', () => {
  test('is limited by forgetting keys of the principal with the most; others can still repeat a publish safely', async () => {
    const broker = brokerWith({ idempotencyKeys: 100 });
    const mine = await publish(broker, 'ana', 'main', { idempotencyKey: 'mine' });
    for (let n = 0; n < 1000; n += 1) await publish(broker, 'greedy', 'main', { idempotencyKey: `k${n}` });
    const again = await publish(broker, 'ana', 'main', { idempotencyKey: 'mine' });
    expect(again).toEqual({ ...mine, duplicate: true });
    expect(broker.budgets()['idempotencyKeys']).toMatchObject({ used: 100, dropped: 901 });
  });
});
