/**
 * Tests the Events extension with a client of another project: `@ai-sdk/mcp`, which subscribes by webhook and verifies
 * signatures.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { experimental_createMCPEventWebhook as createWebhook, createMCPClient } from '@ai-sdk/mcp';
import type {
  Experimental_MCPEventStore as Store,
  Experimental_MCPEventSubscription as Subscription,
} from '@ai-sdk/mcp';
import { expect, test, vi } from 'vitest';
import { onCleanup, PATIENCE } from '../../src/testing/rig.ts';
import { callerOf, httpServer, tokenAt } from '../testing/http-server.ts';
import { scopedGateway } from '../testing/scoped-gateway.ts';

function memoryStore(): Store {
  const held = new Map<string, Subscription>();
  return {
    get: (key) => Promise.resolve(held.get(key)),
    getById: (id) => Promise.resolve([...held.values()].find((each) => each.id === id)),
    set: (subscription) => Promise.resolve(void held.set(subscription.key, subscription)),
    update: (key, changes) => {
      const known = held.get(key);
      if (known !== undefined) held.set(key, { ...known, ...changes });
      return Promise.resolve();
    },
    delete: (key) => Promise.resolve(void held.delete(key)),
  };
}

/** A server at the callback address that calls the handler of the other project. */
async function callbackServer(handle: (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const { headers, url = '/' } = incoming;
      const given = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]);
      const request = new Request(`http://127.0.0.1${url}`, {
        method: 'POST',
        headers: given,
        body: await buffer(incoming),
      });
      const response = await handle(request);
      outgoing.writeHead(response.status).end(await response.text());
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

test('it lists, subscribes, receives signed events, refreshes and unsubscribes', async () => {
  const { gateway, url, tokenFile } = await scopedGateway({ ana: ['subscribe:*'] });
  const service = await httpServer(url, { callers: [callerOf('ana', tokenFile('ana'))] });
  const store = memoryStore();
  const events: { readonly data: unknown }[] = [];
  const errors: unknown[] = [];
  const callback = await callbackServer(
    createWebhook({
      store,
      onEvent: ({ event }) => Promise.resolve(void events.push(event)),
      onError: (error) => void errors.push(error),
    }),
  );
  const client = await createMCPClient({
    transport: { type: 'http', url: service.url, headers: { authorization: `Bearer ${tokenAt('ana')}` } },
    experimental_events: { store },
  });
  onCleanup(() => client.close());
  const offered = (await client.experimental_events.list()).events.map(({ name }) => name);
  expect(offered).toContain('sync_status');
  const { id } = await client.experimental_events.subscribe({
    name: 'sync_status',
    arguments: { operationIds: ['wanted'] },
    delivery: { mode: 'webhook', url: callback, allowInsecureLocalhost: true },
  });
  for (const operationId of ['other', 'wanted'])
    await gateway.publish('sync_status', { status: 'running', operationId });
  await vi.waitFor(() => expect(events).toMatchObject([{ data: { operationId: 'wanted' } }]), PATIENCE);
  expect(await client.experimental_events.refresh({ id })).toMatchObject({ id, truncated: false });
  await client.experimental_events.unsubscribe({ id });
  expect({ errors, faults: service.faults }).toEqual({ errors: [], faults: [] });
});
