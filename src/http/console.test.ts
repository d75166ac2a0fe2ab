import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { configuredAuthenticator } from '../auth/configured-authenticator.ts';
import { readAuthSettings } from '../auth/settings.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions } from '../gateway.ts';
import { buildContract } from '../testing/own-contract.ts';

let browser: Browser;
let gateway: Gateway | undefined;

beforeAll(async () => {
  const executablePath = locate(CHROMIUM);
  if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
});
afterAll(() => browser.close());
afterEach(() => gateway?.close({ drainMs: 0 }));

interface Opened {
  readonly gateway: Gateway;
  readonly page: Page;
  /** Errors of the page's script, and requests that the policy of the page blocked. */
  readonly faults: string[];
  readonly httpUrl: string;
}

const SECRET = 'a secret of forty-eight characters for the tests';

async function tokensOnly(): Promise<Authenticator> {
  const secretFile = join(mkdtempSync(join(tmpdir(), 'tidemark-console-')), 'secret');
  writeFileSync(secretFile, SECRET);
  const issuer = { issuer: 'suite', audience: 'tidemark', kind: 'user', algorithms: ['HS256'], secretFile };
  const { settings } = readAuthSettings({ issuers: [issuer] });
  return configuredAuthenticator({ settings, onRefused: () => undefined, onFault: () => undefined });
}

/** Waits until the page is connected. */
async function openConsole(options: GatewayOptions = {}, wait: 'connected' | 'none' = 'connected'): Promise<Opened> {
  const opened = createGateway(options);
  gateway = opened;
  const { httpUrl } = await opened.listen({ port: 0 });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await page.goto(`${httpUrl}/console`);
  if (wait === 'connected') await page.locator('#state[data-state=open]').waitFor();
  return { gateway: opened, page, faults, httpUrl };
}

describe('the console', () => {
  test('shows events as they arrive, with their payload on demand, and all subscriptions', async () => {
    const { gateway: served, page, faults } = await openConsole({ path: '/events' });
    await page.locator('#subscriptions tr', { hasText: 'anonymous' }).waitFor();
    await served.publish('file_change', {
      path: 'src/<b>a</b>.ts',
      root: 'shop',
      changeType: 'modify',
      fileType: 'file',
    });
    const event = page.locator('#events li', { hasText: 'file_change' });
    await event.waitFor();
    expect(await event.innerText()).toContain('src/<b>a</b>.ts');
    await event.locator('summary').click();
    expect(await event.locator('pre').innerText()).toContain('"changeType": "modify"');
    await page.locator('#streams tr', { hasText: 'main' }).waitFor();
    expect(await page.locator('#facts').innerText()).toMatch(/status\s+ok/);
    expect(faults).toEqual([]);
  });

  test('subscribes as its form specifies', async () => {
    const { gateway: served, page, faults } = await openConsole();
    await page.getByRole('combobox', { name: 'Events' }).fill('file_change');
    await page.getByRole('textbox', { name: 'Extensions' }).fill('ts');
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.locator('#subscriptions tr', { hasText: 'extensions: .ts' }).waitFor();
    const change = { root: 'shop', changeType: 'modify', fileType: 'file' } as const;
    await served.publish('file_change', { ...change, path: 'a.js' });
    await served.publish('file_change', { ...change, path: 'a.ts' });
    await page.locator('#events li', { hasText: 'a.ts' }).waitFor();
    expect(await page.locator('#events li').count()).toBe(1);
    await page.getByRole('textbox', { name: 'Extensions' }).fill('');
    await page.getByRole('textbox', { name: 'Stream' }).fill('nowhere');
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.locator('#complaint:not([hidden])').waitFor();
    expect(await page.locator('#complaint').innerText()).toMatch(/stream/);
    expect(faults).toEqual([]);
  });

  test('suggests and follows the events and filter fields of an own contract', async () => {
    const { contract } = await buildContract();
    const { gateway: served, page, faults, httpUrl } = await openConsole({ contract });
    await page.locator('#event-names option').first().waitFor({ state: 'attached' });
    for (const name of ['file_change', 'build_finished'])
      expect(await page.locator(`#event-names option[value=${name}]`).count()).toBe(1);
    expect(await page.getByLabel('Filter').getAttribute('title')).toContain('targets');
    await page.getByRole('combobox', { name: 'Events' }).fill('build_finished');
    await page.getByLabel('Filter').fill('targets=web');
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.locator('#subscriptions tr', { hasText: 'targets: web' }).waitFor();
    await served.publish('build_finished', { target: 'api', ok: true });
    await served.publish('build_finished', { target: 'web', ok: true });
    await page.locator('#events li', { hasText: 'build_finished' }).waitFor();
    expect(await page.locator('#events li').count()).toBe(1);
    await page.getByRole('combobox', { name: 'Events' }).fill('build_finishd');
    await page.getByLabel('Filter').fill('');
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.locator('#complaint', { hasText: 'did you mean build_finished?' }).waitFor();
    await page.getByLabel('Filter').fill('targets');
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.locator('#complaint', { hasText: 'targets is not a filter' }).waitFor();
    expect(faults).toEqual([]);

    await page.goto(`${httpUrl}/docs/events/build_finished.html`);
    expect(await page.locator('#build_finished').isVisible()).toBe(true);
    expect(await page.locator('main').innerText()).toContain('A build ended.');
  });

  test('shows its connection state with required tokens, and what to do without a token', async () => {
    const { page, faults } = await openConsole({ authenticator: await tokensOnly() }, 'none');
    await page.locator('#complaint', { hasText: 'enter a token in the field Token' }).waitFor();
    const token = await new SignJWT({ scope: 'subscribe:* admin:read' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('suite')
      .setAudience('tidemark')
      .setSubject('ana')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(SECRET));
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.locator('#state[data-state=open]').waitFor();
    await page.locator('#subscriptions tr', { hasText: 'user:ana' }).waitFor();
    expect(await page.locator('#complaint').isVisible()).toBe(false);
    expect(faults.filter((each) => !each.includes('401'))).toEqual([]);
  });

  test('fits a narrow window', async () => {
    const { page } = await openConsole();
    await page.setViewportSize({ width: 380, height: 700 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
  });

  test('serves no other file', async () => {
    const { httpUrl } = await openConsole();
    for (const path of [
      'console.ts',
      '..%2f..%2fgateway.js',
      'client/..%2fcontract.json',
      'client/package.json',
      'none.js',
    ])
      expect((await fetch(`${httpUrl}/console/${path}`)).status).toBe(404);
  });
});
