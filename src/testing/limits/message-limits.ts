/** Limits of messages, subscriptions and commands. */
import { expect } from 'vitest';
import type { LimitName } from '../../../generated/protocol.ts';
import { exceeded, refusalOf, TICKS } from './limit-case.ts';
import type { Case } from './limit-case.ts';

export const MESSAGE_LIMITS = {
  inboundMessageBytes: {
    low: 1024,
    pass: async (rig) => {
      const client = await rig.connect();
      const frame = (bytes: number): string => `{"type":"ping","id":"p","data":{}}${' '.repeat(bytes - 34)}`;
      client.sendText(frame(1024));
      await client.find((each) => each.id === 'p');
      client.sendText(frame(1025));
      const body = JSON.stringify({ stream: 'main', event: 'tick', payload: { text: 'x'.repeat(1024) } });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${rig.httpUrl}/ws/broadcast`, { method: 'POST', headers, body });
      return [(await client.closed).code, response.status, await response.json()];
    },
    outcome: [
      1009,
      413,
      { type: 'error', data: { code: 'payload_too_large', details: { limit: 'inboundMessageBytes' } } },
    ],
  },
  jsonDepth: {
    low: 8,
    pass: async (rig) => {
      const client = await rig.connect();
      const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
      const send = (levels: number): void =>
        client.sendText(
          `{"type":"broadcast","data":{"stream":"main","event":"tick","payload":{"a":${nested(levels - 3)}}}}`,
        );
      send(8);
      await client.find((each) => each.type === 'broadcasted');
      send(9);
      return (await client.find((each) => each.type === 'error')).data;
    },
    outcome: { code: 'invalid_json' },
  },
  payloadBytes: {
    low: 256,
    pass: (rig) =>
      refusalOf(
        rig,
        'broadcast',
        { stream: 'main', event: 'tick', payload: { text: 'x'.repeat(256 - 11) } },
        { stream: 'main', event: 'tick', payload: { text: 'x'.repeat(256 - 10) } },
      ),
    outcome: { code: 'payload_too_large', details: { limit: 'payloadBytes', maximum: 256, bytes: 257 } },
  },
  subscriptionsPerConnection: {
    low: 2,
    pass: (rig) => refusalOf(rig, 'subscribe', TICKS, TICKS, TICKS),
    outcome: exceeded('subscriptionsPerConnection', 2),
  },
  streamsPerSubscription: {
    low: 2,
    pass: (rig) =>
      refusalOf(
        rig,
        'subscribe',
        { ...TICKS, streams: ['main', 'session:*'] },
        { ...TICKS, streams: ['main', 'session:*', 'workspace:a'] },
      ),
    outcome: exceeded('streamsPerSubscription', 2),
  },
  eventsPerSubscription: {
    low: 2,
    pass: (rig) => refusalOf(rig, 'subscribe', { events: ['a', 'b'] }, { events: ['a', 'b', 'c'] }),
    outcome: exceeded('eventsPerSubscription', 2),
  },
  patternsPerFilterField: {
    low: 2,
    pass: (rig) => {
      const subscribe = (paths: readonly string[]): Record<string, unknown> => ({
        events: ['file_change'],
        filter: { paths },
      });
      return refusalOf(rig, 'subscribe', subscribe(['a', 'b']), subscribe(['a', 'b', 'c']));
    },
    outcome: exceeded('patternsPerFilterField', 2),
  },
  patternLength: {
    low: 16,
    pass: (rig) => {
      const subscribe = (path: string): Record<string, unknown> => ({
        events: ['file_change'],
        filter: { paths: [path] },
      });
      return refusalOf(rig, 'subscribe', subscribe('x'.repeat(16)), subscribe('x'.repeat(17)));
    },
    outcome: exceeded('patternLength', 16),
  },
  filterCharactersPerConnection: {
    low: 256,
    with: { patternLength: 256 },
    pass: (rig) => {
      const subscribe = (length: number): Record<string, unknown> => ({
        events: ['file_change'],
        filter: { paths: ['x'.repeat(length)] },
      });
      return refusalOf(rig, 'subscribe', subscribe(200), subscribe(56), subscribe(1));
    },
    outcome: exceeded('filterCharactersPerConnection', 256),
  },
  filterBytes: {
    low: 65_536,
    pass: (rig) => {
      const some = Array.from({ length: 64 }, (_, at) => `${at}`);
      const subscribe = { events: ['file_change'], filter: { paths: some } };
      return refusalOf(rig, 'subscribe', subscribe, subscribe);
    },
    outcome: exceeded('filterBytes', 65_536),
  },
  commandsPerSecond: {
    low: 2,
    with: { commandBurst: 1, commandCostMs: 10_000 },
    pass: async (rig) => {
      const client = await rig.connect();
      const first = await client.call('ping');
      const { data } = await client.call('ping');
      rig.skewMs += 500;
      const again = await client.call('ping');
      return [first.type, data, again.type];
    },
    outcome: [
      'pong',
      { code: 'rate_limited', retryable: true, retryAfterMs: expect.toSatisfy((ms) => ms > 400 && ms <= 500) },
      'pong',
    ],
  },
  commandBurst: {
    low: 3,
    with: { commandsPerSecond: 1, commandCostMs: 10_000 },
    pass: async (rig) => {
      const client = await rig.connect();
      const replies = await Promise.all(Array.from({ length: 5 }, () => client.call('ping')));
      for (let n = 0; n < 2; n += 1) client.sendText('{"type":"ping","data":{}}');
      return [replies.map((each) => each.data['code']), (await client.closed).code];
    },
    outcome: [[undefined, undefined, undefined, 'rate_limited', 'rate_limited'], 4204],
  },
  commandCostMs: {
    low: 1,
    with: { commandsPerSecond: 1, commandBurst: 2, patternLength: 4096, payloadBytes: 16_384 },
    pass: async (rig) => {
      // The path is so long that comparing one event with the filter takes more than a millisecond on any machine.
      const path = `${'a/'.repeat(1900)}b`;
      const payload = { path, root: 'r', changeType: 'create', fileType: 'file' };
      const { epoch } = await rig.publish('file_change', payload);
      for (let n = 0; n < 10; n += 1) await rig.publish('file_change', payload);
      const client = await rig.connect();
      const paths = Array.from({ length: 5 }, (_, n) => `**/${'a/'.repeat(1900)}${n}`);
      const replay = { mode: 'resume', after: { epoch, sequenceId: 0 } };
      await client.call('subscribe', { events: ['file_change'], filter: { paths }, replay });
      await client.find((each) => each.type === 'replay_complete');
      return (await client.call('ping')).data;
    },
    outcome: { code: 'rate_limited', retryable: true },
  },
  turnBudgetMs: {
    low: 1,
    with: { patternLength: 4096, payloadBytes: 16_384 },
    pass: async (rig) => {
      const path = `${'a/'.repeat(1900)}b`;
      const payload = { path, root: 'r', changeType: 'create', fileType: 'file' };
      const { epoch } = await rig.publish('file_change', payload);
      for (let n = 0; n < 10; n += 1) await rig.publish('file_change', payload);
      const client = await rig.connect();
      const neighbour = await rig.connect();
      const paths = Array.from({ length: 5 }, (_, n) => `**/${'a/'.repeat(1900)}${n}`);
      const replay = { mode: 'resume', after: { epoch, sequenceId: 0 } };
      await client.call('subscribe', { events: ['file_change'], filter: { paths }, replay });
      // The other client receives its reply while the events to replay are still being selected.
      const first = await Promise.race([
        client.find((each) => each.type === 'replay_complete'),
        neighbour.call('ping'),
      ]);
      return first.type;
    },
    outcome: 'pong',
  },
  badMessagesPerMinute: {
    low: 3,
    pass: async (rig) => {
      const client = await rig.connect();
      for (let n = 0; n < 2; n += 1) client.sendText('{');
      await client.until(() => client.frames.filter((each) => each.type === 'error').length === 2);
      rig.skewMs += 60_001;
      for (let n = 0; n < 2; n += 1) client.sendText('{');
      await client.call('ping');
      client.sendText('{');
      return (await client.closed).code;
    },
    outcome: 4000,
  },
} as const satisfies Partial<Record<LimitName, Case>>;
