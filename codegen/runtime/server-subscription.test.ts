import { describe, expect, test, vi } from 'vitest';
import type { Settle } from './commands.ts';
import { ServerSubscription } from './server-subscription.ts';
import { TidemarkError } from './errors.ts';

const OK = { ok: true, data: {} } as const;
const LATER = {
  ok: false,
  error: new TidemarkError({ code: 'rate_limited', message: 'later', retryable: true, retryAfterMs: 1 }),
} as const;

/** A subscription on the server whose commands the test answers. `sent` contains the commands that wait for a reply. */
function subscriptionOnServer(): { serverSubscription: ServerSubscription; sent: [string, Settle][]; log: string[] } {
  const sent: [string, Settle][] = [];
  const log: string[] = [];
  const serverSubscription = new ServerSubscription({
    id: 's1',
    request: (command, _data, settle) => {
      sent.push([command, settle]);
      return true;
    },
    backoffMs: () => 1,
    nextSubscribe: () => ({ asked: 'warm', data: {} }),
    onSubscribed: () => log.push('subscribed'),
    onPostponed: ({ code }, delayMs) => log.push(`postponed ${code} ${delayMs}`),
    onRefused: () => log.push('refused'),
    onDetached: () => log.push('detached'),
  });
  return { serverSubscription, sent, log };
}

describe('a subscription on the server', () => {
  test('that is wanted again during its unsubscribe ends first, then subscribes again', () => {
    const { serverSubscription, sent } = subscriptionOnServer();
    serverSubscription.connected();
    sent[0]?.[1](OK);
    serverSubscription.park();
    serverSubscription.unpark();
    expect(serverSubscription.attentive).toBe(false);
    sent[1]?.[1](OK);
    expect(sent.map(([command]) => command)).toEqual(['subscribe', 'unsubscribe', 'subscribe']);
  });

  test('whose unsubscribe was postponed does not accept events again before a new subscribe', async () => {
    const { serverSubscription, sent } = subscriptionOnServer();
    serverSubscription.connected();
    sent[0]?.[1](OK);
    serverSubscription.park();
    sent[1]?.[1](LATER);
    serverSubscription.unpark();
    expect(serverSubscription.attentive).toBe(false);
    await vi.waitFor(() => expect(sent.length).toBe(3));
    expect(sent[2]?.[0]).toBe('unsubscribe');
    sent[2]?.[1](OK);
    sent[3]?.[1](OK);
    expect([sent[3]?.[0], serverSubscription.attentive]).toEqual(['subscribe', true]);
  });

  test('reports a postponed subscribe, and retries it', async () => {
    const { serverSubscription, sent, log } = subscriptionOnServer();
    serverSubscription.connected();
    sent[0]?.[1](LATER);
    expect(log).toEqual(['postponed rate_limited 1']);
    await vi.waitFor(() => expect(sent.length).toBe(2));
    sent[1]?.[1](OK);
    expect(log).toEqual(['postponed rate_limited 1', 'subscribed']);
  });

  test('that ended while its subscribe was postponed is detached', () => {
    const { serverSubscription, sent, log } = subscriptionOnServer();
    serverSubscription.connected();
    serverSubscription.end();
    sent[0]?.[1](LATER);
    expect([sent.length, ...log]).toEqual([1, 'detached']);
  });

  test('is detached only once, even if it is ended several times', () => {
    const { serverSubscription, sent, log } = subscriptionOnServer();
    serverSubscription.connected();
    sent[0]?.[1](OK);
    serverSubscription.end();
    serverSubscription.lost();
    serverSubscription.end();
    serverSubscription.lost();
    expect(log).toEqual(['subscribed', 'detached']);
  });
});
