/** A client may request many large replies. The gateway does not disconnect the client if it reads them (SUB-6, BCK-2). */
import { describe, expect, test, vi } from 'vitest';
import { PATIENCE, connect, serve } from '../testing/rig.ts';
import type { RawClient } from '../testing/raw-client.ts';

const SUBSCRIPTIONS = 90;
/** Number of requested lists. Their replies do not fit into the buffers of both sockets. */
const LISTINGS = 80;
const LIMITS = { commandBurst: 1000, commandsPerSecond: 1000, commandCostMs: 10_000 };

/** Creates so many subscriptions that their list takes about 400 KB. */
async function subscribeWidely(client: RawClient): Promise<void> {
  const events = Array.from({ length: 32 }, (_, n) => `${'e'.repeat(120)}${n}`);
  for (let n = 0; n < SUBSCRIPTIONS; n += 1) await client.call('subscribe', { events, replay: { mode: 'none' } });
}

const list = (n: number): string => JSON.stringify({ type: 'list_subscriptions', id: `l${n}`, data: {} });

describe('a client that requests its list of subscriptions many times at once', () => {
  test.each([1_048_576, 16_384])('receives every reply with a send queue of %d bytes', async (sendQueueBytes) => {
    const { url, gateway } = await serve({ limits: { ...LIMITS, sendQueueBytes } });
    const client = await connect(url);
    await subscribeWidely(client);
    // The client does not read for a moment, like a client that is busy with earlier messages.
    client.ws.pause();
    for (let n = 0; n < LISTINGS; n += 1) client.sendText(list(n));
    await vi.waitUntil(() => gateway.health().backpressure.queuedBytes > 0, PATIENCE);
    client.ws.resume();
    await client.until(() => client.frames.filter(({ type }) => type === 'subscriptions').length === LISTINGS);
    const answers = client.frames.filter(({ type }) => type === 'subscriptions');
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: LISTINGS }, (_, n) => `l${n}`));
    for (const { data } of answers) expect(data['items']).toHaveLength(SUBSCRIPTIONS);
    expect(gateway.health().backpressure.closedSlow).toBe(0);
  });

  test('is still closed as slow if it reads nothing, and uses little memory until then', async () => {
    const { url, gateway } = await serve({ limits: { ...LIMITS, sendQueueAgeMs: 500, heartbeatIntervalMs: 250 } });
    const client = await connect(url);
    await subscribeWidely(client);
    client.ws.pause();
    for (let n = 0; n < 400; n += 1) client.sendText(list(n));
    let most = 0;
    await vi.waitFor(() => {
      most = Math.max(most, gateway.health().backpressure.queuedBytes);
      expect(gateway.health().backpressure.closedSlow).toBe(1);
    }, PATIENCE);
    // Only one reply is in the buffer of the socket; the other replies are not created yet.
    expect(most).toBeLessThan(2_000_000);
  });
});
