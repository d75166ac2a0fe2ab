import { describe, expect, test } from 'vitest';
import type { RawClient } from '../testing/raw-client.ts';
import { connect, serve } from '../testing/rig.ts';

const beats = (client: RawClient): number => client.frames.filter((each) => each.type === 'heartbeat').length;

describe('a peer', () => {
  test('is closed with 4203 after two intervals, and no sooner, if it answers no ping and sends nothing (CON-4)', async () => {
    const { url } = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const start = performance.now();
    const client = await connect(url, { autoPong: false });
    expect((await client.closed).code).toBe(4203);
    expect(performance.now() - start).toBeGreaterThan(290);
    expect(beats(client)).toBe(2);
    expect(client.frames.at(-1)).toMatchObject({
      type: 'closing',
      data: { name: 'heartbeat_timeout', retryable: true },
    });
  });

  test('counts as alive if it answers no ping but sends commands (CON-4)', async () => {
    const { url } = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const client = await connect(url, { autoPong: false });
    for (let n = 1; n <= 6; n += 1) {
      await client.until(() => beats(client) >= n);
      await client.call('ping');
    }
    expect(client.frames.map((each) => each.type)).not.toContain('closing');
  });

  test('is not closed because of a pause of the gateway itself', async () => {
    const { url } = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const client = await connect(url);
    await client.until(() => beats(client) === 1);
    const end = performance.now() + 700;
    while (performance.now() < end);
    const before = beats(client);
    await client.until(() => beats(client) >= before + 4);
    expect(client.frames.map((each) => each.type)).not.toContain('closing');
  });
});
