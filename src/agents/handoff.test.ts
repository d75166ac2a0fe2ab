/** Steps of a handoff whose reply arrives late, never, or with another epoch, and attempts that fail. */
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import type { TidemarkClient } from '../../generated/client.ts';
import { clientOf, serve } from '../testing/rig.ts';
import { orAbort } from './abort.ts';
import { HandoffLog } from './handoff-log.ts';
import { offerWork, reportWork, takeWork, TakeUnknownError } from './handoff.ts';

type Broadcast = (...given: Parameters<TidemarkClient['broadcast']>) => Promise<unknown>;

/** Wraps a client: it publishes at once, but returns the gateway's reply only when `confirmed` has resolved. */
function slowToConfirm(client: TidemarkClient, confirmed: Promise<void>): TidemarkClient {
  return withBroadcast(client, async (...given) => {
    const reply = await client.broadcast(...given);
    await orAbort(confirmed, given[1]?.signal ?? new AbortController().signal);
    return reply;
  });
}

/** The client with another way to publish. */
function withBroadcast(client: TidemarkClient, broadcast: Broadcast): TidemarkClient {
  return new Proxy(client, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (name === 'broadcast') return broadcast;
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

test('taken work is returned, even if the time limit ends before the gateway has confirmed', async () => {
  const { url } = await serve({ broadcast: 'on' });
  const { signal } = new AbortController();
  const limit = new AbortController();
  const confirmed = Promise.withResolvers<void>();
  const client = clientOf(url);
  const log = await HandoffLog.open(client, 's1', signal);
  await offerWork(log, { offer: 'o1', task: 1, leaseMs: 60_000 }, { actor: 'ana', signal });
  const taking = await HandoffLog.open(slowToConfirm(client, confirmed.promise), 's1', signal);
  const taken = takeWork(taking, undefined, { actor: 'bo', signal, limit: limit.signal });
  // Now the log contains the take.
  while (log.offers.get('o1')?.holder === undefined) await log.change(signal);
  limit.abort();
  confirmed.resolve();
  expect(await taken).toMatchObject({ offer: 'o1', fence: { sequenceId: 2 } });
  await expect(takeWork(log, undefined, { actor: 'cy', signal, limit: limit.signal })).rejects.toBe(
    limit.signal.reason,
  );
});

test('without a confirmation, it is reported that the owner of the work is unknown', async () => {
  const { url } = await serve({ broadcast: 'on' });
  const { signal } = new AbortController();
  const client = clientOf(url);
  const log = await HandoffLog.open(client, 's1', signal);
  await offerWork(log, { offer: 'o1', task: 1, leaseMs: 60_000 }, { actor: 'ana', signal });
  const limit = new AbortController();
  const deaf = await HandoffLog.open(slowToConfirm(client, new Promise(() => undefined)), 's1', signal);
  const taken = takeWork(deaf, undefined, { actor: 'bo', signal, limit: limit.signal, settleMs: 10 });
  while (log.offers.get('o1')?.holder === undefined) await log.change(signal);
  limit.abort();
  await expect(taken).rejects.toThrow(TakeUnknownError);
});

test('a step that was published in another epoch does not count as the step with the same number in this log', async () => {
  const client = clientOf((await serve({ broadcast: 'on' })).url);
  // A second gateway represents the first one after Redis has lost the log: the stream has another epoch and is numbered from 1 again.
  const after = clientOf((await serve({ broadcast: 'on' })).url);
  const { signal } = new AbortController();
  const log = await HandoffLog.open(client, 's1', signal);
  await offerWork(log, { offer: 'o1', task: 1, leaseMs: 60_000 }, { actor: 'ana', signal });
  const published = Promise.withResolvers<void>();
  const moved = withBroadcast(client, async (...given) => {
    const reply = await after.broadcast(...given);
    published.resolve();
    return reply;
  });
  const other = await HandoffLog.open(moved, 's1', signal);
  const limit = new AbortController();
  const taken = other.publish({ step: 'take', offer: 'o1' }, { actor: 'bo', signal: limit.signal });
  await published.promise;
  await client.ping();
  limit.abort();
  await expect(taken).rejects.toBe(limit.signal.reason);
});

test('attempts to take work that another agent took first leave nothing behind on the time limit', async () => {
  const { url } = await serve({ broadcast: 'on' });
  const { signal } = new AbortController();
  const limit = new AbortController();
  const client = clientOf(url);
  const log = await HandoffLog.open(client, 's1', signal);
  await offerWork(log, { offer: 'o1', task: 1, leaseMs: 60_000 }, { actor: 'ana', signal });
  let attempts = 0;
  const tooLate = withBroadcast(client, async (...given) => {
    attempts += 1;
    if (attempts > 5) return client.broadcast(...given);
    const { offer, fence } = await takeWork(log, 'o1', { actor: 'ana', signal, limit: new AbortController().signal });
    const reply = await client.broadcast(...given);
    await reportWork(log, { step: 'release', offer, fence }, { actor: 'ana', signal });
    return reply;
  });
  const late = await HandoffLog.open(tooLate, 's1', signal);
  const taken = await takeWork(late, 'o1', { actor: 'bo', signal, limit: limit.signal });
  expect([taken.offer, attempts]).toEqual(['o1', 6]);
  expect(getEventListeners(limit.signal, 'abort')).toEqual([]);
});
