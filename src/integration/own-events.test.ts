/** A gateway handles a team's own events in the same way as the events of the stock contract. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { BuiltContract } from '../catalogue/built-contract.ts';
import { buildContract } from '../testing/own-contract.ts';
import { connect, gatewayOf, serve } from '../testing/rig.ts';

let contract: BuiltContract;

beforeAll(async () => {
  ({ contract } = await buildContract());
});

describe("an event of a team's own contract", () => {
  test('is rejected with a pointer if its payload is invalid, in every way of publishing (EVT-3)', async () => {
    const { gateway, url, httpUrl } = await serve({ contract, broadcast: 'on' });
    const payload = { target: 'web', ok: 'yes' };
    await expect(gateway.publish('build_finished', payload)).rejects.toMatchObject({
      code: 'payload_invalid',
      pointer: '/ok',
    });
    const client = await connect(url);
    const reply = await client.call('broadcast', { stream: 'main', event: 'build_finished', payload });
    expect(reply.data).toMatchObject({ code: 'payload_invalid', pointer: '/data/payload/ok' });
    const response = await fetch(`${httpUrl}/ws/broadcast`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: 'main', event: 'build_finished', payload }),
    });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ data: { code: 'payload_invalid', pointer: '/payload/ok' } });
    expect(gateway.health().streams.filter(({ historyEvents }) => historyEvents > 0)).toEqual([]);
  });

  test('is filtered by its own field, live and from history (SUB-4)', async () => {
    const { gateway, url } = await serve({ contract });
    await gateway.publish('build_finished', { target: 'web', ok: true });
    await gateway.publish('build_finished', { target: 'api', ok: true });
    const client = await connect(url);
    const reply = await client.call('subscribe', { events: ['build_finished'], filter: { targets: ['web'] } });
    expect(reply).toMatchObject({ type: 'subscribed', data: { filter: { targets: ['web'] } } });
    await gateway.publish('build_finished', { target: 'api', ok: false });
    await gateway.publish('build_finished', { target: 'web', ok: false });
    await client.call('sync', { stream: 'main' });
    const seen = client.frames
      .filter(({ type }) => type === 'event')
      .map(({ data }) => [data['isReplay'], data['payload']]);
    expect(seen).toEqual([
      [true, { target: 'web', ok: true }],
      [false, { target: 'web', ok: false }],
    ]);
  });

  test('is the only event that its filter field restricts, and the field is rejected if no subscribed event has it (SUB-4)', async () => {
    const { gateway, url } = await serve({ contract });
    const client = await connect(url);
    const refused = await client.call('subscribe', { events: ['file_change'], filter: { targets: ['web'] } });
    expect(refused.data).toMatchObject({ code: 'filter_not_applicable', pointer: '/data/filter/targets' });
    await client.call('subscribe', { events: ['*'], filter: { targets: ['web'] }, replay: { mode: 'none' } });
    await gateway.publish('tick', {});
    await gateway.publish('build_finished', { target: 'api', ok: true });
    await client.call('sync', { stream: 'main' });
    expect(client.frames.filter(({ type }) => type === 'event').map(({ data }) => data['event'])).toEqual(['tick']);
  });

  test('is suggested for a similar name, wherever the name is used (SUB-7)', async () => {
    const { url, httpUrl } = await serve({ contract, broadcast: 'on' });
    const hint = { suggestion: 'build_finished', message: expect.stringContaining('did you mean build_finished?') };
    const client = await connect(url);
    expect(await client.call('subscribe', { events: ['tick', 'build_finishd'] })).toMatchObject({
      type: 'subscribed',
      data: { events: ['build_finishd', 'tick'], hints: [{ ...hint, pointer: '/data/events/1' }] },
    });
    const body = { stream: 'main', event: 'build_finsihed', payload: {} };
    expect(await client.call('broadcast', body)).toMatchObject({
      type: 'broadcasted',
      data: { hints: [{ ...hint, pointer: '/data/event' }] },
    });
    const post = (event: string, payload: object): Promise<Response> =>
      fetch(`${httpUrl}/ws/broadcast`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, event, payload }),
      });
    expect(await (await post('build_finishes', {})).json()).toMatchObject({ hints: [{ ...hint, pointer: '/event' }] });
    expect(await (await post('build_finished', { target: 'web', ok: true })).json()).not.toHaveProperty('hints');
    const subscribed = await client.call('subscribe', { events: ['build_finished', '*'] });
    expect(subscribed.data).not.toHaveProperty('hints');
  });

  test('is replayed by its policy, which the operator may change (RPL-3)', async () => {
    for (const [replay, wanted] of [
      [{}, [2, 3]],
      [{ build_finished: 'log' }, [1, 2, 3]],
      [{ build_finished: 'none' }, []],
    ] as const) {
      const { gateway, url } = await serve({ contract, replay });
      for (const target of ['web', 'api', 'web']) await gateway.publish('build_finished', { target, ok: true });
      const client = await connect(url);
      expect((await client.find(({ type }) => type === 'welcome')).data).toMatchObject({
        features: { replay: { build_finished: replay.build_finished ?? 'latest-per-key', file_change: 'none' } },
      });
      await client.call('subscribe', { events: ['build_finished'] });
      await client.find(({ type }) => type === 'replay_complete');
      const numbers = client.frames.filter(({ type }) => type === 'event').map(({ data }) => data['sequenceId']);
      expect(numbers).toEqual(wanted);
    }
    expect(() => gatewayOf({ contract, replay: { sync_status: 'latest-per-key' } })).toThrow('sync_status has no key');
  });

  test('is explained, restricted by scopes, documented and reported like any other event', async () => {
    const { url, httpUrl, gateway } = await serve({ contract });
    const client = await connect(url);
    expect((await client.find(({ type }) => type === 'welcome')).data['contractDigest']).toBe(contract.digest);
    expect(gateway.health().contractDigest).toBe(contract.digest);
    await client.call('subscribe', { events: ['build_finished'], filter: { targets: ['web'] } });
    const explain = async (payload: object): Promise<unknown> =>
      (
        await fetch(`${httpUrl}/ws/explain`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ event: 'build_finished', payload }),
        })
      ).json();
    expect(await explain({ target: 'api', ok: true })).toMatchObject({
      mismatches: [{ clause: 'targets', wanted: ['web'], seen: ['api'] }],
    });
    expect(await explain({ target: 'api' })).toMatchObject({
      data: { code: 'payload_invalid', pointer: '/payload/ok' },
    });
    expect(await (await fetch(`${httpUrl}/docs`)).text()).toContain('build_finished');
    const text = await fetch(`${httpUrl}/docs`, { headers: { accept: 'text/markdown' } });
    expect(text.headers.get('content-type')).toMatch(/^text\/markdown/);
    expect(await text.text()).toContain('### build_finished');
    expect(await (await fetch(`${httpUrl}/asyncapi.yaml`)).text()).toContain('BuildFinishedPayload');
    const json = await fetch(`${httpUrl}/asyncapi.yaml`, { headers: { accept: 'application/json' } });
    expect(await json.json()).toMatchObject({ components: { schemas: { BuildFinishedPayload: { type: 'object' } } } });
  });
});
