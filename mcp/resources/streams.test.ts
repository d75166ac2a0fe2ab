/** Tests streams as resources, over stdio and HTTP, with clients of both protocol eras (2025 and 2026-07-28). */
import type { Client } from '@modelcontextprotocol/client';
import { expect, test, vi } from 'vitest';
import { PATIENCE, serve } from '../../src/testing/rig.ts';
import { httpClient, httpServer } from '../testing/http-server.ts';
import { callTool, linkedClient } from '../testing/linked-client.ts';
import { scopedGateway } from '../testing/scoped-gateway.ts';
import { streamAt, uriOf } from './streams.ts';

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
  expect(streamAt(uriOf('workspace:a.b'))).toBe('workspace:a.b');
});

test('a stream that the credential may not read is refused', async () => {
  const { url, tokenFile } = await scopedGateway({ ana: ['subscribe:sync_status@main'] });
  const client = await linkedClient({ url, tokenFile: tokenFile('ana') });
  await expect(client.readResource({ uri: MAIN })).rejects.toMatchObject({
    message: expect.stringContaining('forbidden: '),
  });
});

test.each(['stdio', 'stdio of 2025', 'http'])(
  'new events are announced to a host that has subscribed (%s)',
  async (kind) => {
    const { gateway, url } = await serve();
    const era = kind === 'stdio of 2025' ? 'legacy' : 'modern';
    const client = kind === 'http' ? await httpClient((await httpServer(url)).url) : await linkedClient({ url, era });
    const updates = updatesOf(client);
    if (era === 'legacy') await client.subscribeResource({ uri: MAIN });
    else await client.listen({ resourceSubscriptions: [MAIN] });
    await vi.waitFor(
      async () => expect((await callTool(client, 'who_listens')).content).toMatchObject({ total: 1 }),
      PATIENCE,
    );
    for (let n = 0; n < 5; n += 1) await gateway.publish('build.finished', { n });
    await vi.waitFor(() => expect(updates).toEqual([MAIN]), PATIENCE);
  },
);
