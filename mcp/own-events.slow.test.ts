/** A team's own events in tools and event types. Slow, because the document is read with the parser of the generator. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../src/testing/rig.ts';
import { eventsCall } from './testing/events-client.ts';
import { callTool, linkedClient } from './testing/linked-client.ts';

const ACME = resolve(import.meta.dirname, '../examples/own-events/acme.yaml');

test("a team's own events are known to tools and event types, with their filters and payloads", async () => {
  const { url } = await serve();
  const client = await linkedClient({ url, contract: ACME });
  const { content } = await callTool(client, 'list_events', { event: 'build_finished' });
  expect(content).toMatchObject({
    events: [{ event: 'build_finished', filters: expect.arrayContaining(['targets']), payload: { type: 'object' } }],
  });
  const { tools } = await client.listTools();
  expect(JSON.stringify(tools.find(({ name }) => name === 'recent_changes')?.inputSchema)).toContain('"targets"');
  const { events } = (await eventsCall(client, 'events/list')) as { events: readonly Record<string, unknown>[] };
  expect(events.map(({ name }) => name)).toEqual(expect.arrayContaining(['file_change', 'custom_event']));
  expect(events.find(({ name }) => name === 'build_finished')).toMatchObject({
    description: expect.stringContaining('A build ended.'),
    delivery: ['poll', 'push'],
    inputSchema: { properties: { targets: { $ref: '#/$defs/FilterValues' }, stream: { default: 'main' } } },
    payloadSchema: { required: ['target', 'ok'] },
  });
});
