/** Clients that read a replay slowly, while newer events replace the history that the replay consists of (BCK-2). */
import { describe, expect, test, vi } from 'vitest';
import type { Gateway } from '../gateway.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';

const TEXT = 'x'.repeat(60_000);
/** Number of events that fill the history. Their frames are larger than the buffers of the operating system for one socket. */
const HISTORY_EVENTS = 300;

/** The time limits are so long that they have no effect. A client that does not read can then stand for a client that reads slowly. */
const LIMITS = {
  historyEvents: HISTORY_EVENTS,
  retainedKeys: 600,
  sendQueueAgeMs: 600_000,
  heartbeatIntervalMs: 600_000,
};

async function publish(gateway: Gateway, event: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await gateway.publish(event, { id: `${n}`, text: TEXT });
}

/** Subscribes, and stops reading before the replay. */
async function stalled(url: string, data: Record<string, unknown>): Promise<RawClient> {
  const client = await connect(url);
  await client.call('subscribe', data);
  client.ws.pause();
  return client;
}

describe('a client that reads a replay slowly', () => {
  test('is disconnected once history has dropped much of it, so of five in turn only the last keeps its events', async () => {
    const { gateway, url } = await serve({ limits: LIMITS });
    const clients: RawClient[] = [];
    const closed = (): number => gateway.health().backpressure.closedSlow;
    for (let round = 1; round <= 5; round += 1) {
      await publish(gateway, `round.${round}`, HISTORY_EVENTS);
      const { position } = (await (await connect(url)).call('subscribe', { events: ['never'] })).data;
      const from = { ...(position as { epoch: string }), sequenceId: (round - 1) * HISTORY_EVENTS };
      clients.push(await stalled(url, { events: [`round.${round}`], replay: { mode: 'resume', after: from } }));
    }
    // They do not read the close frame either.
    await vi.waitFor(() => expect(closed()).toBe(4), PATIENCE);
    const last = clients.at(-1);
    last?.ws.resume();
    await last?.until(() => last.events().length === HISTORY_EVENTS);
  });

  test('receives all of a warm picture whose events are still the newest of their keys, however much else is dropped', async () => {
    const { gateway, url } = await serve({ limits: LIMITS });
    for (let n = 0; n < HISTORY_EVENTS; n += 1)
      await gateway.publish('entity_created', {
        id: `${n}`,
        entityType: 'module',
        name: 'm',
        metadata: { text: TEXT },
      });
    const { position } = (await (await connect(url)).call('subscribe', { events: ['never'] })).data;
    const first = { ...(position as { epoch: string }), sequenceId: 0 };
    const client = await stalled(url, { events: ['entity_*'] });
    const resumed = await stalled(url, { events: ['entity_*'], replay: { mode: 'resume', after: first } });
    await publish(gateway, 'noise', HISTORY_EVENTS * 3);
    // A resume keeps all events of history, also those that are not the newest of their keys any more.
    await vi.waitFor(() => expect(gateway.health().backpressure.closedSlow).toBe(1), PATIENCE);
    resumed.close();
    client.ws.resume();
    await client.until(() => client.events().length === HISTORY_EVENTS);
    expect(client.events().map(({ payload }) => (payload as { id: string }).id)).toEqual(
      Array.from({ length: HISTORY_EVENTS }, (_, n) => `${n}`),
    );
  });
});
