/** The code for a page in the guide to server-sent events, in a real Chromium: when the browser reconnects, and when the page must not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { PageBrowser } from '../testing/page-browser.ts';
import { PATIENCE, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/guides/server-sent-events.md'), 'utf8');
const [, CODE = ''] = /^```js\n(const source = [^]*?)^```$/m.exec(GUIDE) ?? [];

let browser: PageBrowser;
let served: Served;
let page: Page;

beforeAll(async () => {
  browser = await PageBrowser.launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  served = await serve();
  page = await browser.open(`${served.httpUrl}/healthz`);
  onCleanup(() => page.close());
  // Define the functions that the guide leaves to the reader.
  await page.evaluate(`globalThis.shown = []; globalThis.ended = [];
    const show = ({ payload }) => shown.push(payload.id), readAgain = () => shown.push('gap'), showEnd = (name) => ended.push(name);
    ${CODE}
    globalThis.source = source;`);
  await vi.waitUntil(() => served.gateway.health().subscriptions.total === 1, PATIENCE);
});
// The browser also requests /favicon.ico, which the gateway does not have.
afterEach(() => browser.throwFaults(/404 \(Not Found\)/));

const publish = (id: string) => served.gateway.publish('entity_deleted', { id });
const shown = () => page.evaluate('[shown, ended, source.readyState]');

async function disconnect(reconnect: 'may reconnect' | 'for good'): Promise<void> {
  const nodes = (await (await fetch(`${served.httpUrl}/ws/subscriptions`)).json()) as {
    readonly items: readonly { readonly connectionId: string }[];
  };
  const connectionId = nodes.items[0]?.connectionId;
  await fetch(`${served.httpUrl}/ws/disconnect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ connectionId, reconnect: reconnect === 'may reconnect' }),
  });
  await vi.waitUntil(() => served.gateway.health().connections === 0, PATIENCE);
}

test('after an end that may be retried, the browser reconnects and misses nothing', async () => {
  await publish('before');
  await vi.waitFor(async () => expect(await shown()).toEqual([['before'], [], 1]), PATIENCE);
  await disconnect('may reconnect');
  await publish('meanwhile');
  await vi.waitFor(async () => expect(await shown()).toEqual([['before', 'meanwhile'], [], 1]), PATIENCE);
});

test('after any other end, the page closes its source, so that the browser does not reconnect', async () => {
  await disconnect('for good');
  await vi.waitFor(async () => expect(await shown()).toEqual([[], ['removed'], 2]), PATIENCE);
});
