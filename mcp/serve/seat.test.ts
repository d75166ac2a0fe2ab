/** Responses at the pace of their client, and how long a resource is watched. */
import { expect, test, vi } from 'vitest';
import { onCleanup, PATIENCE, serve } from '../../src/testing/rig.ts';
import { testContract } from '../testing/contracts.ts';
import { Seat } from './seat.ts';

const contract = await testContract();

function seatOf(url: string, stallMs = 60_000): Seat {
  const onFault = (error: unknown): void => expect(error).toBeUndefined();
  const seat = new Seat({ gateway: { url }, host: { contract, onFault }, stallMs });
  onCleanup(() => seat.close());
  return seat;
}

function post(method: string, params: object, signal?: AbortSignal): Request {
  return new Request('http://localhost/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    ...(signal === undefined ? {} : { signal }),
  });
}

const stream = post.bind(undefined, 'events/stream', { name: 'custom_event', arguments: { event: 'build.*' } });

/** Number of subscriptions at the gateway. */
async function listeners(url: string): Promise<unknown> {
  const response = await fetch(`${url.replace('ws:', 'http:')}/subscriptions`);
  return ((await response.json()) as { readonly total: unknown }).total;
}

test('a client that does not read stops the subscription, and receives everything once it reads', async () => {
  const { gateway, url } = await serve();
  const end = new AbortController();
  const response = await seatOf(url).fetch(stream(end.signal), () => undefined);
  await vi.waitFor(async () => expect(await listeners(url)).toBe(1), PATIENCE);
  const count = 600;
  for (let n = 0; n < count; n += 1) await gateway.publish('build.step', { n });
  // A full buffer makes the client of the gateway unsubscribe until half of it has been read.
  await vi.waitFor(async () => expect(await listeners(url)).toBe(0), PATIENCE);
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(`"payload":{"n":${count - 1}}`)) break;
  }
  expect(text.split('notifications/events/event"').length - 1).toBe(count);
  end.abort();
  await vi.waitFor(async () => expect(await listeners(url)).toBe(0), PATIENCE);
});

test('a client that takes nothing for too long is disconnected, and one that waits for events is not', async () => {
  const { gateway, url } = await serve();
  const seat = seatOf(url, 20);
  const [deaf, reading] = [vi.fn<() => void>(), vi.fn<() => void>()];
  await seat.fetch(stream(), deaf);
  const { body } = await seat.fetch(stream(), reading);
  void body?.pipeTo(new WritableStream()).catch(() => undefined);
  await vi.waitFor(async () => expect(await listeners(url)).toBe(2), PATIENCE);
  await gateway.publish('build.step', {});
  await vi.waitFor(() => expect(deaf).toHaveBeenCalledOnce(), PATIENCE);
  expect(reading).not.toHaveBeenCalled();
});
