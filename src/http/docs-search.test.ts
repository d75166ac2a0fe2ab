/** The search of the documentation in a real browser. A list of typical questions must lead to pages with the answers. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createGateway } from '../gateway.ts';
import { buildContract } from '../testing/own-contract.ts';
import { PageBrowser } from '../testing/page-browser.ts';
import { serve } from '../testing/rig.ts';

/** The time limit is long, because the first request in a clone renders the site. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const gateway = createGateway();
let docs: string;
let browser: PageBrowser;
let page: Page;

beforeAll(async () => {
  docs = `${(await gateway.listen({ port: 0 })).httpUrl}/docs`;
  // In a clone, the first request renders the site.
  await fetch(`${docs}/index.html`);
  browser = await PageBrowser.launch();
  page = await browser.open(docs);
});
afterAll(async () => {
  await browser.close();
  await gateway.close({ drainMs: 0 });
});
afterEach(() => browser.throwFaults());

/** Types a query on the open page and waits for the results. */
async function search(query: string, on = page): Promise<void> {
  await on.getByRole('searchbox').fill(query);
  await on.locator(`[aria-label=Results][data-query=${JSON.stringify(query)}]`).waitFor();
}

/** Searches from the start page and opens the first result whose title contains `title`. @returns the text of the opened page */
async function answerTo(query: string, title: string): Promise<string> {
  await page.goto(docs);
  await search(query);
  await page.locator('[aria-label=Results] a', { hasText: title }).first().click();
  await page.waitForURL(/\.html/);
  return page.locator('main').innerText();
}

describe('the search', () => {
  test.each([
    ['filter_not_applicable', 'filter_not_applicable', 'error'],
    ['oldestQueuedMs', 'oldestQueuedMs', 'field'],
    ['sendQueueBytes', 'sendQueueBytes', 'limit'],
    ['BCK-2', 'BCK-2', 'clause'],
    ['session_event', 'session_event', 'event'],
    ['4201', '4201', 'close code'],
    ['testimony vouch', 'Glossary', 'guide'],
    ['deploy behind a proxy', 'Deploy', 'guide'],
  ])('for %j finds its page first, and shows the kind of the result', async (query, title, kind) => {
    await search(query);
    const first = page.locator('[aria-label=Results] a').first();
    expect(await first.locator('b').innerText()).toContain(title);
    expect(await first.locator('small').innerText()).toBe(kind);
  });

  test('works with the keyboard only, from any page', async () => {
    await page.goto(`${docs}/guides/deploy.html`);
    await page.keyboard.press('/');
    await page.keyboard.type('payload_too_large');
    await page.locator('[aria-label=Results][data-query=payload_too_large]').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.waitForURL(/errors/);
    expect(page.url()).toBe(`${docs}/errors/payload_too_large.html`);
  });

  test('leads from a field to its place on the page', async () => {
    await search('previousPath');
    await page.locator('[aria-label=Results] a', { hasText: 'file_change.payload.previousPath' }).click();
    await page.waitForURL(`${docs}/events/file_change.html#file_change.payload.previousPath`);
    expect(await page.locator('[id="file_change.payload.previousPath"]').isVisible()).toBe(true);
  });

  test('finds the events of the user’s own contract', async () => {
    const { contract } = await buildContract();
    const { httpUrl } = await serve({ contract });
    const own = await browser.open(`${httpUrl}/docs`);
    await search('build_finished', own);
    expect(await own.locator('[aria-label=Results] b').first().innerText()).toBe('build_finished');
    await own.close();
  });

  test('fits a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await search('slow');
    const box = await page.locator('.found').boundingBox();
    expect((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 0) <= 390).toBe(true);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.setViewportSize({ width: 1400, height: 900 });
  });
});

describe('one search answers', () => {
  test('what happens to a slow client', async () => {
    const text = await answerTo('slow client', '4201 slow_consumer');
    expect(text).toContain('can resume without loss');
    expect(text).toContain('Reconnect and resume after your last position');
  });

  test('which scopes exist, with examples', async () => {
    const text = await answerTo('scopes', 'Scopes');
    for (const scope of ['subscribe', 'publish', 'admin:read', 'subscribe:file_change@main'])
      expect(text).toContain(scope);
  });

  test('what filter_not_applicable means and how to correct it', async () => {
    const text = await answerTo('filter_not_applicable', 'filter_not_applicable');
    expect(text).toMatch(/None of the subscribed events declares this filter field[^]*What to do[^]*details\.fields/);
  });

  test('what is replayed for session_event', async () => {
    const text = await answerTo('replayed session_event', 'session_event');
    expect(text).toMatch(/Warm replay\s+log/);
  });

  test('how the pages of /ws/subscriptions work', async () => {
    const text = await answerTo('subscriptions page cursor', 'GET /ws/subscriptions');
    expect(text).toContain('While nextCursor is present, more follow');
  });

  test('how to add an event', async () => {
    const text = await answerTo('how to add an event', 'Add events of your own');
    expect(text).toContain('tidemark contract');
  });
});

test('the start page answers the same questions within two clicks', async () => {
  for (const [link, answer] of [
    ['4201', 'Reconnect and resume after your last position'],
    ['Scopes', 'subscribe:file_change@main'],
    ['GET /ws/subscriptions', 'While nextCursor is present'],
    ['Add events of your own', 'tidemark contract'],
  ] as const) {
    await page.goto(docs);
    await page.locator('main').getByRole('link', { name: link, exact: true }).first().click();
    await page.waitForURL(/\.html/);
    expect(await page.locator('main').innerText()).toContain(answer);
  }
  for (const [section, name, answer] of [
    ['Errors', 'filter_not_applicable', 'details.fields'],
    ['Events', 'session_event', 'Warm replay'],
  ] as const) {
    await page.goto(docs);
    await page.locator('nav summary', { hasText: new RegExp(`^${section}$`) }).click();
    await page.locator('nav').getByRole('link', { name, exact: true }).click();
    await page.waitForURL(/\.html/);
    expect(await page.locator('main').innerText()).toContain(answer);
  }
});
