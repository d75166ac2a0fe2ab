import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import { connect, onCleanup, serve } from '../testing/rig.ts';

const OTHER_ORIGIN = 'https://studio.example';

function contractOf(httpUrl: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return fetch(`${httpUrl}/asyncapi.yaml`, { method, headers });
}

describe('/asyncapi.yaml (OPS-5)', () => {
  test('is JSON for a client that prefers JSON, with the digest that welcome contains', async () => {
    const { url, httpUrl } = await serve();
    const response = await contractOf(httpUrl, { accept: 'application/json, application/yaml;q=0.5' });
    const text = await response.text();
    const client = await connect(url);
    const { data } = await client.find((frame) => frame.type === 'welcome');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(`sha256:${createHash('sha256').update(text).digest('hex')}`).toBe(data['contractDigest']);
    expect(JSON.parse(text)).toMatchObject({ asyncapi: '3.0.0', operations: { subscribe: { action: 'receive' } } });
  });

  test.each([[{}], [{ accept: '*/*' }], [{ accept: 'application/json;q=0.5, application/yaml' }]])(
    'is YAML with %j',
    async (headers) => {
      const { httpUrl } = await serve();
      const response = await contractOf(httpUrl, headers);
      expect(response.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
      expect(await response.text()).toMatch(/^# The Tidemark protocol/);
    },
  );

  test.each([['GET'], ['HEAD']])('answers %s from any origin, with Vary: Accept for caches', async (method) => {
    const { httpUrl } = await serve();
    const response = await contractOf(httpUrl, { origin: OTHER_ORIGIN, accept: 'application/json' }, method);
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('vary')).toBe('Accept');
    expect((await response.text()).length > 0).toBe(method === 'GET');
  });

  test('does not open other addresses to other origins, and refuses foreign host names', async () => {
    const { httpUrl } = await serve();
    const refused = await fetch(`${httpUrl}/ws/health`, { headers: { origin: OTHER_ORIGIN } });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    for (const path of ['/asyncapi.yaml/', '/asyncapi.yaml/../ws/health', '/%61syncapi.yaml?x', '/nowhere']) {
      const { status } = await fetch(`${httpUrl}${path}`, { headers: { origin: OTHER_ORIGIN } });
      expect([path, status]).toEqual([path, path.startsWith('/%61') ? 200 : 403]);
    }
    const asked = request(`${httpUrl}/asyncapi.yaml`, { headers: { host: 'evil.example' } }).end();
    const [foreign] = (await once(asked, 'response')) as [IncomingMessage];
    foreign.resume();
    expect(foreign.statusCode).toBe(403);
  });

  test('can be fetched by a page of another origin', async () => {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
    const { httpUrl } = await serve();
    const site = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>studio</title>');
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    onCleanup(() => new Promise((resolve) => site.close(resolve)));
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    onCleanup(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    const read = (path: string): Promise<string> =>
      page.evaluate(
        (address) =>
          fetch(address, { headers: { accept: 'application/json' } }).then(
            (response) => response.text(),
            () => 'refused by the browser',
          ),
        `${httpUrl}${path}`,
      );
    expect(JSON.parse(await read('/asyncapi.yaml'))).toMatchObject({ info: { title: 'Tidemark' } });
    expect(await read('/ws/health')).toBe('refused by the browser');
  });
});
