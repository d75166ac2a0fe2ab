/**
 * The metrics and the health report of a node that is at its limits, compared with what clients and publishers know (OPS-1, OPS-4, OPS-6).
 */
import { describe, expect, test, vi } from 'vitest';
import { seenMetrics } from '../testing/count-model.ts';
import type { Metrics } from '../testing/count-model.ts';
import type { Frame, RawClient } from '../testing/raw-client.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

async function idOf(client: RawClient): Promise<string> {
  return String((await client.find(({ type }) => type === 'welcome')).data['connectionId']);
}

async function disconnect({ httpUrl }: Served, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  await fetch(`${httpUrl}/ws/disconnect`, { method: 'POST', headers, body: JSON.stringify(body) });
}

const errorsOf = (client: RawClient, code: string): readonly Frame[] =>
  client.frames.filter(({ type, data }) => type === 'error' && data['code'] === code);

/** Waits until the metrics have the expected values, because a gateway notices the end of a connection later than the client. */
async function untilMetrics(served: Served, expected: Metrics): Promise<void> {
  await vi.waitFor(async () => expect(await seenMetrics(served)).toMatchObject(expected), {
    ...PATIENCE,
    interval: 100,
  });
}

describe('at its limits', () => {
  test('a node counts each close by the code that its client received', async () => {
    const served = await serve();
    const codes = [4205, 4205, 4009, 1000, 1003];
    for (const code of codes) {
      const client = await connect(served.url);
      if (code === 1000) client.ws.close(1000);
      else if (code === 1003) client.ws.send(Buffer.from('x'), { binary: true });
      else await disconnect(served, { connectionId: await idOf(client), reconnect: code === 4205 });
      expect((await client.closed).code).toBe(code);
    }
    await untilMetrics(served, {
      'tidemark_closed_total{code="4205"}': 2,
      'tidemark_closed_total{code="4009"}': 1,
      'tidemark_closed_total{code="1000"}': 1,
      'tidemark_closed_total{code="1003"}': 1,
      tidemark_connections: 0,
    });
  });

  test('counts as many refused commands as a client that sends too fast was refused', async () => {
    const served = await serve({ limits: { commandBurst: 5, commandsPerSecond: 1 } });
    const client = await connect(served.url);
    for (let n = 0; n < 9; n += 1) client.sendText(JSON.stringify({ type: 'ping', id: `p${n}`, data: {} }));
    await client.until(() => client.frames.filter(({ id }) => id !== undefined).length === 9);
    const refused = errorsOf(client, 'rate_limited').length;
    expect(refused).toBeGreaterThan(0);
    await untilMetrics(served, { 'tidemark_errors_total{code="rate_limited"}': refused });
  });

  test('a budget counts as dropped the events that were published and are no longer in history', async () => {
    const served = await serve({ limits: { historyBudgetBytes: 1_048_576 } });
    const { gateway } = served;
    let published = 0;
    const dropped = (): number => gateway.health().budgets?.historyBudgetBytes?.dropped ?? 0;
    for (; published < 500 && dropped() < 10; published += 1)
      await gateway.publish('tick', { text: 'x'.repeat(20_000) });
    const kept = gateway.health().streams.reduce((sum, { historyEvents }) => sum + historyEvents, 0);
    expect(dropped()).toBe(published - kept);
    await untilMetrics(served, { 'tidemark_budget_dropped_total{name="historyBudgetBytes"}': published - kept });
  });

  test('messages for a client that does not read are counted in the queues until it reads', async () => {
    const served = await serve({ limits: { sendQueueBytes: 16_777_216, sendQueueAgeMs: 600_000 } });
    const { gateway } = served;
    const client = await connect(served.url);
    await client.call('subscribe', { events: ['big'], replay: { mode: 'none' } });
    client.ws.pause();
    let sent = 0;
    // Several megabytes go into the buffers of the operating system before the gateway must queue anything.
    for (; gateway.health().backpressure.slow === 0; sent += 1) {
      await gateway.publish('big', { text: 'x'.repeat(60_000) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { queuedBytes } = gateway.health().backpressure;
    // More than the soft limit, but not more than all published events with their frames.
    expect(queuedBytes).toBeGreaterThan(8_388_608);
    expect(queuedBytes).toBeLessThan(sent * 62_000);
    await untilMetrics(served, { tidemark_slow_connections: 1, tidemark_connections: 1 });
    const metrics = await seenMetrics(served);
    const after = gateway.health().backpressure.queuedBytes;
    expect(metrics).toMatchObject({ tidemark_queued_bytes: after, tidemark_longest_queue_bytes: after });
    expect(metrics['tidemark_oldest_queued_seconds']).toBeGreaterThan(0);
    client.ws.resume();
    await client.until(() => client.events().length === sent);
    await untilMetrics(served, {
      tidemark_queued_bytes: 0,
      tidemark_oldest_queued_seconds: 0,
      tidemark_slow_connections: 0,
    });
  });

  test('a node that is shutting down shows this in every report, and still counts', async () => {
    const served = await serve();
    const { gateway, httpUrl } = served;
    await untilMetrics(served, { tidemark_draining: 0 });
    gateway.announceClose();
    await connect(served.url);
    await untilMetrics(served, {
      tidemark_draining: 1,
      tidemark_connections: 1,
      tidemark_broker_connected: 1,
      tidemark_broker_lag_seconds: 0,
    });
    expect(gateway.health().status).toBe('draining');
    expect((await fetch(`${httpUrl}/readyz`)).status).toBe(503);
    const { nodes } = (await (await fetch(`${httpUrl}/ws/nodes`)).json()) as {
      readonly nodes: readonly { status: string }[];
    };
    expect(nodes.map(({ status }) => status)).toEqual(['draining']);
  });
});
