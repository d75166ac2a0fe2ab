/**
 * The form that sends commands from a page of the documentation ("try it"), in a real browser. The form connects to the gateway that serves
 * the page.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createGateway } from '../gateway.ts';
import { watchDirectory } from '../sources/watched-directory.ts';
import type { WatchedDirectory } from '../sources/watched-directory.ts';
import { PageBrowser } from '../testing/page-browser.ts';

vi.setConfig({ hookTimeout: 240_000 });

const gateway = createGateway({ path: '/events', broadcast: 'on' });
const directory = mkdtempSync(join(tmpdir(), 'tidemark-try-'));
let watching: WatchedDirectory;
let docs: string;
let browser: PageBrowser;
let page: Page;

beforeAll(async () => {
  docs = `${(await gateway.listen({ port: 0 })).httpUrl}/docs`;
  watching = await watchDirectory(gateway, { directory, onWarning: () => undefined });
  // In a clone, the first request renders the site.
  await fetch(`${docs}/index.html`);
  browser = await PageBrowser.launch();
  page = await browser.open(docs, { permissions: ['clipboard-read', 'clipboard-write'] });
});
afterAll(async () => {
  await browser.close();
  await watching.close();
  await gateway.close({ drainMs: 0 });
});
afterEach(() => browser.throwFaults());

/** Opens the page of an operation, and waits for its form. */
async function open(path: string): Promise<void> {
  await page.goto(`${docs}/${path}.html`);
  await page.locator('.try').waitFor();
}

const frame = (direction: 'sent' | 'received', name: string) =>
  page.locator(`.frames li[data-direction=${direction}][data-name="${name}"]`);
const send = (): Promise<void> => page.getByRole('button', { name: 'Send', exact: true }).click();
const edit = (message: unknown): Promise<void> =>
  page.locator('#try-message').fill(typeof message === 'string' ? message : JSON.stringify(message));

async function copied(name: string): Promise<string> {
  await page.getByRole('button', { name: `Copy as ${name}` }).click();
  await page.getByText(`Copied as ${name}.`).waitFor();
  return page.evaluate('navigator.clipboard.readText()');
}

describe('the try-it form of a command', () => {
  test('subscribes, and shows a file event of the gateway as valid', async () => {
    await open('commands/subscribe');
    expect(await page.locator('#try-message').inputValue()).toContain('"file_change"');
    await edit({ type: 'subscribe', id: 'c1', data: { events: ['file_change'] } });
    await page.locator('#try-message').press('Control+Enter');
    await frame('received', 'subscribed').waitFor();
    writeFileSync(join(directory, 'note.ts'), 'export {};\n');
    await frame('received', 'event file_change').first().waitFor();
    expect(await frame('received', 'event file_change').first().locator('summary').innerText()).toMatch(/valid$/);
    expect(await page.locator('.frames .invalid').count()).toBe(0);
    expect(await page.locator('.try .state').getAttribute('data-state')).toBe('open');
  });

  test('explains a wrong frame before it is sent, and afterwards the error of the gateway', async () => {
    await open('commands/subscribe');
    await edit({ type: 'subscribe', id: 'c2', data: { events: ['file_change'], filtr: {} } });
    const check = page.locator('.check');
    expect(await check.innerText()).toMatch(/\/data\/filtr additionalProperties: .*Remove "filtr"/);
    await send();
    const answer = frame('received', 'error invalid_message');
    await answer.waitFor();
    expect(await answer.innerText()).toContain('Correct the value at pointer');
    expect(await frame('sent', 'subscribe').innerText()).toContain('Remove "filtr"');
    await answer.getByRole('link', { name: 'invalid_message' }).click();
    await page.waitForURL(`${docs}/errors/invalid_message.html`);
  });

  test('explains invalid JSON, an unknown command, and a payload that the event does not allow', async () => {
    await open('commands/broadcast');
    const check = page.locator('.check');
    await edit('{"type":');
    expect(await check.innerText()).toContain('ENV-1');
    await edit({ type: 'subscrib', data: {} });
    expect(await check.innerText()).toMatch(/\/type "subscrib" is not a command.*Use one of subscribe,/);
    await edit({ type: 'broadcast', data: { event: 'file_change', payload: { path: 'a.ts' } } });
    expect(await check.innerText()).toMatch(/\/data\/payload\/\w+ required: .*Add "/);
    await edit({ type: 'broadcast', id: 'c3', data: { event: 'my_note', payload: {} } });
    expect(await check.innerText()).toBe('');
    await send();
    await frame('received', 'broadcasted').waitFor();
  });

  test('copies the edited message as CLI, TypeScript, Python and tape', async () => {
    await open('commands/ping');
    await edit({ type: 'ping', id: 'mine', data: {} });
    const texts = [await copied('CLI'), await copied('TypeScript'), await copied('Python'), await copied('tape')];
    for (const text of texts) expect(text).toContain('mine');
    expect(texts[0]).toContain(`--url ${docs.replace('http', 'ws').replace('/docs', '/events')}`);
    expect(texts[3]).toMatch(/^\{"tape":1,"id":"ping\/mine"/);
  });

  test('keeps the credential in memory only, and does not show it', async () => {
    await open('commands/ping');
    await page.getByLabel('Token or API key').fill('tm_ci01_0000000000000000000000000000');
    await send();
    await frame('sent', 'authenticate').waitFor();
    await frame('received', 'error unauthenticated').waitFor();
    const stored = 'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])';
    expect(await page.evaluate(stored)).toBe('[{},{},""]');
    expect(await page.locator('.frames').innerText()).not.toContain('tm_ci01');
    await open('commands/ping');
    expect(await page.getByLabel('Token or API key').inputValue()).toBe('');
  });
});

test('the page of an event subscribes to it', async () => {
  await open('events/session_event');
  expect(await page.locator('#try-message').inputValue()).toContain('"session_event"');
});

describe('the try-it form of an HTTP operation', () => {
  test('sends the query and shows the response as valid', async () => {
    await open('http/get_subscriptions');
    await page.getByLabel('limit').fill('1');
    await send();
    await frame('received', '200').waitFor();
    expect(await frame('sent', 'GET /events/subscriptions?limit=1').count()).toBe(1);
    expect(await frame('received', '200').locator('summary').innerText()).toMatch(/valid$/);
    expect(await copied('CLI')).toContain(`'${docs.replace('/docs', '/events/subscriptions?limit=1')}'`);
  });

  test('checks the body and explains the error', async () => {
    await open('http/post_broadcast');
    await edit({ event: 'my_note' });
    expect(await page.locator('.check').innerText()).toMatch(/\/payload required: .*Add "payload"/);
    await edit({ event: 'my_note', payload: { n: 1 } });
    await send();
    await frame('received', '200').waitFor();
  });
});

test('the state shows a lost connection and that the form reconnects', async () => {
  const other = createGateway();
  const { httpUrl } = await other.listen({ port: 0 });
  const lost = await browser.open(`${httpUrl}/docs/commands/ping.html`);
  await lost.getByRole('button', { name: 'Connect', exact: true }).click();
  const state = lost.locator('.try .state');
  await lost.locator('.try .state[data-state=open]').waitFor();
  await other.close({ drainMs: 5_000 });
  await lost.locator('.try .state[data-state=waiting]').waitFor();
  expect(await state.innerText()).toMatch(/Closed with 4200 shutdown\. Reconnecting in/);
  await lost.close();
  // The browser reports a failed attempt to reconnect as an error of the page. These errors are expected here.
  browser.throwFaults(/ERR_CONNECTION_REFUSED/);
});
