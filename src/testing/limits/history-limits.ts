/** Limits of history, streams and idempotency keys. */
import { expect } from 'vitest';
import type { LimitName } from '../../../generated/protocol.ts';
import { exceeded, recoveryAfterThree, refusalOf, TICKS, windowExceeded } from './limit-case.ts';
import type { Case } from './limit-case.ts';

export const HISTORY_LIMITS = {
  historyEvents: { low: 1, pass: (rig) => recoveryAfterThree(rig, 'main', {}), outcome: windowExceeded },
  historyBytes: {
    low: 1024,
    pass: (rig) => recoveryAfterThree(rig, 'main', { text: 'x'.repeat(600) }),
    outcome: windowExceeded,
  },
  historyAgeMs: {
    low: 1000,
    pass: (rig) => recoveryAfterThree(rig, 'main', {}, () => (rig.skewMs += 1001)),
    outcome: windowExceeded,
  },
  sessionHistoryEvents: { low: 1, pass: (rig) => recoveryAfterThree(rig, 'session:a', {}), outcome: windowExceeded },
  sessionTtlMs: {
    low: 1000,
    pass: (rig) => recoveryAfterThree(rig, 'session:a', {}, () => (rig.skewMs += 1001)),
    outcome: { attempted: true, recovered: false, reason: 'epoch_changed' },
  },
  retainedKeys: {
    low: 1,
    with: { historyEvents: 1 },
    pass: async (rig) => {
      for (const id of ['a', 'b', 'c']) await rig.publish('entity_created', { id, entityType: 'function', name: id });
      const client = await rig.connect();
      await client.call('subscribe', { events: ['entity_*'] });
      return (await client.find((each) => each.type === 'replay_complete')).data;
    },
    outcome: { count: 1, truncated: true },
  },
  retainedBytes: {
    low: 1024,
    with: { historyEvents: 1 },
    pass: async (rig) => {
      const language = 'x'.repeat(64);
      for (let n = 0; n < 6; n += 1)
        await rig.publish('entity_created', { id: `${n}`, entityType: 'function', name: 'n', language });
      const client = await rig.connect();
      await client.call('subscribe', { events: ['entity_*'] });
      return (await client.find((each) => each.type === 'replay_complete')).data;
    },
    outcome: { count: expect.toSatisfy((n) => n >= 1 && n <= 3), truncated: true },
  },
  historyBudgetBytes: {
    low: 1_048_576,
    pass: async (rig) => {
      const { epoch } = await rig.publish('tick', {});
      for (let n = 0; n < 20; n += 1) await rig.publish('tick', { text: 'x'.repeat(60_000) });
      const client = await rig.connect();
      const replay = { mode: 'resume', after: { epoch, sequenceId: 1 } };
      return (await client.call('subscribe', { ...TICKS, replay })).data['recovery'];
    },
    outcome: windowExceeded,
  },
  streamsPerNode: {
    low: 16,
    pass: async (rig) => {
      for (let n = 0; n < 16; n += 1) await rig.publish('tick', {}, `workspace:w${n}`);
      return refusalOf(rig, 'broadcast', { stream: 'session:one', event: 'tick', payload: {} });
    },
    outcome: exceeded('streamsPerNode', 16),
  },
  idempotencyKeys: {
    low: 16,
    with: { commandBurst: 1000 },
    pass: async (rig) => {
      const client = await rig.connect();
      const broadcast = async (n: number): Promise<unknown> => {
        const data = { stream: 'main', event: 'tick', payload: {}, idempotencyKey: `k${n}` };
        return (await client.call('broadcast', data)).data['duplicate'];
      };
      for (let n = 0; n < 17; n += 1) await broadcast(n);
      return [await broadcast(16), await broadcast(0)];
    },
    outcome: [true, false],
  },
  idempotencyWindowMs: {
    low: 1000,
    pass: async (rig) => {
      const client = await rig.connect();
      const broadcast = async (): Promise<unknown> => {
        const data = { stream: 'main', event: 'tick', payload: {}, idempotencyKey: 'k' };
        return (await client.call('broadcast', data)).data['duplicate'];
      };
      const [first, second] = [await broadcast(), await broadcast()];
      rig.skewMs += 1001;
      return [first, second, await broadcast()];
    },
    outcome: [false, true, false],
  },
} as const satisfies Partial<Record<LimitName, Case>>;
