/** The documentation at `/docs` in a real browser. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { writeCompressedSite, writeSite } from '../../codegen/site/write.ts';
import { createGateway } from '../gateway.ts';
import { PageBrowser } from '../testing/page-browser.ts';
import { buildContract } from '../testing/own-contract.ts';
import { onCleanup, serve } from '../testing/rig.ts';
import { DocsSite } from './docs-site.ts';

/** The time limit is long, because the first request in a clone renders the site. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Most tests share one gateway and one page, because opening a page takes long on a busy machine. */
const gateway = createGateway();
let docs: string;
let browser: PageBrowser;
let page: Page;

beforeAll(async () => {
  docs = `${(await gateway.listen({ port: 0 })).httpUrl}/docs`;
  // In a clone, the first request renders the site.
  await fetch(`${docs}/index.html`);
  browser = await PageBrowser.launch();
  page = await browser.open(docs.replace(/docs$/, ''), { permissions: ['clipboard-read', 'clipboard-write'] });
});
afterAll(async () => {
  await browser.close();
  await gateway.close({ drainMs: 0 });
});
afterEach(() => browser.throwFaults());

describe('the start page', () => {
  test('is the target of /, has its style, and has a policy that allows only files of the gateway', async () => {
    expect(page.url()).toBe(docs);
    const response = await page.goto(docs);
    const policy = response?.headers()['content-security-policy'] ?? '';
    expect(policy).toMatch(/^default-src 'self';/);
    expect(policy).not.toMatch(/unsafe|https?:/);
    const [contents, text] = [await page.locator('#contents').boundingBox(), await page.locator('main').boundingBox()];
    expect(text?.x).toBe(contents?.width);
  });

  test('redirects the addresses of the former one-page reference to the new pages', async () => {
    for (const [anchor, path] of [
      ['subscribed.data.position', 'commands/subscribe.html'],
      ['error-filter_not_applicable', 'errors/filter_not_applicable.html'],
      ['close-4201', 'close-codes/4201.html'],
      ['BCK-2', 'clauses.html'],
      ['get_subscriptions.query.cursor', 'http/get_subscriptions.html'],
    ] as const) {
      await page.goto(`${docs}#${anchor}`);
      await page.waitForURL(`${docs}/${path}#${anchor}`);
      expect(await page.locator(`[id="${anchor}"]`).isVisible()).toBe(true);
    }
  });
});

describe('a page', () => {
  test('has a Markdown version, which clients may cache', async () => {
    await page.goto(`${docs}/events/session_event.html`);
    await page.getByRole('link', { name: 'This page as Markdown' }).waitFor();
    const markdown = await fetch(`${docs}/events/session_event.md`);
    expect(markdown.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    expect(await markdown.text()).toMatch(/^# session_event/);
    const etag = markdown.headers.get('etag') ?? '';
    const again = await fetch(`${docs}/events/session_event.md`, { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
  });

  test('is complete without JavaScript', async () => {
    const plain = await browser.open(`${docs}/errors/filter_not_applicable.html`, { javaScriptEnabled: false });
    expect(await plain.getByRole('heading', { name: 'What to do' }).isVisible()).toBe(true);
    await plain.getByRole('link', { name: 'broker_unavailable', exact: true }).click();
    await plain.waitForURL(/broker_unavailable/);
    // The anchors of earlier versions still exist. An entry with such an anchor links to the new page.
    await plain.goto(`${docs}#error-internal`);
    const entry = plain.locator('[id="error-internal"] a');
    expect(await entry.getAttribute('href')).toBe('docs/errors/internal.html#error-internal');
    await plain.close();
  });

  test('has buttons that copy its blocks of code', async () => {
    await page.goto(`${docs}/tutorials/first-events.html`);
    await page.getByRole('button', { name: 'Copy' }).first().click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toContain('npm ci && npm start');
  });

  test('fits a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of [
      '',
      '/commands/subscribe.html',
      '/limits.html',
      '/guides/deploy.html',
      '/tapes/subscribe.html',
      '/errors/internal.html',
    ]) {
      await page.goto(`${docs}${path}`);
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 390]);
    }
    await page.setViewportSize({ width: 1400, height: 900 });
  });
});

test('no path below /docs reaches a file outside of the site', async () => {
  for (const path of [
    '../package.json',
    '..%2f..%2fpackage.json',
    'entry.html',
    'none.html',
    'assets',
    'assets/',
    '%00',
  ])
    expect([path, (await fetch(`${docs}/${path}`)).status]).toEqual([path, 404]);
});

test('a gateway serves the pages of its own contract; one built by an earlier version has the reference on one page', async () => {
  const { contract, directory } = await buildContract();
  const read = async (path: string): Promise<string> =>
    (await fetch(`${(await serve({ contract })).httpUrl}${path}`)).text();
  expect(await read('/docs/events/build_finished.html')).toContain('A build ended.');
  rmSync(join(directory, 'docs'), { recursive: true });
  expect(await read('/docs')).toContain('<h3 id="build_finished">');
});

test('a site that cannot be read is reported once', async () => {
  const faults: unknown[] = [];
  const site = new DocsSite(
    () => Promise.reject(new Error('no disk')),
    (error) => faults.push(error),
  );
  expect(await site.file('index.html')).toBeUndefined();
  expect(await site.file('index.html')).toBeUndefined();
  expect(faults).toEqual([new Error('no disk')]);
});

test('a compressed site has the same files as the site', async () => {
  const [plain, compressed] = [
    mkdtempSync(join(tmpdir(), 'tidemark-site-')),
    mkdtempSync(join(tmpdir(), 'tidemark-site-')),
  ];
  onCleanup(() => [plain, compressed].forEach((each) => rmSync(each, { recursive: true })));
  const pages = new Map([
    ['index.html', '<p>déjà vu</p>'],
    ['events/tick.md', '# tick'],
  ]);
  await writeSite(pages, plain);
  await writeCompressedSite(pages, compressed);
  expect(readdirSync(compressed)).toEqual(['events', 'index.html.gz']);
  const noFault = (error: unknown): void => expect.unreachable(String(error));
  const [left, right] = [plain, compressed].map((each) => new DocsSite(() => Promise.resolve(each), noFault));
  for (const path of [...pages.keys(), 'index.html.gz', 'missing.html'])
    expect(await right?.file(path)).toEqual(await left?.file(path));
});
