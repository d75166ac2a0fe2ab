import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../../scripts/tools.ts';
import { clausesOf } from './lists.ts';
import { escape, inline, prettyJson } from './markup.ts';
import { emitReferencePage } from './page.ts';
import { groupsOf } from './sections.ts';
import { emitReferenceText } from './text.ts';
import { readStockContract } from '../../testing/stock-contract.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const contract = await readStockContract();
const page = emitReferencePage(contract);
const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id ?? '');

/** For each anchor, the part of the contract that the reference must describe there. */
const ADDRESSES = [
  ...[...contract.commands, ...contract.pushes, ...contract.http].map(({ name }) => name),
  ...contract.commands.map(({ reply }) => reply),
  ...[...contract.events, contract.customEvent].map(({ message }) => message),
  ...Object.keys(contract.errors).map((code) => `error-${code}`),
  ...Object.keys(contract.closeCodes).map((code) => `close-${code}`),
  ...Object.keys(contract.limits).map((name) => `limit-${name}`),
  ...Object.keys(contract.filters).map((name) => `filter-${name}`),
  ...Object.keys(contract.replayPolicies).map((name) => `replay-${name}`),
  ...Object.keys(contract.gapReasons).map((name) => `gap-${name}`),
  ...Object.keys(contract.scopes.kinds).map((name) => `scope-${name}`),
  'error',
];

describe('the reference page', () => {
  test('has an anchor for everything that the contract names, and for each field', () => {
    const expected = [
      ...ADDRESSES,
      ...Object.keys(contract.clauses),
      'subscribe.data.filter.paths[]',
      'file_change.payload.previousPath',
      'get_subscriptions.query.cursor',
    ];
    expect(expected.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('uses no anchor twice, and every link has a target', () => {
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, target]) => target ?? '');
    expect(targets.length).toBeGreaterThan(200);
    expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
  });

  test('shows every example of every message completely', () => {
    const text = page.replaceAll(/<[^>]+>/g, '');
    const texts = [
      ...contract.commands.flatMap(({ name, reply }) => [name, reply]),
      ...[...contract.events, contract.customEvent].map(({ message }) => message),
      ...contract.pushes.map(({ name }) => name).filter((name) => name !== 'event'),
      'error',
    ].flatMap((name) => contract.messages[name]?.examples ?? []);
    expect(texts.length).toBeGreaterThan(40);
    const missing = texts.filter(
      ({ summary, payload }) => !page.includes(inline(summary)) || !text.includes(escape(prettyJson(payload))),
    );
    expect(missing).toEqual([]);
  });

  test('shows the default, the bounds and the unit of each limit', () => {
    const row = /<tr id="limit-sendQueueBytes">.*?<\/tr>/.exec(page)?.[0].replaceAll(/<[^>]+>/g, ' ') ?? '';
    expect(row.replaceAll(/\s+/g, '')).toBe(
      'sendQueueBytesSizeofasendqueueabovewhichtheconnectionisclosedwith4201.Theeventsthatareplaystillhastosendandthathistoryhasdroppedcounttoo,oncehistoryhasdroppedmuchsincethereplaybegan.1048576bytes1MiB1638416KiB10737418241GiB',
    );
  });

  test('groups close codes by what the client must do', () => {
    const chapter = /<h2 id="close-codes">.*?<\/section>/s.exec(page)?.[0] ?? '';
    const order = [...chapter.matchAll(/<h4>([^<]+)<\/h4>|<tr id="close-(\d+)"/g)].map(
      ([, title, code]) => title ?? code,
    );
    expect(order).toEqual(
      Object.entries(contract.closeClasses).flatMap(([name, title]) => [
        title,
        ...Object.entries(contract.closeCodes)
          .filter(([, each]) => each.class === name)
          .map(([code]) => code),
      ]),
    );
  });

  test('shows the replay policy and the filter fields of each event', () => {
    const section = /<h3 id="file_change">.*?<\/section>/s.exec(page)?.[0] ?? '';
    expect(section).toContain('href="#replay-none"');
    for (const field of Object.keys(contract.events[0]?.filterable ?? {}))
      expect(section).toContain(`href="#filter-${field}"`);
  });

  test('names only files and folders that exist', () => {
    const files = groupsOf(contract)
      .flatMap(({ topics }) => topics)
      .flatMap(({ facts }) => facts)
      .flatMap(({ mentions }) => mentions)
      .map(({ file }) => file)
      .filter((file) => file !== undefined);
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => !existsSync(resolve(ROOT, file)))).toEqual([]);
  });

  test('lists for each clause the operations that cite it', () => {
    expect(clausesOf(contract).filter(({ citedBy }) => citedBy.length === 0)).toEqual([]);
  });

  test('loads nothing from other addresses and runs no script', () => {
    expect(page).not.toMatch(/<(?:script|link|img|iframe)\b|\bsrc=|@import|url\(/);
    expect([...page.matchAll(/href="([^#"][^"]*)"/g)]).toEqual([]);
  });

  test('treats texts of the contract as text, never as markup', () => {
    const evil = '</p><script>alert(1)</script>';
    const hostile = {
      ...contract,
      title: evil,
      description: evil,
      clauses: { 'X-1': { level: 'must', observable: 'client', text: `${evil} \`${evil}\`` } },
      errors: { ...contract.errors, internal: { description: evil, httpStatus: 500, retryable: true } },
    } as const;
    const html = emitReferencePage(hostile);
    expect(html).not.toContain('<script');
    expect(html.split('&lt;script&gt;').length).toBeGreaterThan(5);
  });

  test('is deterministic and equal to the file in docs/reference', () => {
    expect(emitReferencePage(contract)).toBe(page);
    expect(readFileSync(resolve(ROOT, 'docs/reference/index.html'), 'utf8')).toBe(page);
  });
});

describe('the reference as Markdown', () => {
  const text = emitReferenceText(contract);
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? '');
  const made = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id ?? '');

  test('has an anchor for everything that the contract names', () => {
    expect(headings).toEqual(expect.arrayContaining(Object.keys(contract.clauses)));
    expect(ADDRESSES.filter((id) => !headings.includes(id) && !made.includes(id))).toEqual([]);
  });

  test('has only links to existing headings, anchors and files', () => {
    const anchors = [...made, ...headings.map((heading) => heading.toLowerCase().replaceAll(' ', '-'))];
    const targets = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target ?? '');
    const [inside, files] = [
      targets.filter((target) => target.startsWith('#')),
      targets.filter((target) => !target.startsWith('#')),
    ];
    expect(inside.length).toBeGreaterThan(200);
    expect(inside.filter((target) => !anchors.includes(target.slice(1)))).toEqual([]);
    expect(files.filter((file) => !existsSync(resolve(ROOT, 'docs/reference', file)))).toEqual([]);
  });
});

/**
 * A script, as text because it runs in the browser. It ignores long lines of examples, because they scroll inside their
 * frame.
 */
const SIZES = `(({ scrollWidth, clientWidth }) => ({
  content: scrollWidth,
  window: clientWidth,
  wide: [...document.querySelectorAll('main *:not(pre *)')]
    .filter((element) => element.getBoundingClientRect().right > clientWidth)
    .map((element) => element.outerHTML.slice(0, 80)),
}))(document.documentElement)`;

describe('the page in Chromium, without JavaScript', () => {
  let browser: Browser;

  beforeAll(async () => {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  });
  afterAll(() => browser.close());

  async function open(width: number, anchor: string): Promise<Page> {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width, height: 800 } });
    const opened = await context.newPage();
    const requests: string[] = [];
    opened.on('request', (request) => requests.push(request.url()));
    await opened.goto(`${pathToFileURL(resolve(ROOT, 'docs/reference/index.html')).href}#${anchor}`);
    expect(requests).toHaveLength(1);
    return opened;
  }

  async function topOf(opened: Page, selector: string): Promise<number> {
    const box = await opened.locator(selector).boundingBox();
    return box?.y ?? Number.NaN;
  }

  test.each([1280, 800, 380])('%i pixels wide: opens at a link to a section, and nothing overflows', async (width) => {
    const opened = await open(width, 'close-4201');
    const top = await topOf(opened, '#close-4201');
    expect(top).toBeGreaterThanOrEqual(0);
    expect(top).toBeLessThan(120);
    expect(await opened.evaluate(SIZES)).toEqual({ content: width, window: width, wide: [] });
    await opened.context().close();
  });

  test('in a narrow window a link opens the table of contents, which closes at the same place or at the chosen entry', async () => {
    const opened = await open(380, 'limits');
    const contents = opened.locator('#contents');
    const before = await topOf(opened, '#limits');
    expect(await contents.isVisible()).toBe(false);
    await opened.locator('.bar a').click();
    expect(await contents.isVisible()).toBe(true);
    await contents.getByRole('link', { name: 'Close', exact: true }).click();
    expect(await contents.isVisible()).toBe(false);
    expect(await topOf(opened, '#limits')).toBe(before);
    await opened.locator('.bar a').click();
    await contents.getByRole('link', { name: 'broadcast', exact: true }).click();
    expect(await contents.isVisible()).toBe(false);
    expect(await topOf(opened, '#broadcast')).toBeLessThan(120);
    await opened.context().close();
  });
});
