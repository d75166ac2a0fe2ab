import { describe, expect, test, vi } from 'vitest';
import { ANONYMOUS } from '../auth/principal.ts';
import { openAuthenticator } from '../auth/authenticator.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';

/** The token is the name of the principal. */
const authenticator: Authenticator = {
  ...openAuthenticator(),
  required: true,
  authenticate: ({ value }) => Promise.resolve({ ...ANONYMOUS, id: `user:${value}` }),
};

const LIMITS = { sendQueueBudgetBytes: 4_194_304, sendQueueBytes: 2 ** 30, sendQueueMessages: 1_000_000 };
const TEXT = 'x'.repeat(30_000);

async function stalled(url: string, principal: string, events: readonly string[]): Promise<RawClient> {
  const client = await connect(url, { headers: { authorization: `Bearer ${principal}` } });
  await client.call('subscribe', { events, replay: { mode: 'none' } });
  client.ws.pause();
  return client;
}

describe('the send queues of a node together', () => {
  test('are bounded: the longest queue of the principal with the most bytes is dropped first, and no other client loses anything', async () => {
    const { gateway, url } = await serve({ authenticator, limits: LIMITS });
    const reader = await connect(url, { headers: { authorization: 'Bearer reader' } });
    await reader.call('subscribe', { events: ['*'], replay: { mode: 'none' } });
    const light = await stalled(url, 'light', ['small']);
    const heavy = await stalled(url, 'heavy', ['big', 'small']);
    const heaviest = await stalled(url, 'heavy', ['*']);
    await gateway.publish('small', { text: TEXT });
    const budget = () => gateway.health().budgets?.sendQueueBudgetBytes;
    let published = 1;
    // Several megabytes go into the buffers of the operating system before the gateway must queue anything.
    for (; published < 2_000 && budget()?.dropped === 0; published += 1) {
      await gateway.publish(published % 3 === 0 ? 'other' : 'big', { text: TEXT });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(budget()).toMatchObject({ maximum: LIMITS.sendQueueBudgetBytes, dropped: 1 });
    expect(budget()?.used).toBeLessThanOrEqual(LIMITS.sendQueueBudgetBytes);
    heaviest.ws.resume();
    expect(await heaviest.closed).toMatchObject({ code: 4201 });
    await reader.until(() => reader.events().length === published);
    for (const client of [light, heavy]) {
      client.ws.resume();
      expect((await client.call('ping')).type).toBe('pong');
    }
    await vi.waitFor(() => expect(budget()?.used).toBe(0), PATIENCE);
  });

  test('may exceed their bound within one turn if the sockets then accept the bytes', async () => {
    const { gateway, url } = await serve({ limits: { ...LIMITS, sendQueueBudgetBytes: 1_048_576 } });
    const readers = await Promise.all(Array.from({ length: 20 }, () => connect(url)));
    for (const each of readers) await each.call('subscribe', { events: ['*'], replay: { mode: 'none' } });
    await Promise.all(Array.from({ length: 4 }, () => gateway.publish('tick', { text: TEXT })));
    for (const each of readers) await each.until(() => each.events().length === 4);
    expect(gateway.health().budgets?.sendQueueBudgetBytes).toMatchObject({ used: 0, dropped: 0 });
  });
});
