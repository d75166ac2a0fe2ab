import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../../scripts/tools.ts';
import { loadContract } from '../../contract.ts';
import { emitReferencePage } from './page.ts';
import { emitReferenceText } from './text.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const { contract } = await loadContract(resolve(ROOT, 'asyncapi.yaml'));
const page = emitReferencePage(contract);
const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id ?? '');

describe('the reference page', () => {
  test('has an address for everything that the contract names', () => {
    const { commands, pushes, events, customEvent, http, errors, closeCodes, limits, clauses, filters } = contract;
    const expected = [
      ...[...commands, ...pushes, ...http].map(({ name }) => name),
      ...[...events, customEvent].map(({ message }) => message),
      ...Object.keys(errors).map((code) => `error-${code}`),
      ...Object.keys(closeCodes).map((code) => `close-${code}`),
      ...Object.keys(limits).map((name) => `limit-${name}`),
      ...Object.keys(filters).map((name) => `filter-${name}`),
      ...Object.keys(contract.replayPolicies).map((name) => `replay-${name}`),
      ...Object.keys(contract.gapReasons).map((name) => `gap-${name}`),
      ...Object.keys(clauses),
      'subscribe.data.filter.paths[]',
      'file_change.payload.previousPath',
    ];
    expect(expected.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('uses no address twice, and links to none that is not there', () => {
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, target]) => target ?? '');
    expect(targets.length).toBeGreaterThan(200);
    expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
  });

  test('shows every example of every message that it tells of', () => {
    const told = [
      ...contract.commands.flatMap(({ name, reply }) => [name, reply]),
      ...contract.events.map(({ message }) => message),
    ];
    for (const { examples } of told.map((name) => contract.messages[name]).filter((each) => each !== undefined))
      for (const { summary } of examples)
        expect(page).toContain(summary.split('`')[0]?.replaceAll('&', '&amp;').trim());
  });

  test('loads nothing from elsewhere and runs nothing', () => {
    expect(page).not.toMatch(/<(?:script|link|img|iframe)\b|\bsrc=|@import|url\(/);
    expect([...page.matchAll(/href="([^#"][^"]*)"/g)]).toEqual([]);
  });

  test('reads what the contract says as text, never as markup', () => {
    const evil = '</p><script>alert(1)</script>';
    const hostile = {
      ...contract,
      title: evil,
      description: evil,
      clauses: { 'X-1': { level: 'must', observable: 'client', text: `${evil} \`${evil}\`` } },
      errors: { internal: { description: evil, httpStatus: 500, retryable: true } },
    } as const;
    expect(emitReferencePage(hostile)).not.toContain('<script');
  });

  test('is the same each time', () => {
    expect(emitReferencePage(contract)).toBe(page);
  });
});

describe('the reference as Markdown', () => {
  test('has a heading for everything that the contract names, and links that lead somewhere', () => {
    const text = emitReferenceText(contract);
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? '');
    const names = [...contract.commands, ...contract.pushes, ...contract.events, ...contract.http].map(
      ({ name }) => name,
    );
    expect(headings).toEqual(expect.arrayContaining([...names, ...Object.keys(contract.clauses)]));
    const anchors = headings.map((heading) => heading.toLowerCase().replaceAll(' ', '-'));
    const targets = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, target]) => target ?? '');
    expect(targets.filter((target) => !anchors.includes(target))).toEqual([]);
  });
});

describe('the page in Chromium, without JavaScript', () => {
  test('opens at a deep link and fits wide and narrow windows', async () => {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: node scripts/ensure-tools.ts');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    try {
      for (const width of [1280, 380]) {
        const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width, height: 800 } });
        const opened = await context.newPage();
        const requests: string[] = [];
        opened.on('request', (request) => requests.push(request.url()));
        const address = pathToFileURL(resolve(ROOT, 'docs/reference/index.html'));
        await opened.goto(`${address.href}#close-4201`);
        const top = (await opened.locator('#close-4201').boundingBox())?.y ?? -1;
        expect(top).toBeGreaterThanOrEqual(0);
        expect(top).toBeLessThan(800);
        // Tables scroll by themselves; the page does not.
        const main = await opened.locator('main').boundingBox();
        expect((main?.x ?? 0) + (main?.width ?? 9999)).toBeLessThanOrEqual(width);
        expect(requests).toHaveLength(1);
        await context.close();
      }
    } finally {
      await browser.close();
    }
  }, 30_000);
});
