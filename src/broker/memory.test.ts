import { expect, test, vi } from 'vitest';
import { eventTable } from '../catalogue/event-table.ts';
import { resolveLimits } from '../options.ts';
import { brokerSuite } from './broker-suite.ts';
import type { BrokerListener } from './broker.ts';
import { MemoryBroker } from './memory.ts';

const events = eventTable();

brokerSuite({ name: 'memory', create: (limits) => Promise.resolve(new MemoryBroker({ limits, events })) });

test('streams that expire together are dropped in several turns of the event loop', async () => {
  let [nowMs, turn] = [0, 0];
  const [limits, streams] = [resolveLimits({}), 5];
  const broker = new MemoryBroker({ limits, events, now: () => nowMs, sweepIntervalMs: 1 });
  const endedIn: number[] = [];
  const nextTurn = (): void => {
    turn += 1;
    if (endedIn.length < streams) setImmediate(nextTurn);
  };
  const ignore = (): void => undefined;
  const listener: BrokerListener = {
    nodeId: 'n',
    onEvent: ignore,
    onLoss: ignore,
    onUnnamedLoss: ignore,
    onSourceLoss: ignore,
    onHealth: ignore,
    onQuestion: () => undefined,
    onEnded: () => {
      endedIn.push(turn);
      // One turn of the event loop may take longer than this on a busy machine.
      for (const until = performance.now() + 5; performance.now() < until;);
    },
  };
  await broker.start(listener);
  await broker.follow('session:*');
  for (let at = 0; at < streams; at += 1)
    await broker.publish({
      stream: `session:${at}`,
      event: 'tick',
      payload: {},
      source: { name: 't', principal: 'p' },
    });
  nextTurn();
  nowMs = limits.sessionTtlMs;
  await vi.waitFor(() => expect(endedIn).toHaveLength(streams), { timeout: 30_000, interval: 5 });
  await broker.close();
  expect(new Set(endedIn).size).toBe(streams);
});
