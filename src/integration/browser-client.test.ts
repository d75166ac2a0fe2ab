/** The client SDK in a real Chromium: in a page, in a worker, and on a page whose origin the gateway does not accept. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import { onCleanup, serve } from '../testing/rig.ts';
import { SeveringProxy } from '../testing/severing-proxy.ts';

/** Code that runs in the page and in the worker. The bundle assigns its exports to the global object. */
const ENTRY = `
  import { createClient } from './client.ts';
  import { diagnose } from './runtime/diagnose.ts';
  const client = createClient({ url: URL_OF_GATEWAY, backoff: { minMs: 4, maxMs: 20 } });
  globalThis.follow = async (count) => {
    const paths = [];
    for await (const { payload } of client.subscribe({ events: ['file_change'], replay: { mode: 'none' } })) {
      paths.push(payload.path);
      if (paths.length === count) return paths;
    }
  };
  globalThis.subscribed = () => client.diagnosis.subscriptions.some(({ state }) => state === 'live');
  globalThis.explain = async () => {
    client.connect().catch(() => undefined);
    await new Promise((resolve) => client.on('closed', resolve));
    return diagnose(client);
  };
`;
const WORKER = `
  import '/bundle.js';
  follow(6).then((paths) => postMessage(paths));
  const watch = setInterval(() => subscribed() && (clearInterval(watch), postMessage('subscribed')), 5);
`;

let browser: Browser;
beforeAll(async () => {
  const executablePath = locate(CHROMIUM);
  if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
});
afterAll(() => browser.close());

/**
 * Starts a web site with a page, the client and a worker. @param serveFor starts the gateway for the origin of the site, and returns the
 * address that the client must use
 */
async function siteOf(serveFor: (origin: string) => Promise<string>): Promise<Page> {
  const files = new Map([
    ['/', '<!doctype html><title>site</title><script type="module" src="/bundle.js"></script>'],
    ['/worker.js', WORKER],
  ]);
  const site = createServer(({ url = '' }, response) => {
    const text = files.get(url);
    const type = url.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': type }).end(text);
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  onCleanup(() => new Promise((resolve) => site.close(resolve)));
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: fileURLToPath(new URL('../../generated', import.meta.url)), loader: 'ts' },
    bundle: true,
    format: 'esm',
    write: false,
    define: { URL_OF_GATEWAY: JSON.stringify(await serveFor(origin)) },
  });
  files.set('/bundle.js', outputFiles[0]?.text ?? '');
  const page = await browser.newPage();
  onCleanup(() => page.close());
  await page.goto(`${origin}/`);
  return page;
}

const file = (path: string) => ({ path, root: 'shop', changeType: 'modify', fileType: 'file' }) as const;

describe('the client in Chromium', () => {
  test.each([
    ['page', '(globalThis.result = follow(6), undefined)', 'subscribed()', 'globalThis.result'],
    [
      'worker',
      `(() => {
        const worker = new Worker('/worker.js', { type: 'module' });
        globalThis.result = new Promise((resolve) => {
          worker.onmessage = ({ data }) => data === 'subscribed' ? (globalThis.ready = true) : resolve(data);
        });
      })()`,
      'globalThis.ready === true',
      'globalThis.result',
    ],
  ])('follows events in a %s although connections are cut', async (_where, start, isReady, result) => {
    let publish: (path: string) => Promise<unknown> = () => Promise.resolve();
    let sever: () => void = () => undefined;
    const page = await siteOf(async (origin) => {
      const { gateway, url } = await serve({ allowedOrigins: [origin] });
      const proxy = await SeveringProxy.before(url);
      onCleanup(() => proxy.close());
      publish = (path) => gateway.publish('file_change', file(path));
      sever = () => proxy.sever();
      return proxy.url;
    });
    await page.evaluate(start);
    await page.waitForFunction(isReady);
    const paths = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const path of paths) {
      await publish(path);
      if (path === 'c') sever();
    }
    expect(await page.evaluate(result)).toEqual(paths);
  });

  test('reports that the gateway does not accept the origin of the page, or has its WebSocket at another path', async () => {
    const strict = await siteOf(async () => (await serve()).url);
    const { origin } = new URL(strict.url());
    expect(await strict.evaluate('explain()')).toMatchObject({
      cause: 'origin',
      advice: expect.stringContaining(`--allow-origin ${origin}`),
      diagnosis: { state: 'reconnecting', lastClose: { code: 1006, opened: false } },
    });
    const astray = await siteOf(async (allowed) => `${(await serve({ allowedOrigins: [allowed] })).httpUrl}/socket`);
    expect(await astray.evaluate('explain()')).toMatchObject({ cause: 'path', advice: expect.stringContaining('/ws') });
  });
});
