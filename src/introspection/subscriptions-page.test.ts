import { expect, test } from 'vitest';
import { Rig } from '../delivery/testing/fan-out-rig.ts';
import type { Outlet } from '../session/session.ts';
import type { SliceOptions } from '../session/slices.ts';
import { TurnBudget } from '../session/turn-budget.ts';
import { orderKey, subscriptionsPage } from './subscriptions-page.ts';
import type { SubscriptionsPageOptions } from './subscriptions-page.ts';

/** A node whose connections have nothing to send, with this many subscriptions on each. */
function nodeWith(connections: number, each: number, slices: Partial<SliceOptions> = {}): SubscriptionsPageOptions {
  const rig = new Rig();
  for (let connection = 0; connection < connections; connection += 1) {
    const peer = rig.connect();
    const idle: Partial<Outlet> = { unwritten: () => new Map(), queuedBytes: 0, oldestQueuedMs: 0, slow: false };
    peer.session.bind(idle as Outlet);
    for (let at = 0; at < each; at += 1) rig.subscribe(peer, `s${at}`, ['file_change'], { paths: [`${at % 7}/**`] });
  }
  return {
    nodeId: 'node',
    broker: { headOf: () => undefined },
    fanout: rig.fanout,
    slices: { turn: new TurnBudget(1), client: 'operator', onSlice: () => undefined, ...slices },
  };
}

test.each([1, 7, 1000])(
  'pages of %i contain every subscription once and in order, and the totals of all',
  async (limit) => {
    const node = nodeWith(20, 25);
    const keys = [...node.fanout.subscriptions()]
      .map(({ id, session }) => orderKey({ connectionId: session.connectionId, subscriptionId: id }))
      .toSorted();
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const { items, total, aggregates, nextCursor } = await subscriptionsPage({ limit, cursor }, node);
      expect(items.length).toBeLessThanOrEqual(limit);
      expect([total, aggregates.events, aggregates.directories['0/**']]).toEqual([500, { file_change: 500 }, 80]);
      seen.push(...items.map(orderKey));
      cursor = nextCursor;
    }
    expect(seen).toEqual(keys);
  },
);

test('a page of a node with many subscriptions takes many turns of the event loop, and its time is counted', async () => {
  let slices = 0;
  let countedMs = 0;
  const node = nodeWith(200, 100, {
    onSlice: (ms) => {
      slices += 1;
      countedMs += ms;
    },
  });
  let turns = 0;
  const count = (): void => {
    turns += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const { total } = await subscriptionsPage({ limit: 10 }, node);
  clearImmediate(next);
  expect(total).toBe(20_000);
  expect(turns).toBeGreaterThan(5);
  expect(slices).toBeGreaterThan(5);
  expect(countedMs).toBeGreaterThan(0);
});
