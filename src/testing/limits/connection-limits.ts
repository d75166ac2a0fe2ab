/** Limits of connections and send queues. */
import type { LimitName } from '../../../generated/protocol.ts';
import { RawClient } from '../raw-client.ts';
import { closeOfStalled, connectionsAre, guarded, handshake, silentClose } from './limit-case.ts';
import type { Case } from './limit-case.ts';

export const CONNECTION_LIMITS = {
  connectionsPerNode: {
    low: 2,
    pass: async (rig) => {
      const [first] = [await rig.connect(), await rig.connect()];
      const { status } = await RawClient.refused(rig.url);
      first.close();
      await connectionsAre(rig, 1);
      return [status, (await (await rig.connect()).call('ping')).type];
    },
    outcome: [503, 'pong'],
  },
  connectionsPerAddress: {
    low: 2,
    pass: async (rig) => {
      for (let n = 0; n < 2; n += 1) await rig.connect();
      const { status, headers } = await RawClient.refused(rig.url);
      return [status, headers['retry-after']];
    },
    outcome: [429, '2'],
  },
  acceptsPerSecond: {
    low: 2,
    pass: async (rig) => {
      rig.skewMs += 10_000;
      for (let n = 0; n < 2; n += 1) await rig.connect();
      const { status, headers } = await RawClient.refused(rig.url);
      rig.skewMs += 500;
      return [status, headers['retry-after'], (await (await rig.connect()).call('ping')).type];
    },
    outcome: [503, '2', 'pong'],
  },
  handshakeTimeoutMs: {
    // The limit is long enough for the requests of the test itself on a busy machine.
    low: 1000,
    pass: async (rig) => {
      const start = performance.now();
      const answers = await Promise.all([
        handshake(rig, ''),
        handshake(rig, 'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgr'),
      ]);
      // The default of the limit is 5000, so a lower time shows that the low value was used.
      return [...answers, performance.now() - start < 5000];
    },
    outcome: ['HTTP/1.1 408 Request Timeout', 'HTTP/1.1 408 Request Timeout', true],
  },
  authTimeoutMs: {
    low: 100,
    options: { authenticator: guarded },
    pass: async (rig) => (await (await rig.connect()).closed).code,
    outcome: 4008,
  },
  heartbeatIntervalMs: {
    low: 200,
    pass: async (rig) => {
      const client = await rig.connect();
      const silent = silentClose(rig);
      await client.until(() => client.frames.filter((each) => each.type === 'heartbeat').length === 3);
      return [await silent, client.ws.readyState];
    },
    outcome: [4203, 1],
  },
  sendQueueBytes: { low: 16_384, pass: closeOfStalled, outcome: 4201 },
  sendQueueMessages: { low: 16, with: { sendQueueBytes: 2 ** 30 }, pass: closeOfStalled, outcome: 4201 },
  sendQueueBudgetBytes: {
    low: 1_048_576,
    with: { sendQueueBytes: 2 ** 30, sendQueueMessages: 1_000_000 },
    pass: closeOfStalled,
    outcome: 4201,
  },
  sendQueueAgeMs: {
    low: 100,
    with: { sendQueueBytes: 2 ** 30, heartbeatIntervalMs: 1000 },
    pass: closeOfStalled,
    outcome: 4201,
  },
  drainMs: {
    low: 200,
    pass: async (rig) => {
      const silent = silentClose(rig);
      await connectionsAre(rig, 2);
      const start = performance.now();
      await rig.gateway.close();
      const tookMs = performance.now() - start;
      return [await silent, tookMs >= 195, tookMs < 2000];
    },
    outcome: [4200, true, true],
  },
} as const satisfies Partial<Record<LimitName, Case>>;
