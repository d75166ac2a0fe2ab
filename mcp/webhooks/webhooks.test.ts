/** Webhook subscriptions without a gateway: a source that the test ends, and a real receiver. */
import { expect, test, vi } from 'vitest';
import { onCleanup, PATIENCE } from '../../src/testing/rig.ts';
import { QUICK_WEBHOOKS, receiver } from '../testing/http-server.ts';
import type { Receiver } from '../testing/http-server.ts';
import { EndpointError, post } from './endpoint.ts';
import type { Source, SourceItem } from './source.ts';
import { Webhooks } from './webhooks.ts';
import type { WebhookOptions, WebhookRequest } from './webhooks.ts';

function webhooksOf(options: Partial<WebhookOptions> = {}): Webhooks {
  const webhooks = new Webhooks({ ...QUICK_WEBHOOKS, ...options });
  onCleanup(() => webhooks.close());
  return webhooks;
}

/** A source that starts immediately, yields no events, and throws when the promise rejects. */
function sourceOf(end: Promise<never>): Source {
  async function* items(): AsyncGenerator<SourceItem, undefined> {
    yield { kind: 'start', cursor: 'c0', truncated: false };
    return end;
  }
  end.catch(() => undefined);
  return { items: items(), cursor: () => undefined };
}

function request(hook: Receiver, { name = 'a', end = new Promise<never>(() => undefined) } = {}): WebhookRequest {
  return {
    key: { principal: 'ana', url: hook.url, name, parameters: {} },
    secret: hook.secret,
    ttlMs: undefined,
    open: () => sourceOf(end),
    onEnd: () => ({ code: -32024, message: 'Forbidden' }),
  };
}

const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;

test('`terminated` is signed, no matter how long the endpoint takes', async () => {
  const hook = await receiver();
  const { promise, reject } = Promise.withResolvers<never>();
  const webhooks = webhooksOf({ ttlMs: { shortest: 1, usual: 60_000, longest: 60_000 }, retryDelaysMs: [20, 20] });
  await webhooks.subscribe(request(hook, { end: promise }));
  hook.statuses.push(503, 503);
  reject(new Error('withdrawn'));
  const isTerminated = ({ body }: Receiver['received'][number]): boolean => body['type'] === 'terminated';
  await vi.waitFor(() => expect(hook.received.filter(isTerminated)).toHaveLength(3), PATIENCE);
  expect(hook.received.filter(isTerminated).map(({ isSigned }) => isSigned)).toEqual([true, true, true]);
});

test('nothing is pending after the server was closed, even when the endpoint has not accepted `terminated`', async () => {
  const hook = await receiver();
  const before = timers();
  const { promise, reject } = Promise.withResolvers<never>();
  const webhooks = webhooksOf({ retryDelaysMs: [3_600_000] });
  await webhooks.subscribe(request(hook, { end: promise }));
  hook.statuses.push(503);
  reject(new Error('withdrawn'));
  await vi.waitFor(() => expect(hook.statuses).toEqual([]), PATIENCE);
  await vi.waitFor(() => expect(timers()).toBeGreaterThan(before), PATIENCE);
  webhooks.close();
  await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before), PATIENCE);
});

test('the limit on subscriptions also applies to subscriptions that are created at the same time', async () => {
  const hook = await receiver();
  const webhooks = webhooksOf({ subscriptionsPerPrincipal: 2 });
  const made = await Promise.allSettled(['a', 'b', 'c'].map((name) => webhooks.subscribe(request(hook, { name }))));
  expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(made[2]).toMatchObject({ reason: { reason: 'exhausted' } });
  // A refused subscription does not count: after another one has ended, a new one is accepted.
  const { key } = request(hook);
  await webhooks.unsubscribe(key);
  await webhooks.subscribe(request(hook, { name: 'c' }));
});

test('a host name that is never resolved causes a timeout, like a silent endpoint', async () => {
  const lookup = (): Promise<never> => new Promise(() => undefined);
  const options = { allowPrivate: false, timeoutMs: 20, lookup };
  const error = await post('https://hooks.example/', { headers: {}, body: '' }, options).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(EndpointError);
  expect(error).toMatchObject({ fault: 'timeout' });
});
