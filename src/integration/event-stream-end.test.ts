/** The end of server-sent events (SSE-4). */
import { describe, expect, test, vi } from 'vitest';
import type { SubscriptionsPage } from '../../generated/types.ts';
import { EventStreamReader } from '../testing/event-stream-reader.ts';
import { PATIENCE, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

function addressOf({ httpUrl }: Served, query: string): string {
  return `${httpUrl}/ws/events?${query}`;
}

function open(
  served: Served,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStreamReader> {
  return EventStreamReader.open(addressOf(served, query), { headers });
}

describe('the end of an event stream (SSE-4)', () => {
  test('is announced, with the delay after which the client should reconnect', async () => {
    const served = await serve();
    const reader = await open(served, 'events=*&replay=none');
    await reader.find('subscribed');
    expect((await reader.find('welcome')).retry).toMatch(/^\d{3,4}$/);
    void served.gateway.close();
    const { message, retry, id } = await reader.find('closing');
    expect(message.data).toMatchObject({ code: 4200, name: 'shutdown', retryable: true });
    expect([retry, id]).toEqual([String(message.data['retryAfterMs']), undefined]);
    await reader.until(() => reader.ended);
    expect(reader.types.slice(-2)).toEqual(['heartbeat', 'closing']);
  });

  test('is caused by a client that does not read; a resume from its last position loses nothing (BCK-2)', async () => {
    const limits = { sendQueueBytes: 65_536, sendQueueAgeMs: 600_000 };
    const served = await serve({ limits });
    const reader = await open(served, 'events=fill&replay=none');
    await reader.find('subscribed');
    reader.response.socket.pause();
    reader.response.pause();
    const fill = 'x'.repeat(50_000);
    let published = 0;
    while (served.gateway.health().backpressure.closedSlow === 0) {
      await served.gateway.publish('fill', { fill });
      published += 1;
    }
    reader.response.socket.resume();
    reader.response.resume();
    await reader.until(() => reader.ended);
    const second = await open(served, 'events=fill', { 'last-event-id': reader.lastId ?? '' });
    await second.find('replay_complete');
    const numbers = [...reader.events, ...second.events].map(({ sequenceId }) => sequenceId);
    expect(numbers).toEqual(Array.from({ length: published }, (_, at) => at + 1));
  });

  test('leaves no connection and no subscription', async () => {
    const served = await serve();
    const reader = await open(served, 'events=*');
    await reader.find('replay_complete');
    const page = (await (await fetch(`${served.httpUrl}/ws/subscriptions`)).json()) as SubscriptionsPage;
    expect(page.items).toMatchObject([{ subscriptionId: 's1', events: ['*'], principal: 'anonymous' }]);
    reader.cut();
    const isEmpty = (): void => {
      const { connections, subscriptions } = served.gateway.health();
      expect([connections, subscriptions.total]).toEqual([0, 0]);
    };
    await vi.waitFor(isEmpty, PATIENCE);
  });
});
