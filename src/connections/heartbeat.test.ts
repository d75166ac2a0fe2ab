import { afterEach, describe, expect, test } from 'vitest';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { RawClient } from '../testing/raw-client.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(): Promise<{ gateway: Gateway; url: string }> {
  const gateway = createGateway({ limits: { heartbeatIntervalMs: 100 } });
  cleanups.push(() => gateway.close({ drainMs: 0 }));
  const { url } = await gateway.listen({ port: 0 });
  return { gateway, url };
}

async function connect(url: string, options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
  const client = await RawClient.open(url, options);
  cleanups.push(() => client.close());
  return client;
}

const beats = (client: RawClient): number => client.frames.filter((each) => each.type === 'heartbeat').length;

describe('a peer', () => {
  test('that answers no ping and sends nothing is closed 4203 after two intervals, and no sooner (CON-4)', async () => {
    const { url } = await serve();
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

  test('that answers no ping but sends commands is alive (CON-4)', async () => {
    const { url } = await serve();
    const client = await connect(url, { autoPong: false });
    for (let n = 1; n <= 6; n += 1) {
      await client.until(() => beats(client) >= n);
      await client.call('ping');
    }
    expect(client.frames.map((each) => each.type)).not.toContain('closing');
  });

  test('is not blamed for a pause of the gateway itself', async () => {
    const { url } = await serve();
    const client = await connect(url);
    await client.until(() => beats(client) === 1);
    const end = performance.now() + 700;
    while (performance.now() < end);
    const before = beats(client);
    await client.until(() => beats(client) >= before + 4);
    expect(client.frames.map((each) => each.type)).not.toContain('closing');
  });
});
