/** The documentation in a real browser, behind a real nginx with a path prefix and TLS. Also tests the accessibility of its pages. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createGateway } from '../gateway.ts';
import { watchDirectory } from '../sources/watched-directory.ts';
import type { WatchedDirectory } from '../sources/watched-directory.ts';
import { seriousFindings } from '../testing/axe.ts';
import { NginxProcess, SITE } from '../testing/nginx-process.ts';
import { PageBrowser } from '../testing/page-browser.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const options = { trustedProxies: ['127.0.0.1'], allowedHosts: [SITE], broadcast: 'on' as const };
const gateways = [
  createGateway({ ...options, nodeId: 'first' }),
  createGateway({ ...options, nodeId: 'second' }),
] as const;
const directories = gateways.map(() => mkdtempSync(join(tmpdir(), 'tidemark-docs-nginx-')));
const watching: WatchedDirectory[] = [];
let nginx: NginxProcess;
let browser: PageBrowser;
let page: Page;

beforeAll(async () => {
  const [first, second] = [await gateways[0].listen({ port: 0 }), await gateways[1].listen({ port: 0 })];
  for (const [at, gateway] of gateways.entries())
    watching.push(await watchDirectory(gateway, { directory: directories[at] ?? '', onWarning: () => undefined }));
  // In a clone, the first request renders the site.
  await Promise.all([first, second].map(({ httpUrl }) => fetch(`${httpUrl}/docs/index.html`)));
  nginx = await NginxProcess.start([first.port, second.port]);
  browser = await PageBrowser.launch();
  page = await browser.open(nginx.url('/'));
});
afterAll(async () => {
  await browser.close();
  await nginx.close();
  for (const each of watching) await each.close();
  for (const gateway of gateways) await gateway.close({ drainMs: 0 });
});
afterEach(() => browser.throwFaults());

describe('behind a prefix', () => {
  test('/ leads to the start page, and an old anchor to its page', async () => {
    expect(page.url()).toBe(nginx.url('/docs'));
    await page.goto(`${nginx.url('/docs')}#error-internal`);
    await page.waitForURL(nginx.url('/docs/errors/internal.html#error-internal'));
    expect(await page.locator('h1').innerText()).toContain('internal');
  });

  test('the search finds a field, an error and a guide', async () => {
    for (const [query, address] of [
      ['oldestQueuedMs', /http\/get_subscriptions\.html#/],
      ['filter_not_applicable', /errors\/filter_not_applicable\.html$/],
      ['deploy behind a proxy', /guides\/deploy\.html/],
    ] as const) {
      await page.goto(nginx.url('/docs'));
      await page.getByRole('searchbox').fill(query);
      await page.locator(`[aria-label=Results][data-query="${query}"] a`).first().click();
      await page.waitForURL(address);
      expect(page.url().startsWith(nginx.url('/docs/'))).toBe(true);
    }
  });

  test('the form subscribes, receives a file event, and explains a wrong frame', async () => {
    await page.goto(nginx.url('/docs/commands/subscribe.html'));
    const message = page.locator('#try-message');
    await message.fill('{"type":"subscribe","id":"c1","data":{"events":["file_change"]}}');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.frames li[data-name=subscribed]').waitFor();
    for (const directory of directories) writeFileSync(join(directory, 'note.ts'), 'export {};\n');
    await page.locator('.frames li[data-name="event file_change"]').first().waitFor();
    await message.fill('{"type":"subscribe","id":"c2","data":{"events":"file_change"}}');
    expect(await page.locator('.check').innerText()).toContain('/data/events type: must be array');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.frames li[data-name="error invalid_message"]').waitFor();
  });

  test('an HTTP operation is called below the prefix', async () => {
    await page.goto(nginx.url('/docs/http/get_health.html'));
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.frames li[data-name="200"]').waitFor();
    expect(await page.locator('.frames .invalid').count()).toBe(0);
  });
});

const PAGES = [
  '/docs',
  '/docs/commands/subscribe.html',
  '/docs/errors/filter_not_applicable.html',
  '/docs/limits.html',
  '/docs/clauses.html',
  '/docs/guides/deploy.html',
  '/docs/tapes/ping.html',
  '/docs/http/get_subscriptions.html',
];

describe('for every reader', () => {
  test.each(['light', 'dark'] as const)('axe finds no serious accessibility fault (%s mode)', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    for (const path of PAGES) {
      await page.goto(nginx.url(path));
      // The form and the search results must be present, because they are part of the page.
      if (/commands|http/.test(path)) await page.locator('.try').waitFor();
      await page.getByRole('searchbox').fill('slow');
      await page.locator('[aria-label=Results][data-query=slow]').waitFor();
      expect([path, ...(await seriousFindings(page))]).toEqual([path]);
    }
  });

  test('no page is wider than the screen of a phone, even with the form and the search results', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of PAGES) {
      await page.goto(nginx.url(path));
      if (/commands|http/.test(path)) await page.locator('.try').waitFor();
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 390]);
    }
  });
});
