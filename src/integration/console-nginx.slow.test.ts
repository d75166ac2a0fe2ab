/**
 * The console of two nodes that share a real Redis, behind a real nginx with a path prefix and TLS. An operator finds a stalled client and
 * a busy directory, and disconnects the client.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { watchDirectory } from '../sources/watched-directory.ts';
import { seriousFindings } from '../testing/axe.ts';
import { NginxProcess, SITE } from '../testing/nginx-process.ts';
import { PageBrowser } from '../testing/page-browser.ts';
import { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let redis: RedisProcess;
let browser: PageBrowser;

beforeAll(async () => {
  [redis, browser] = await Promise.all([RedisProcess.start(), PageBrowser.launch()]);
});
afterAll(async () => {
  await browser.close();
  await redis.stop();
});
afterEach(() => browser.throwFaults());

interface Site {
  readonly nginx: NginxProcess;
  readonly nodes: readonly [Served, Served];
  readonly page: Page;
}

let site: Site;

beforeEach(async () => {
  const options = { trustedProxies: ['127.0.0.1'], allowedHosts: [SITE] };
  // Large enough that no node disconnects the slow client itself.
  const limits = { sendQueueBytes: 16_777_216, sendQueueMessages: 100_000, sendQueueAgeMs: 600_000 };
  const start = (nodeId: string) => serve({ ...options, limits, nodeId, broker: redisBroker({ url: redis.url }) });
  const nodes = [await start('first'), await start('second')] as const;
  const nginx = await NginxProcess.start([nodes[0].port, nodes[1].port]);
  onCleanup(() => nginx.close());
  const page = await browser.open(nginx.url('/console'));
  onCleanup(() => page.close());
  await page.locator('#state[data-state=open]').waitFor();
  site = { nginx, nodes, page };
});

async function enter({ nginx: { port } }: Site, data: Readonly<Record<string, unknown>>) {
  const client = await RawClient.open(`wss://127.0.0.1:${port}/tidemark/ws`, {
    headers: { host: `${SITE}:${port}` },
    origin: `https://${SITE}:${port}`,
    rejectUnauthorized: false,
  });
  onCleanup(() => client.close());
  await client.call('subscribe', { replay: { mode: 'none' }, ...data });
  const id = String((await client.find(({ type }) => type === 'welcome')).data['connectionId']);
  return { client, id };
}

const rowOf = (page: Page, table: string, text: string) => page.locator(`${table} tbody tr`, { hasText: text });
const slowClients = (): number => site.nodes.reduce((sum, { gateway }) => sum + gateway.health().backpressure.slow, 0);

test('the operator finds the stalled client of any node first, and disconnects it', async () => {
  const { page, nodes } = site;
  const stalled = await enter(site, { events: ['big'] });
  stalled.client.ws.pause();
  for (let n = 0; slowClients() === 0; n += 1) await nodes[0].gateway.publish('big', { n, text: 'x'.repeat(60_000) });
  await rowOf(page, '#clients', 'SLOW').waitFor();
  expect(await page.locator('#clients tbody tr').first().innerText()).toContain(stalled.id);
  expect(await page.locator('#nodes tbody tr').count()).toBe(2);
  await page.getByRole('button', { name: new RegExp(`^Disconnect .*${stalled.id}$`) }).click();
  await page.getByRole('button', { name: 'Disconnect for good' }).click();
  await page.locator('#done', { hasText: `connection ${stalled.id}` }).waitFor();
  await rowOf(page, '#clients', stalled.id).waitFor({ state: 'detached' });
  await vi.waitUntil(() => slowClients() === 0, PATIENCE);
});

test('the operator finds the directory with the most changes, and why a client does not receive one of them', async () => {
  const { page, nodes } = site;
  const directory = mkdtempSync(join(tmpdir(), 'hot-'));
  onCleanup(() => rmSync(directory, { recursive: true }));
  const watched = await watchDirectory(nodes[1].gateway, { directory, onWarning: () => undefined });
  onCleanup(() => watched.close());
  const ts = await enter(site, { events: ['file_change'], filter: { extensions: ['.ts'] } });
  for (let n = 0; n < 5; n += 1) writeFileSync(join(directory, `${n}.md`), 'text');
  const hot = page.getByRole('region', { name: 'Directories with events, last 5 min' });
  await vi.waitFor(async () => expect(await hot.locator('li').first().innerText()).toMatch(/\s[5-9]$/), PATIENCE);
  const event = page.locator('#events li', { hasText: '3.md' }).first();
  await event.locator('summary').click();
  await event.getByRole('button', { name: 'Explain' }).click();
  await rowOf(page, '#explanation', ts.id).waitFor();
  expect(await rowOf(page, '#explanation', ts.id).innerText()).toContain('the filter extensions is .ts');
});

test.each(['light', 'dark'] as const)('axe finds no serious accessibility fault (%s mode)', async (colorScheme) => {
  const { page, nodes } = site;
  await page.emulateMedia({ colorScheme });
  const { id } = await enter(site, { events: ['*'] });
  await nodes[0].gateway.publish('tick', { n: 1 });
  await rowOf(page, '#clients', id).waitFor();
  await page.locator('#events li', { hasText: 'tick' }).first().waitFor();
  for (const width of [1400, 390]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await seriousFindings(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  }
});
