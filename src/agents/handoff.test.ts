/** Taking work at the end of its time limit: a take that was sent counts. */
import { expect, test } from 'vitest';
import type { TidemarkClient } from '../../generated/client.ts';
import { clientOf, serve } from '../testing/rig.ts';
import { orAbort } from './abort.ts';
import { HandoffLog } from './handoff-log.ts';
import { offerWork, takeWork, TakeUnknownError } from './handoff.ts';

/** The client, whose publications are confirmed only after a promise. */
function slowToConfirm(client: TidemarkClient, confirmed: Promise<void>): TidemarkClient {
  const broadcast = async (...given: Parameters<TidemarkClient['broadcast']>): Promise<unknown> => {
    const reply = await client.broadcast(...given);
    await orAbort(confirmed, given[1]?.signal ?? new AbortController().signal);
    return reply;
  };
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
