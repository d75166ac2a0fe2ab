/** Tests streams as resources, over stdio and HTTP, with clients of both protocol eras (2025 and 2026-07-28). */
import type { Client } from '@modelcontextprotocol/client';
import { expect, test, vi } from 'vitest';
import { PATIENCE, serve } from '../../src/testing/rig.ts';
import { httpClient, httpServer } from '../testing/http-server.ts';
import { callTool, linkedClient } from '../testing/linked-client.ts';
import { scopedGateway } from '../testing/scoped-gateway.ts';
import { streamAt, uriOf } from './stream-uri.ts';

const MAIN = uriOf('main');

function updatesOf(client: Client): string[] {
  const updates: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    updates.push(params.uri);
    return Promise.resolve();
  });
  return updates;
}

test('a stream is listed, and read with its position and newest events', async () => {
  const { gateway, url } = await serve();
  const client = await linkedClient({ url });
  expect((await client.listResources()).resources).toMatchObject([{ uri: MAIN, name: 'main' }]);
  await gateway.publish('build.finished', { n: 1 });
  const { epoch } = await gateway.publish('build.finished', { n: 2 });
  const [content] = (await client.readResource({ uri: MAIN })).contents;
  const text = content !== undefined && 'text' in content ? content.text : '';
  expect(JSON.parse(text)).toMatchObject({
    stream: 'main',
    position: `${epoch}:2`,
    events: [{ payload: { n: 1 } }, {}],
  });
  await expect(client.readResource({ uri: `${MAIN}x` })).rejects.toMatchObject({ code: -32602 });
  await expect(client.readResource({ uri: 'tidemark://stream/%' })).rejects.toMatchObject({ code: -32602 });
  expect(streamAt(uriOf('workspace:a.b'))).toBe('workspace:a.b');
});

test('a stream that the credential may not read is neither read nor watched, and a watch ends when access is withdrawn', async () => {
  const { gateway, url, tokenFile, grants, authenticator } = await scopedGateway({ ana: ['subscribe:*@main'] });
  const client = await linkedClient({ url, tokenFile: tokenFile('ana') });
  const other = uriOf('workspace:other');
  const refused = { message: expect.stringContaining('forbidden: ') };
  await expect(client.readResource({ uri: other })).rejects.toMatchObject(refused);
  const old = await linkedClient({ url, era: 'legacy', tokenFile: tokenFile('ana') });
  await expect(old.subscribeResource({ uri: other })).rejects.toMatchObject(refused);
  for (const uri of ['tidemark://stream/%', 'https://example.org/'])
    await expect(old.subscribeResource({ uri })).rejects.toMatchObject({ code: -32602 });
  const listening = await client.listen({ resourceSubscriptions: [MAIN, other, 'tidemark://stream/%'] });
  expect(listening.honoredFilter).toEqual({ resourceSubscriptions: [MAIN] });
  grants.set('ana', []);
  await gateway.close({ drainMs: 0 });
  await serve({ port: Number(new URL(url).port), authenticator });
  expect(await listening.closed).toBe('remote');
  expect((await client.listen({ resourceSubscriptions: [MAIN] })).honoredFilter).toEqual({});
});

test('new events are announced to subscribed hosts until they unsubscribe', async () => {
  const { gateway, url } = await serve();
  const listeners = async (): Promise<unknown> => (await callTool(old, 'who_listens')).content['total'];
  const old = await linkedClient({ url, era: 'legacy' });
  const clients = [await linkedClient({ url }), await httpClient((await httpServer(url)).url)];
  const updates = [old, ...clients].map(updatesOf);
  await old.subscribeResource({ uri: MAIN });
  await old.subscribeResource({ uri: MAIN });
  const listening = await Promise.all(clients.map((client) => client.listen({ resourceSubscriptions: [MAIN] })));
  expect(await listeners()).toBe(3);
  for (let n = 0; n < 5; n += 1) await gateway.publish('build.finished', { n });
  await vi.waitFor(() => expect(updates).toEqual([[MAIN], [MAIN], [MAIN]]), PATIENCE);
  await old.unsubscribeResource({ uri: MAIN });
  await Promise.all(listening.map((each) => each.close()));
  await vi.waitFor(async () => expect(await listeners()).toBe(0), PATIENCE);
});

test('a second subscription to a resource loses no announcement of the first', async () => {
  const { gateway, url } = await serve();
  const client = await linkedClient({ url, era: 'legacy' });
  const updates = updatesOf(client);
  await client.subscribeResource({ uri: MAIN });
  await gateway.publish('build.finished', {});
  await client.subscribeResource({ uri: MAIN });
  await vi.waitFor(() => expect(updates).toEqual([MAIN]), PATIENCE);
});

test('a client of a revision before 2026 is not offered subscriptions over HTTP, because no notification could reach it', async () => {
  const { url } = await serve();
  const client = await httpClient((await httpServer(url)).url, { era: 'legacy' });
  expect(client.getServerCapabilities()?.resources).not.toHaveProperty('subscribe');
});
