import { describe, expect, test, vi } from 'vitest';
import { serverValidators } from '../../generated/validators.js';
import { Gateway, createGateway } from '../gateway.ts';
import { connect, onCleanup, serve } from '../testing/rig.ts';
import { RawClient } from '../testing/raw-client.ts';

const entity = (id: string, name = id): { id: string; entityType: string; name: string } => ({
  id,
  entityType: 'function',
  name,
});

test('each gateway without a nodeId has a name of its own, however it was created', async () => {
  const gateways = [new Gateway(), new Gateway(), createGateway(), createGateway()];
  for (const gateway of gateways) onCleanup(() => gateway.close({ drainMs: 0 }));
  expect(new Set(gateways.map(({ nodeId }) => nodeId)).size).toBe(4);
});

describe('a connection', () => {
  test('begins with welcome, even if a command was sent before it arrived (CON-2)', async () => {
    const { url } = await serve();
    const client = await connect(url);
    await client.call('ping');
    expect(client.frames.map((each) => each.type)).toEqual(['welcome', 'pong']);
    expect(client.frames[0]?.data).toMatchObject({
      protocolVersion: '1.0.0',
      authenticationRequired: false,
      features: { broadcast: false },
    });
  });

  test('is refused if it offers only unknown subprotocols, and accepted with the subprotocol of the contract or none (CON-1)', async () => {
    const { url } = await serve();
    expect((await RawClient.refused(url, { protocols: ['graphql-ws'] })).status).toBe(400);
    const ours = await connect(url, { protocols: ['graphql-ws', 'tidemark.v1'] });
    expect(ours.ws.protocol).toBe('tidemark.v1');
  });

  test('is closed with 1003 when it sends a binary frame (ENV-1)', async () => {
    const { url } = await serve();
    const client = await connect(url);
    client.ws.send(Buffer.from('{}'), { binary: true });
    expect((await client.closed).code).toBe(1003);
  });

  test('receives heartbeats with its delivered count and the positions of its streams (CON-3)', async () => {
    const { gateway, url } = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const client = await connect(url);
    await client.call('subscribe', { events: ['file_change'] });
    await gateway.publish('file_change', { path: 'a.ts', root: 'r', changeType: 'modify', fileType: 'file' });
    await gateway.publish('sync_status', { status: 'running' });
    const beat = await client.find((each) => each.type === 'heartbeat' && each.data['delivered'] === 1);
    expect(beat.data['positions']).toMatchObject([{ stream: 'main', sequenceId: 2 }]);
  });
});

describe('a bad message', () => {
  test.each([
    ['not JSON', 'hello', 'invalid_json', undefined],
    ['an array', '[]', 'invalid_message', undefined],
    ['an unknown command', '{"type":"nope","id":"x","data":{}}', 'unknown_type', 'x'],
    ['an unknown field', '{"type":"ping","id":"x","data":{"a":1}}', 'invalid_message', 'x'],
    ['an unknown field at the top', '{"type":"ping","id":"x","data":{},"extra":1}', 'invalid_message', 'x'],
    ['an id that is too long', `{"type":"ping","id":"${'x'.repeat(65)}","data":{}}`, 'invalid_message', undefined],
    ['a missing data', '{"type":"ping","id":"x"}', 'invalid_message', 'x'],
    [
      'a stream of an unknown kind',
      '{"type":"subscribe","id":"x","data":{"events":["*"],"stream":"room:1"}}',
      'stream_invalid',
      'x',
    ],
    [
      'an empty filter list',
      '{"type":"subscribe","id":"x","data":{"events":["file_change"],"filter":{"paths":[]}}}',
      'filter_invalid',
      'x',
    ],
    [
      'a filter that no event declares',
      '{"type":"subscribe","id":"x","data":{"events":["file_change"],"filter":{"actors":["a"]}}}',
      'filter_not_applicable',
      'x',
    ],
    ['a repeated key', '{"type":"ping","type":"ping","data":{}}', 'invalid_json', undefined],
  ])('(%s) causes an error reply and does not end the connection (ERR-2)', async (_what, text, code, id) => {
    const { url } = await serve();
    const client = await connect(url);
    client.sendText(text);
    const error = await client.find((each) => each.type === 'error');
    expect(error.data['code']).toBe(code);
    expect(error.id).toBe(id);
    expect((await client.call('ping')).type).toBe('pong');
  });

  test('closes the connection with 4000 if it is the twentieth within a minute (ERR-2)', async () => {
    const { url } = await serve();
    const client = await connect(url);
    for (let n = 0; n < 20; n += 1) client.sendText('{');
    expect((await client.closed).code).toBe(4000);
    expect(client.frames.filter((each) => each.type === 'error')).toHaveLength(20);
    expect(client.frames.at(-1)).toMatchObject({
      type: 'closing',
      data: { code: 4000, name: 'protocol_error', retryable: false },
    });
  });
});

describe('a subscription', () => {
  test('receives the newest event per entity, then replay_complete, then live events (RPL-2, RPL-3)', async () => {
    const { gateway, url } = await serve();
    for (let n = 0; n < 20; n += 1) await gateway.publish('entity_created', entity(`e${n % 8}`, `name ${n}`));
    await gateway.publish('entity_deleted', { id: 'e3', entityType: 'function' });
    const client = await connect(url);
    await client.call('subscribe', { subscriptionId: 'graph', events: ['entity_*'] });
    await client.find((each) => each.type === 'replay_complete');
    await gateway.publish('entity_created', entity('e9'));
    await client.until(() => client.events((each) => each['isReplay'] === false).length === 1);
    expect(client.frames.map((each) => each.type)).toEqual([
      'welcome',
      'subscribed',
      ...Array<string>(7).fill('event'),
      'replay_complete',
      'event',
    ]);
    const replayed = client.events((each) => each['isReplay'] === true);
    expect(replayed.map((each) => (each['payload'] as { id: string }).id)).toEqual([
      'e4',
      'e5',
      'e6',
      'e7',
      'e0',
      'e1',
      'e2',
    ]);
    expect(replayed.every((each) => each['replayReason'] === 'warm')).toBe(true);
    expect(client.frames.find((each) => each.type === 'replay_complete')?.data).toMatchObject({
      count: 7,
      truncated: false,
      position: { sequenceId: 21 },
    });
  });

  test('misses and repeats nothing if it starts or resumes under load (RPL-2)', async () => {
    const { gateway, url } = await serve();
    const first = await gateway.publish('tick', { n: 1 });
    let published = 1;
    const timer = setInterval(() => {
      for (let n = 0; n < 10; n += 1) {
        published += 1;
        void gateway.publish('tick', { n: published });
      }
    }, 10);
    const joined = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const client = await connect(url);
        await vi.waitUntil(() => published > n * 20, { timeout: 60_000, interval: 5 });
        await client.call('subscribe', {
          subscriptionId: 'all',
          events: ['*'],
          replay: { mode: 'resume', after: { epoch: first.epoch, sequenceId: n } },
        });
        return client;
      }),
    );
    await joined[0]?.until(() => (joined[0]?.events().length ?? 0) > 800);
    clearInterval(timer);
    await Promise.all(joined.map((client) => client.call('sync', { stream: 'main' })));
    for (const [n, client] of joined.entries()) {
      const numbers = client.events().map((each) => Number(each['sequenceId']));
      expect(numbers).toEqual(Array.from({ length: published - n }, (_, k) => k + n + 1));
      const flags = client.frames
        .filter((each) => each.type === 'event' || each.type === 'replay_complete')
        .map((each) => (each.type === 'event' ? each.data['isReplay'] : 'complete'));
      const complete = flags.indexOf('complete');
      expect(flags.slice(0, complete).every((each) => each === true)).toBe(true);
      expect(flags.slice(complete + 1).every((each) => each === false)).toBe(true);
    }
  });

  test.each([
    ['an epoch that has ended', { epoch: 'other', sequenceId: 1 }, 'epoch_changed'],
    ['a position ahead of the head', { epoch: '', sequenceId: 99 }, 'unknown_position'],
  ])('receives a gap and a warm picture if it resumes from %s (RPL-4)', async (_what, after, reason) => {
    const { gateway, url } = await serve();
    const { epoch } = await gateway.publish('entity_created', entity('e1'));
    const client = await connect(url);
    const reply = await client.call('subscribe', {
      subscriptionId: 'a',
      events: ['*'],
      replay: { mode: 'resume', after: { ...after, epoch: after.epoch === '' ? epoch : after.epoch } },
    });
    await client.find((each) => each.type === 'replay_complete');
    expect(reply.data['recovery']).toEqual({ attempted: true, recovered: false, reason });
    expect(client.frames.map((each) => each.type)).toEqual([
      'welcome',
      'subscribed',
      'gap',
      'event',
      'replay_complete',
    ]);
    expect(client.frames[2]?.data).toMatchObject({ subscriptionIds: ['a'], reason, to: { epoch, sequenceId: 1 } });
    expect(client.events()[0]).toMatchObject({ isReplay: true, replayReason: 'warm' });
  });

  test('receives window_exceeded if its position has left history (RPL-4)', async () => {
    const { gateway, url } = await serve({ limits: { historyEvents: 5 } });
    const first = await gateway.publish('tick', { n: 1 });
    for (let n = 2; n <= 12; n += 1) await gateway.publish('tick', { n });
    const client = await connect(url);
    const lost = await client.call('subscribe', {
      events: ['tick'],
      replay: { mode: 'resume', after: { epoch: first.epoch, sequenceId: 6 } },
    });
    const kept = await client.call('subscribe', {
      events: ['tick'],
      replay: { mode: 'resume', after: { epoch: first.epoch, sequenceId: 7 } },
    });
    expect(lost.data['recovery']).toMatchObject({ recovered: false, reason: 'window_exceeded' });
    expect(kept.data['recovery']).toEqual({ attempted: true, recovered: true });
  });

  test('shares one live message with the other subscriptions of its connection (EVT-2)', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { subscriptionId: 'a', events: ['*'] });
    await client.call('subscribe', { subscriptionId: 'b', events: ['file_change'], filter: { extensions: ['ts'] } });
    await gateway.publish('file_change', { path: 'x.ts', root: 'r', changeType: 'modify', fileType: 'file' });
    await gateway.publish('file_change', { path: 'x.js', root: 'r', changeType: 'modify', fileType: 'file' });
    await client.call('sync', { stream: 'main' });
    expect(client.events().map((each) => [...(each['subscriptionIds'] as string[])].toSorted())).toEqual([
      ['a', 'b'],
      ['a'],
    ]);
  });

  test('is rejected if its id is in use; the existing subscription does not change (SUB-3)', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { subscriptionId: 'a', events: ['tick'] });
    expect((await client.call('subscribe', { subscriptionId: 'a', events: ['tock'] })).data['code']).toBe(
      'subscription_exists',
    );
    await gateway.publish('tock', {});
    await gateway.publish('tick', {});
    await client.call('sync', { stream: 'main' });
    expect(client.events().map((each) => each['event'])).toEqual(['tick']);
    expect((await client.call('unsubscribe', { subscriptionId: 'zzz' })).data['code']).toBe('subscription_not_found');
  });

  test('receives nothing more after it has ended (SUB-2)', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { subscriptionId: 'a', events: ['*'] });
    await client.call('subscribe', { subscriptionId: 'b', events: ['*'] });
    expect((await client.call('unsubscribe', { subscriptionId: 'a' })).data).toEqual({ subscriptionIds: ['a'] });
    await gateway.publish('tick', {});
    await client.call('sync', { stream: 'main' });
    expect(client.events().map((each) => each['subscriptionIds'])).toEqual([['b']]);
    expect((await client.call('unsubscribe', { all: true })).data).toEqual({ subscriptionIds: ['b'] });
    expect((await client.call('list_subscriptions')).data).toEqual({ items: [] });
  });

  test('receives the directories to read again when a source overflows (GAP-2)', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', {
      subscriptionId: 'below',
      events: ['file_change'],
      filter: { paths: ['src/gen/deep'] },
    });
    await client.call('subscribe', { subscriptionId: 'beside', events: ['file_change'], filter: { paths: ['docs'] } });
    await client.call('subscribe', { subscriptionId: 'graph', events: ['entity_*'] });
    await gateway.announceLoss({ stream: 'main', paths: ['src/gen'] });
    const gap = await client.find((each) => each.type === 'gap');
    expect(gap.data).toMatchObject({
      subscriptionIds: ['below'],
      reason: 'source_overflow',
      repair: { kind: 'rescan', paths: ['src/gen'] },
    });
  });

  test('receives the root as the directory to read again if more directories are lost than a gap may name (GAP-2)', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { subscriptionId: 'files', events: ['file_change'] });
    const paths = Array.from({ length: 1025 }, (_, index) => `packages/p${index}`);
    await gateway.announceLoss({ stream: 'main', paths });
    const gap = await client.find((each) => each.type === 'gap');
    expect(serverValidators.gap(gap)).toBe(true);
    expect(gap.data['repair']).toEqual({ kind: 'rescan', paths: [''] });
  });

  test('receives in welcome the replay policy of each event, including policies set by the operator (RPL-3)', async () => {
    const { url } = await serve({ replay: { 'build.finished': 'none', file_change: 'none' } });
    const { data } = await (await connect(url)).find(({ type }) => type === 'welcome');
    expect(data['features']).toMatchObject({
      replay: { 'build.finished': 'none', file_change: 'none', '*': 'latest', session_event: 'log' },
    });
  });

  test('receives a source loss at its position during a resume, even if the loss was already reported to others (GAP-2)', async () => {
    const { gateway, url } = await serve();
    const file = (path: string): Promise<{ readonly epoch: string; readonly sequenceId: number }> =>
      gateway.publish('file_change', { path, root: 'r', changeType: 'modify', fileType: 'file' });
    const { epoch } = await file('a');
    await file('b');
    await gateway.announceLoss({ stream: 'main', paths: ['src'] });
    await file('c');
    const client = await connect(url);
    const resume = async (subscriptionId: string, sequenceId: number, more: object = {}): Promise<string[]> => {
      const replay = { mode: 'resume', after: { epoch, sequenceId } };
      const request = { subscriptionId, events: ['file_change'], replay, ...more };
      const { recovery } = (await client.call('subscribe', request)).data;
      expect(recovery).toEqual({ attempted: true, recovered: true });
      await client.find(({ type, data }) => type === 'replay_complete' && data['subscriptionId'] === subscriptionId);
      const mine = client.frames.filter(({ data }) => JSON.stringify(data).includes(`"${subscriptionId}"`));
      return mine.flatMap(({ type, data }) => {
        if (type === 'gap') return [`gap ${JSON.stringify(data['to'])}`];
        return type === 'event' ? [String(data['sequenceId'])] : [];
      });
    };
    const gap = `gap ${JSON.stringify({ epoch, sequenceId: 2 })}`;
    expect(await resume('before', 1)).toEqual(['2', gap, '3']);
    expect(await resume('there', 2)).toEqual([gap, '3']);
    expect(await resume('after', 3)).toEqual([]);
    expect(await resume('elsewhere', 1, { filter: { paths: ['docs'] } })).toEqual([]);
  });

  test('does not overflow the send queue of a client that reads, even with a long replay (BCK-1)', async () => {
    const { gateway, url } = await serve({ limits: { sendQueueBytes: 65_536 } });
    const { epoch } = await gateway.publish('tick', { n: 0 });
    for (let n = 1; n < 3000; n += 1) await gateway.publish('tick', { n, text: 'x'.repeat(300) });
    const client = await connect(url);
    await client.call('subscribe', { events: ['*'], replay: { mode: 'resume', after: { epoch, sequenceId: 0 } } });
    await client.find((each) => each.type === 'replay_complete');
    expect(client.events()).toHaveLength(3000);
  });
});
