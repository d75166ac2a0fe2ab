import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from './errors.ts';
import { clientOf, modelServer } from './testing/harness.ts';

describe('what a server may and may not send', () => {
  test('unknown pushes, events and fields are ignored (ENV-4)', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    await subscription.ready;
    const connection = await server.connection(1);
    connection.send('advertisement', { of: 'the future' });
    connection.raw(JSON.stringify({ type: 'tomorrow', data: {}, extra: 1 }));
    model.publish('event_of_tomorrow', { x: 1 });
    const { value } = await subscription[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ event: 'event_of_tomorrow', payload: { x: 1 } });
    expect(errors).toEqual([]);
  });

  test.each([
    ['text that is not JSON', '{'],
    ['an array', '[]'],
    ['a message without type', '{"data":{}}'],
    ['a message without data', '{"type":"event"}'],
    ['a message whose id is not a string', '{"type":"pong","id":7,"data":{}}'],
    ['a binary frame', Buffer.from('{}')],
    ['an event without its position', '{"type":"event","data":{}}'],
    [
      'an event with an impossible position',
      '{"type":"event","data":{"subscriptionIds":["s1"],"isReplay":false,"stream":"main","epoch":"e","sequenceId":1.5}}',
    ],
    ['a heartbeat without counts', '{"type":"heartbeat","data":{}}'],
    ['a replay_complete without subscription', '{"type":"replay_complete","data":{}}'],
    ['a gap without subscriptions', '{"type":"gap","data":{}}'],
    ['a subscription_closed without subscription', '{"type":"subscription_closed","data":{}}'],
    ['a closing without code', '{"type":"closing","data":{}}'],
    ['a closing whose code is no integer', '{"type":"closing","data":{"code":4200.5}}'],
    ['a heartbeat that counts true', '{"type":"heartbeat","data":{"delivered":true,"positions":[]}}'],
    ['a heartbeat that counts half an event', '{"type":"heartbeat","data":{"delivered":0.5,"positions":[]}}'],
    ['a heartbeat that counts -1 events', '{"type":"heartbeat","data":{"delivered":-1,"positions":[]}}'],
    ['a heartbeat that counts without end', '{"type":"heartbeat","data":{"delivered":1e400,"positions":[]}}'],
  ])('%s is reported as a violation, and the connection stays open', async (_what, frame) => {
    const { server } = await modelServer();
    const client = clientOf(server);
    await client.connect();
    const reported = new Promise((resolve) => client.on('error', resolve));
    server.connections[0]?.raw(frame);
    expect(await reported).toBeInstanceOf(ProtocolViolation);
    expect(await client.ping()).toHaveProperty('time');
    expect(server.connections.length).toBe(1);
  });

  test('an integer may have a fraction of zero, or an exponent', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    await client.connect();
    const reported: unknown[] = [];
    for (const name of ['error', 'loss', 'closing'] as const) client.on(name, (detail) => reported.push(detail));
    server.connections[0]?.raw('{"type":"heartbeat","data":{"delivered":0.0,"positions":[]}}');
    server.connections[0]?.raw('{"type":"closing","data":{"code":4.2e3}}');
    await client.ping();
    expect(reported).toEqual([{ code: 4200 }]);
  });

  test('an error without an id is reported', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    await client.connect();
    const reported = new Promise((resolve) => client.on('error', resolve));
    server.connections[0]?.send('error', { code: 'invalid_json', message: 'no', retryable: false });
    expect(await reported).toMatchObject({ name: 'TidemarkError', code: 'invalid_json' });
  });
});
