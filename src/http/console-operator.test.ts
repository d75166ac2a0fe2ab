/**
 * The console in Chromium, used as an operator would use it: find a stalled client and a busy directory, explain an event, disconnect a
 * client.
 */
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import type { GatewayOptions } from '../gateway.ts';
import { seriousFindings } from '../testing/axe.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, connect, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

/** Limits large enough that the gateway does not disconnect the slow client during the test. */
const ROOMY = { sendQueueBytes: 4_194_304, sendQueueAgeMs: 600_000 };

let browser: Browser;

beforeAll(async () => {
  const executablePath = locate(CHROMIUM);
  if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
});
afterAll(() => browser.close());

interface Opened extends Served {
  readonly page: Page;
  /** Errors of the page, and requests that did not go to the gateway. */
  readonly faults: string[];
}

async function openConsole(options: GatewayOptions = {}): Promise<Opened> {
  const served = await serve({ limits: ROOMY, ...options });
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  onCleanup(() => page.close());
  page.setDefaultTimeout(PATIENCE.timeout);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => request.url().startsWith(served.httpUrl) || faults.push(request.url()));
  await page.goto(`${served.httpUrl}/console`);
  await page.locator('#state[data-state=open]').waitFor();
  return { ...served, page, faults };
}

async function subscribed({ url }: Served, data: Readonly<Record<string, unknown>>): Promise<RawClient> {
  const client = await connect(url);
  await client.call('subscribe', { replay: { mode: 'none' }, ...data });
  return client;
}

async function idOf(client: RawClient): Promise<string> {
  return String((await client.find(({ type }) => type === 'welcome')).data['connectionId']);
}

/** Creates a client that does not read, and fills its queue beyond the soft limit. */
async function stalledClient(served: Served): Promise<string> {
  const client = await subscribed(served, { events: ['big'] });
  const id = await idOf(client);
  client.ws.pause();
  for (let n = 0; served.gateway.health().backpressure.slow === 0; n += 1) {
    await served.gateway.publish('big', { n, text: 'x'.repeat(30_000) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return id;
}

const change = (path: string) => ({ path, root: 'shop', changeType: 'modify', fileType: 'file' }) as const;
const rowOf = (page: Page, table: string, text: string) => page.locator(`${table} tbody tr`, { hasText: text });

describe('an operator at the console', () => {
  test('sees the stalled client first, and disconnects it after a confirmation', async () => {
    const opened = await openConsole();
    const { page, gateway, faults } = opened;
    const stalled = await stalledClient(opened);
    await rowOf(page, '#clients', 'SLOW').waitFor();
    expect(await page.locator('#clients tbody tr').first().innerText()).toContain(stalled);
    await page.locator('#charts', { hasText: 'slow 1' }).waitFor();

    const button = page.getByRole('button', { name: new RegExp(`^Disconnect .*${stalled}$`) });
    await button.focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#disconnect-who').innerText()).toContain(stalled);
    await page.keyboard.press('Escape');
    expect(gateway.health().backpressure.slow).toBe(1);
    await button.click();
    await page.getByRole('button', { name: 'Disconnect for good' }).click();
    await page.locator('#done', { hasText: `connection ${stalled}` }).waitFor();
    await rowOf(page, '#clients', stalled).waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
  });

  test('sees the hot directory, and why a client does not receive an event', async () => {
    const opened = await openConsole();
    const { page, gateway, faults } = opened;
    const ts = await idOf(await subscribed(opened, { events: ['file_change'], filter: { extensions: ['.ts'] } }));
    const idle = await idOf(await connect(opened.url));
    for (let n = 0; n < 12; n += 1)
      await gateway.publish('file_change', change(n < 9 ? `src/hot/${n}.md` : 'docs/a.md'));
    const hot = page.getByRole('region', { name: 'Directories with events, last 5 min' });
    await hot.locator('li', { hasText: 'src/hot' }).waitFor();
    await vi.waitFor(
      async () => expect(await hot.locator('li').first().innerText()).toMatch(/^src\/hot\s+9$/),
      PATIENCE,
    );
    expect(await rowOf(page, '#clients', idle).innerText()).toContain('none');

    const event = page.locator('#events li', { hasText: 'src/hot/3.md' });
    await event.locator('summary').click();
    await event.getByRole('button', { name: 'Explain' }).click();
    await rowOf(page, '#explanation', ts).waitFor();
    expect(await page.locator('#explanation p').innerText()).toBe(
      '1 subscription receives this event now, 1 does not.',
    );
    expect(await rowOf(page, '#explanation', ts).innerText()).toMatch(
      /^no\s+anonymous\s+the filter extensions is \.ts; the event has src\/hot\/3\.md/,
    );
    await page.locator('#explain-client').selectOption(idle);
    await page.locator('#explanation', { hasText: 'This client has no subscription' }).waitFor();
    await page.locator('#explain-close').click();
    expect(faults).toEqual([]);
  });

  test('sees that no client has a subscription, also not its own', async () => {
    const { page, gateway } = await openConsole();
    await gateway.publish('tick', {});
    const event = page.locator('#events li', { hasText: 'tick' });
    await event.locator('summary').click();
    await page.getByRole('button', { name: /^Disconnect / }).click();
    await page.getByRole('button', { name: 'Disconnect for good' }).click();
    await vi.waitUntil(() => gateway.health().connections === 0, PATIENCE);
    await event.getByRole('button', { name: 'Explain' }).click();
    expect(await page.locator('#explanation td').innerText()).toBe(
      'No client has a subscription, so no client receives this event.',
    );
  });

  test('finds rows by text, sorts by any column, and pauses', async () => {
    const opened = await openConsole();
    const { page, gateway } = opened;
    for (const paths of [['src'], ['docs'], ['src', 'docs']])
      await subscribed(opened, { events: ['a'], subscriptionId: paths.join('-') });
    await rowOf(page, '#subscriptions', 'src-docs').waitFor();
    const ids = () => page.locator('#subscriptions td[data-title=Id]').allInnerTexts();
    await page.getByRole('searchbox', { name: 'Find' }).fill('DOCS');
    await vi.waitFor(async () => expect((await ids()).toSorted()).toEqual(['docs', 'src-docs']), PATIENCE);
    const heading = page.locator('#subscriptions th', { hasText: 'Id' });
    await heading.getByRole('button').click();
    expect([await heading.getAttribute('aria-sort'), await ids()]).toEqual(['descending', ['src-docs', 'docs']]);
    await heading.getByRole('button').click();
    expect([await heading.getAttribute('aria-sort'), await ids()]).toEqual(['ascending', ['docs', 'src-docs']]);

    await page.getByRole('button', { name: 'Pause' }).click();
    await gateway.publish('a', {});
    await page.locator('#count', { hasText: 'paused' }).waitFor();
    expect(await page.locator('#events li').count()).toBe(0);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('#events li', { hasText: 'a' }).waitFor();
  });

  test('reads an open event in place while others arrive, and sees them after closing it', async () => {
    const { page, gateway } = await openConsole();
    await gateway.publish('a', { n: 1 });
    const read = page.locator('#events li', { hasText: '"n":1' });
    await read.locator('summary').click();
    const before = await read.boundingBox();
    await gateway.publish('b', { n: 2 });
    await page.locator('#count', { hasText: 'new events are listed when the open event is closed' }).waitFor();
    expect([await page.locator('#events li').count(), await read.boundingBox()]).toEqual([1, before]);
    await read.locator('summary').click();
    await page.locator('#events li', { hasText: '"n":2' }).waitFor();
    expect(await page.locator('#count').innerText()).toBe('2 since Follow');
  });

  test('finds every figure and button on a phone without scrolling sideways', async () => {
    const opened = await openConsole();
    const { page, gateway } = opened;
    await page.setViewportSize({ width: 390, height: 844 });
    const id = await idOf(await subscribed(opened, { events: ['a'] }));
    await gateway.publish('a', {});
    const card = rowOf(page, '#clients', id);
    const button = await card.getByRole('button').boundingBox();
    expect((button?.x ?? 0) + (button?.width ?? 999)).toBeLessThanOrEqual(390);
    const overflowing = `[...document.querySelectorAll('.scroll')].filter((each) => each.scrollWidth > each.clientWidth).length`;
    expect(await page.evaluate(overflowing)).toBe(0);
    await page.locator('#clients').getByRole('button', { name: 'Delivered' }).click();
    expect(await page.locator('#clients th', { hasText: 'Delivered' }).getAttribute('aria-sort')).toBe('descending');

    const event = page.locator('#events li').first();
    await event.locator('summary').click();
    await event.getByRole('button', { name: 'Explain' }).click();
    await rowOf(page, '#explanation', id).waitFor();
    expect(await page.evaluate(overflowing)).toBe(0);
    const [dialog, choice] = [
      await page.locator('#explain').boundingBox(),
      await page.locator('#explain-client').boundingBox(),
    ];
    expect((choice?.x ?? 999) + (choice?.width ?? 999)).toBeLessThan((dialog?.x ?? 0) + (dialog?.width ?? 0));
  });

  test.each(['light', 'dark'] as const)(
    'has no serious finding of axe, in %s colours and on a phone',
    async (colorScheme) => {
      const opened = await openConsole();
      const { page, gateway } = opened;
      await page.emulateMedia({ colorScheme });
      await subscribed(opened, { events: ['file_change'], filter: { paths: ['src'] } });
      await gateway.publish('file_change', change('src/a.ts'));
      const event = page.locator('#events li', { hasText: 'src/a.ts' });
      await event.locator('summary').click();
      await rowOf(page, '#subscriptions', 'paths: src').waitFor();
      for (const width of [1400, 390]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await seriousFindings(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      }
      await event.getByRole('button', { name: 'Explain' }).click();
      await rowOf(page, '#explanation', 'yes').first().waitFor();
      expect(await seriousFindings(page)).toEqual([]);
    },
  );
});
