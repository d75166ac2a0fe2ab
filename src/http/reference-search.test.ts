/** The search of `/docs` in a real browser: one search answers what readers ask. */
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { buildContract } from '../testing/own-contract.ts';

let browser: Browser;
let gateway: Gateway | undefined;
const faults: string[] = [];

beforeAll(async () => {
  const executablePath = locate(CHROMIUM);
  if (executablePath === undefined) throw new Error('Chromium is missing: node scripts/ensure-tools.ts');
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}, 30_000);
afterAll(() => browser.close());
afterEach(async () => {
  await gateway?.close({ drainMs: 0 });
  const found = faults.splice(0);
  if (found.length > 0) throw new Error(`The page had faults: ${found.join('; ')}`);
});

async function openDocs(options: BrowserContextOptions = {}, served: Gateway = createGateway()): Promise<Page> {
  gateway = served;
  const { httpUrl } = await served.listen({ port: 0 });
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, ...options });
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => !request.url().startsWith(httpUrl) && faults.push(`foreign ${request.url()}`));
  await page.goto(`${httpUrl}/docs`);
  return page;
}

const resultsOf = (page: Page): Promise<string[]> => page.locator('[aria-label=Results] b').allInnerTexts();

describe('the search of /docs', () => {
  test.each([
    ['filter_not_applicable', 'filter_not_applicable', 'error'],
    ['oldestQueuedMs', 'oldestQueuedMs', 'field'],
    ['sendQueueBytes', 'sendQueueBytes', 'limit'],
    ['BCK-2', 'BCK-2', 'clause'],
    ['session_event', 'session_event', 'section'],
  ])('for %j finds it first, and says what it is', async (query, title, kind) => {
    const page = await openDocs();
    await page.getByRole('searchbox').fill(query);
    const first = page.locator('[aria-label=Results] a').first();
    expect(await first.locator('b').innerText()).toContain(title);
    expect(await first.locator('small').innerText()).toBe(kind);
  });

  test('finds words in any order, and leads to the place', async () => {
    const page = await openDocs();
    await page.getByRole('searchbox').fill('marked slow');
    expect(await resultsOf(page)).toContain('BCK-2');
    await page.locator('[aria-label=Results] a', { hasText: 'BCK-2' }).first().click();
    expect(new URL(page.url()).hash).toBe('#BCK-2');
    expect(await page.locator('[id="BCK-2"]').isVisible()).toBe(true);
    expect(await resultsOf(page)).toEqual([]);
  });

  test('works by keyboard alone', async () => {
    const page = await openDocs();
    await page.keyboard.press('/');
    await page.keyboard.type('payload_too_large');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#/);
    expect(new URL(page.url()).hash).toBe('#error-payload_too_large');
  });

  test('knows the events of an own contract', async () => {
    const { contract } = await buildContract();
    const page = await openDocs({}, createGateway({ contract }));
    await page.getByRole('searchbox').fill('build_finished');
    expect(await resultsOf(page)).toContain('build_finished');
  });

  test.each(['light', 'dark'] as const)('fits a phone, %s', async (colorScheme) => {
    const page = await openDocs({ viewport: { width: 390, height: 844 }, colorScheme });
    await page.getByRole('searchbox').fill('slow');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    const box = await page.locator('[aria-label=Results]').boundingBox();
    expect((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 0) <= 390).toBe(true);
  });

  test('is not there without JavaScript, and the page is complete', async () => {
    const page = await openDocs({ javaScriptEnabled: false });
    expect(await page.getByRole('searchbox').count()).toBe(0);
    expect(await page.locator('[id="error-filter_not_applicable"]').count()).toBe(1);
  });
});
