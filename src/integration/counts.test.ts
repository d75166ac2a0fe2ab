/**
 * Compares each metric, and each field of the health report and of the list of subscriptions, with a model. The model is computed only from
 * what clients sent and received (OPS-1, OPS-2, OPS-4). The work of the clients is random and uses real sockets. A metric that the model
 * does not know fails the test.
 */
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../generated/protocol.ts';
import { Counters } from '../introspection/counters.ts';
import { EVERYTHING, Run, anyWork, runOf } from '../testing/client-work.ts';
import {
  differences,
  expectedHealth,
  expectedMetrics,
  expectedRows,
  metricsIn,
  seenHealth,
  seenMetrics,
  seenRows,
} from '../testing/count-model.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';

describe('every count', () => {
  test('matches what clients sent and received, for any sequence of operations', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyWork, { minLength: 10, maxLength: 40 }), async (work) => {
        const run = await runOf(work);
        expect(differences(await seenMetrics(run.served), expectedMetrics(run))).toEqual([]);
        expect(seenHealth(run.served.gateway)).toEqual(expectedHealth(run));
        expect(await seenRows(run.served)).toEqual(expectedRows(run));
        await run.served.gateway.close({ drainMs: 0 });
      }),
      { numRuns: 12 },
    );
  });

  test('the count of each stream is the number of events that were published on it', async () => {
    const run = await runOf(EVERYTHING);
    const streams = run.served.gateway.health().streams.map(({ stream, position, historyEvents }) => ({
      [stream]: [position.sequenceId, historyEvents],
    }));
    expect(Object.assign({}, ...streams)).toEqual(
      Object.fromEntries([...run.published].map(([stream, count]) => [stream, [count, count]])),
    );
  });

  const METHODS = Object.getOwnPropertyNames(Counters.prototype).filter((name) => name.startsWith('count'));
  /** Counted only when a client stops reading; a test below covers this count. */
  const ELSEWHERE = ['countClosedSlow'];

  test.each(METHODS.filter((name) => !ELSEWHERE.includes(name)))(
    'is really compared: the comparison fails if %s counts nothing',
    async (name) => {
      const broken = vi.spyOn(Counters.prototype, name as 'countAccepted').mockImplementation(() => undefined);
      try {
        const run = await runOf(EVERYTHING);
        const wrong = differences(await seenMetrics(run.served), expectedMetrics(run));
        const health = JSON.stringify(seenHealth(run.served.gateway)) === JSON.stringify(expectedHealth(run));
        expect([wrong.length > 0, health]).not.toEqual([false, true]);
      } finally {
        broken.mockRestore();
      }
    },
  );

  test('is really compared: the comparison fails if any metric is rendered wrongly', async () => {
    const run = await runOf(EVERYTHING);
    const text = await (await fetch(`${run.served.httpUrl}/metrics`)).text();
    const expected = expectedMetrics(run);
    const names = Object.keys(metricsIn(text));
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const seen = { ...metricsIn(text), [name]: (metricsIn(text)[name] ?? 0) + 1 };
      expect(differences(seen, expected)).toEqual([name]);
    }
  });

  test('the metric of each limit shows its configured value', async () => {
    const { httpUrl } = await serve({ limits: { payloadBytes: 4096 } });
    const text = await (await fetch(`${httpUrl}/metrics`)).text();
    for (const [name, { default: standard }] of Object.entries(LIMITS))
      expect(text).toContain(`tidemark_limit{name="${name}"} ${name === 'payloadBytes' ? 4096 : standard}\n`);
  });
});

describe('the use of a budget', () => {
  test('is equal in the metrics and in health, and grows with the stored events', async () => {
    const { gateway, httpUrl } = await serve();
    const before = gateway.health().budgets?.historyBudgetBytes?.used ?? 0;
    for (let n = 0; n < 50; n += 1) await gateway.publish('tick', { n, text: 'x'.repeat(1000) });
    const text = await (await fetch(`${httpUrl}/metrics`)).text();
    const { budgets = {} } = gateway.health();
    expect(Object.keys(budgets).length).toBeGreaterThan(2);
    for (const [name, { used }] of Object.entries(budgets))
      expect(text).toContain(`tidemark_budget_used{name="${name}"} ${used}\n`);
    expect((gateway.health().budgets?.historyBudgetBytes?.used ?? 0) - before).toBeGreaterThan(50_000);
  });
});

describe('a close', () => {
  test('of a slow client counts as 4201, even if the client never reads the close frame', async () => {
    const served = await serve({ limits: { sendQueueBytes: 65_536 } });
    const run = new Run(served);
    await run.connect();
    const [member] = run.members;
    await member?.client.call('subscribe', { events: ['tick'], replay: { mode: 'none' } });
    member?.client.ws.pause();
    const text = 'x'.repeat(30_000);
    for (let n = 0; n < 2000 && served.gateway.health().backpressure.closedSlow === 0; n += 1) {
      await served.gateway.publish('tick', { text });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(served.gateway.health().connections).toBe(0), PATIENCE);
    const seen = await seenMetrics(served);
    expect(seen).toMatchObject({ 'tidemark_closed_total{code="4201"}': 1, tidemark_closed_slow_total: 1 });
    const closed = Object.entries(seen).filter(
      ([name, count]) => name.startsWith('tidemark_closed_total') && count > 0,
    );
    expect(closed).toHaveLength(1);
  });

  test.each([
    [1007, Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff])],
    [1002, Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    [1009, Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])],
  ])('is counted under code %d after a frame that breaks RFC 6455', async (code, bytes) => {
    const served = await serve();
    const client = await connect(served.url);
    const { _socket: socket } = client.ws as unknown as { _socket: { write: (bytes: Buffer) => void } };
    socket.write(bytes);
    await client.closed;
    await vi.waitFor(
      async () => expect(await seenMetrics(served)).toMatchObject({ [`tidemark_closed_total{code="${code}"}`]: 1 }),
      PATIENCE,
    );
  });
});
