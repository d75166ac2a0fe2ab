/** Tests the tools as a model uses them: with the official client, a real gateway, and names of the contract. */
import { describe, expect, test, vi } from 'vitest';
import type { SyncStatusPayload } from '../../generated/types.ts';
import { scopedGateway } from '../testing/scoped-gateway.ts';
import { clientOf as sdkOf, PATIENCE, serve } from '../../src/testing/rig.ts';
import { callTool, linkedClient } from '../testing/linked-client.ts';

const sync = (status: SyncStatusPayload['status']) => ({ status, operationId: 'o1' });

describe('the tools', () => {
  test('are listed with schemas of the contract, to clients of both protocol eras', async () => {
    const { url } = await serve();
    for (const era of ['modern', 'legacy'] as const) {
      const client = await linkedClient({ url, era });
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toEqual([
        ...['list_events', 'wait_for_event', 'recent_changes', 'publish_event', 'explain', 'who_listens'],
        ...['handoff_offer', 'handoff_take', 'handoff_report'],
      ]);
      const wait = tools.find(({ name }) => name === 'wait_for_event');
      expect(wait?.inputSchema).toMatchObject({
        type: 'object',
        properties: { filter: { properties: { paths: { $ref: '#/$defs/FilterValues' } } } },
        $defs: { FilterValues: { type: 'array' }, StreamName: { pattern: expect.any(String) } },
      });
      expect(tools.every(({ outputSchema }) => outputSchema?.type === 'object')).toBe(true);
      expect(JSON.stringify(tools)).not.toContain('x-volatile');
    }
  });

  test('publish events, and read the events after a position', async () => {
    const { url } = await serve({ broadcast: 'on' });
    const client = await linkedClient({ url });
    const first = await callTool(client, 'publish_event', { event: 'sync_status', payload: sync('started') });
    await callTool(client, 'publish_event', { event: 'build.finished', payload: { ok: true } });
    const again = { event: 'sync_status', payload: sync('completed'), idempotencyKey: 'k1' };
    await callTool(client, 'publish_event', again);
    expect((await callTool(client, 'publish_event', again)).content).toMatchObject({ duplicate: true });
    const since = first.content['position'];
    const rest = await callTool(client, 'recent_changes', { since });
    expect(rest.content).toMatchObject({
      events: [{ event: 'build.finished', payload: { ok: true } }, { event: 'sync_status' }],
      truncated: false,
      hasMore: false,
    });
    const page = await callTool(client, 'recent_changes', { since, limit: 1 });
    expect(page.content).toMatchObject({ events: [{ event: 'build.finished' }], hasMore: true });
    const last = await callTool(client, 'recent_changes', { since: page.content['position'] });
    expect(last.content).toMatchObject({ events: [{ payload: sync('completed') }], hasMore: false });
    const newest = await callTool(client, 'recent_changes', { limit: 2, events: ['sync_*'] });
    expect(newest.content).toMatchObject({ events: [{ payload: sync('completed') }], hasMore: false });
  });

  test('report missing events as truncated, and return everything that the gateway still has', async () => {
    const { gateway, url } = await serve({ limits: { historyEvents: 2 } });
    const client = await linkedClient({ url });
    const { epoch } = await gateway.publish('sync_status', sync('started'));
    for (const status of ['running', 'completed', 'failed'] as const) await gateway.publish('build.step', { status });
    const lost = await callTool(client, 'recent_changes', { since: `${epoch}:1` });
    expect(lost.content).toMatchObject({ truncated: true, position: `${epoch}:4` });
    const other = await callTool(client, 'recent_changes', { since: 'elsewhere:1' });
    expect(other.content).toMatchObject({ truncated: true, position: `${epoch}:4` });
    expect(other.content['events']).toContainEqual(expect.objectContaining({ sequenceId: 4 }));
  });

  test('return the newest events, even when the history has fewer than requested', async () => {
    const { gateway, url } = await serve({ limits: { historyEvents: 3 } });
    const client = await linkedClient({ url });
    for (const path of ['a', 'b', 'c', 'd', 'e'])
      await gateway.publish('file_change', { path, root: 'r', changeType: 'create', fileType: 'file' });
    const numbers = ({ events }: Readonly<Record<string, unknown>>): unknown =>
      (events as readonly { readonly sequenceId: number }[]).map(({ sequenceId }) => sequenceId);
    for (const [limit, expected, truncated] of [
      [50, [3, 4, 5], true],
      [4, [3, 4, 5], true],
      [3, [3, 4, 5], false],
      [2, [4, 5], false],
    ] as const) {
      const { content } = await callTool(client, 'recent_changes', { limit, events: ['file_change'] });
      expect({ numbers: numbers(content), truncated: content['truncated'] }).toEqual({ numbers: expected, truncated });
    }
    const [main] = (await client.readResource({ uri: 'tidemark://stream/main' })).contents;
    const text = main !== undefined && 'text' in main ? main.text : '';
    expect(numbers(JSON.parse(text) as Record<string, unknown>)).toEqual([3, 4, 5]);
  });

  test('page through the picture that replaces a lost history, and wait only at its end', async () => {
    const { gateway, url } = await serve({ limits: { historyEvents: 1 } });
    const client = await linkedClient({ url });
    const update = (id: string): ReturnType<typeof gateway.publish> =>
      gateway.publish('entity_updated', { id, entityType: 'function', name: id, changedFields: ['body'] });
    const { epoch } = await update('a');
    for (const id of ['b', 'c']) await update(id);
    const first = await callTool(client, 'recent_changes', { since: `${epoch}:0`, limit: 2 });
    expect(first.content).toMatchObject({ events: [{}, {}], truncated: true, hasMore: true, position: `${epoch}:2~3` });
    const inside = first.content['position'];
    const early = await callTool(client, 'wait_for_event', { event: '*', since: inside });
    expect(early).toMatchObject({ isError: true, text: expect.stringContaining('recent_changes') });
    const rest = await callTool(client, 'recent_changes', { since: inside });
    expect(rest.content).toMatchObject({ events: [{ payload: { id: 'c' } }], hasMore: false, position: `${epoch}:3` });
  });

  test('wait for the first event that matches, without a gap between two waits', async () => {
    const { gateway, url } = await serve();
    const client = await linkedClient({ url });
    const where = [{ pointer: '/payload/status', value: 'completed' }];
    const waiting = callTool(client, 'wait_for_event', { event: 'sync_status', where, timeoutSeconds: 60 });
    const other = await linkedClient({ url });
    await vi.waitFor(async () => {
      expect((await callTool(other, 'who_listens')).content).toMatchObject({ total: 1 });
    }, PATIENCE);
    await gateway.publish('sync_status', sync('started'));
    const { epoch } = await gateway.publish('sync_status', sync('completed'));
    const { content } = await waiting;
    expect(content).toMatchObject({ outcome: 'event', position: `${epoch}:2`, event: { payload: sync('completed') } });
    await gateway.publish('sync_status', sync('failed'));
    const next = await callTool(client, 'wait_for_event', { event: '*', since: `${epoch}:2` });
    expect(next.content).toMatchObject({ outcome: 'event', position: `${epoch}:3` });
    const none = await callTool(client, 'wait_for_event', { event: '*', since: `${epoch}:3`, timeoutSeconds: 0.2 });
    expect(none.content).toMatchObject({ outcome: 'timeout', position: `${epoch}:3` });
    const lost = await callTool(client, 'wait_for_event', { event: '*', since: 'elsewhere:3', timeoutSeconds: 5 });
    expect(lost.content).toMatchObject({ outcome: 'gap', position: `${epoch}:3` });
  });

  test('explain an event, and list who listens', async () => {
    const { url } = await serve();
    const client = await linkedClient({ url });
    const listener = sdkOf(url).subscribe({ events: ['sync_status'], filter: { operationIds: ['o2'] } });
    await listener.ready;
    const explained = await callTool(client, 'explain', { event: 'sync_status', payload: sync('started') });
    expect(explained.content).toMatchObject({
      matchCount: 0,
      mismatches: [{ clause: 'operationIds', wanted: ['o2'] }],
    });
    const listed = await callTool(client, 'who_listens', { event: 'sync_status' });
    expect(listed.content).toMatchObject({ total: 1, subscriptions: [{ stream: 'main', events: ['sync_status'] }] });
  });

  test('hand work to exactly one agent', async () => {
    const { url } = await serve({ broadcast: 'on' });
    const ana = await linkedClient({ url });
    const bo = await linkedClient({ url });
    await callTool(ana, 'handoff_offer', { session: 's1', actor: 'ana', offer: 'o1', task: { file: 'a.ts' } });
    const take = { session: 's1', timeoutSeconds: 2 };
    const outcomes = await Promise.all([
      callTool(ana, 'handoff_take', { ...take, actor: 'ana' }),
      callTool(bo, 'handoff_take', { ...take, actor: 'bo' }),
    ]);
    expect(new Set(outcomes.map(({ content }) => content['outcome']))).toEqual(new Set(['none', 'taken']));
    const taken = outcomes.find(({ content }) => content['outcome'] === 'taken')?.content ?? {};
    expect(taken).toMatchObject({ offer: 'o1', task: { file: 'a.ts' } });
    const report = { session: 's1', actor: 'ana', offer: 'o1', fence: taken['fence'] };
    expect((await callTool(ana, 'handoff_report', { ...report, step: 'done' })).content).toMatchObject({
      isValid: true,
    });
    expect((await callTool(ana, 'handoff_report', { ...report, step: 'release' })).content).toMatchObject({
      isValid: false,
    });
  });
});

describe('a failure contains advice for the model', () => {
  test('about arguments, payloads, names and positions', async () => {
    const { url } = await serve({ broadcast: 'on' });
    const client = await linkedClient({ url });
    const invalid = await callTool(client, 'publish_event', {
      event: 'sync_status',
      payload: { ...sync('started'), status: 'startd' },
    });
    expect(invalid).toMatchObject({
      isError: true,
      text: expect.stringMatching(/^payload_invalid: .*started, running/),
    });
    expect(await callTool(client, 'wait_for_event', {})).toMatchObject({ isError: true });
    const unknown = await callTool(client, 'list_events', { event: 'sync_statu' });
    expect(unknown).toMatchObject({ isError: true, text: expect.stringContaining('Did you mean sync_status?') });
    const homeless = await callTool(client, 'recent_changes', { events: ['session_event'] });
    expect(homeless.text).toContain('pass `stream`, such as session:ID');
    const filter = { changeTypes: ['moved'] };
    const filtered = await callTool(client, 'recent_changes', { events: ['file_change'], filter });
    expect(filtered.text).toMatch(/^filter_invalid: .*"allowed":\["create"/);
  });

  test('about a missing scope: the gateway decides', async () => {
    const { url, tokenFile } = await scopedGateway({ ana: ['subscribe:sync_status@main'] });
    const client = await linkedClient({ url, tokenFile: tokenFile('ana') });
    expect((await callTool(client, 'recent_changes', { events: ['sync_status'] })).isError).toBe(false);
    for (const [name, parameters] of [
      ['recent_changes', { events: ['file_change'] }],
      ['publish_event', { event: 'sync_status', payload: sync('started') }],
      ['who_listens', {}],
    ] as const)
      expect(await callTool(client, name, parameters)).toMatchObject({
        isError: true,
        text: expect.stringMatching(/^forbidden: /),
      });
  });

  test('about a credential that the gateway refuses, without showing it', async () => {
    const { url, tokenFile } = await scopedGateway({});
    const client = await linkedClient({ url, tokenFile: tokenFile('secret-token') });
    const refused = await callTool(client, 'recent_changes');
    expect(refused).toMatchObject({ isError: true, text: expect.stringMatching(/^unauthenticated: /) });
    expect(refused.text).not.toContain('secret-token');
  });

  test('about an unreachable gateway; later calls use it when it is reachable', async () => {
    const { gateway, url } = await serve();
    await gateway.close({ drainMs: 0 });
    const client = await linkedClient({ url, patienceMs: 300 });
    const away = await callTool(client, 'recent_changes');
    expect(away).toMatchObject({
      isError: true,
      text: expect.stringMatching(/^unreachable: No gateway answers at ws:.*retry/),
    });
    await serve({ port: Number(new URL(url).port) });
    await vi.waitFor(async () => expect((await callTool(client, 'recent_changes')).isError).toBe(false), PATIENCE);
  });
});
