/** Two gateways behind a real nginx with the configuration of `deploy/nginx`: TLS, a path prefix, and the address of the client. */
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { chromium } from 'playwright-core';
import { describe, expect, test, vi } from 'vitest';
import type { SubscriptionsPage } from '../../generated/types.ts';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import type { GatewayOptions } from '../gateway.ts';
import { NginxProcess, SITE } from '../testing/nginx-process.ts';
import { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

/** All addresses in 127.0.0.0/8 belong to this machine. The first one is the proxy's. */
const PROXY = '127.0.0.1';
const ANA = '127.0.0.2';

interface Site {
  readonly nginx: NginxProcess;
  readonly nodes: readonly [Served, Served];
}

async function openSite(first: GatewayOptions = {}): Promise<Site> {
  const options = { trustedProxies: [PROXY], allowedHosts: [SITE] };
  const nodes = [
    await serve({ ...options, nodeId: 'first', ...first }),
    await serve({ ...options, nodeId: 'second' }),
  ] as const;
  const nginx = await NginxProcess.start([nodes[0].port, nodes[1].port]);
  onCleanup(() => nginx.close());
  return { nginx, nodes };
}

async function join({ nginx }: Site): Promise<RawClient> {
  const { port } = nginx;
  const client = await RawClient.open(`wss://${PROXY}:${port}/tidemark/ws`, {
    headers: { host: `${SITE}:${port}` },
    origin: `https://${SITE}:${port}`,
    rejectUnauthorized: false,
    localAddress: ANA,
  });
  onCleanup(() => client.close());
  return client;
}

async function nodeOf(client: RawClient): Promise<unknown> {
  return (await client.find(({ type }) => type === 'welcome')).data['nodeId'];
}

async function statusOf(site: Site, path: string, host?: string): Promise<number> {
  return (await ask(site, path, host)).statusCode ?? 0;
}

async function ask({ nginx }: Site, path: string, host = `${SITE}:${nginx.port}`): Promise<IncomingMessage> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { port: nginx.port, path, headers: { host }, rejectUnauthorized: false, agent: false };
    request(options, resolve).on('error', reject).end();
  });
  answer.resume();
  return answer;
}

describe('behind nginx', () => {
  test('clients connect below the prefix over TLS, and the gateway knows their addresses', async () => {
    const site = await openSite();
    const client = await join(site);
    await client.call('subscribe', { events: ['tick'] });
    const served = site.nodes.find(({ gateway }) => gateway.health().connections === 1);
    await served?.gateway.publish('tick', { n: 1 });
    await client.find(({ type }) => type === 'event', 'the event');
    const page = await fetch(`${served?.httpUrl ?? ''}/ws/subscriptions`);
    const { items } = (await page.json()) as SubscriptionsPage;
    expect(items.map(({ remoteAddress }) => remoteAddress)).toEqual([ANA]);
  });

  test('pages of other sites and other host names are refused, metrics are hidden, and everything else is served', async () => {
    const site = await openSite();
    const { port } = site.nginx;
    const { status } = await RawClient.refused(`wss://${PROXY}:${port}/tidemark/ws`, {
      headers: { host: `${SITE}:${port}` },
      origin: 'https://other.example',
      rejectUnauthorized: false,
    });
    expect(status).toBe(403);
    expect(await statusOf(site, '/tidemark/docs', 'other.example')).toBe(403);
    expect(await statusOf(site, '/tidemark/metrics')).toBe(404);
    for (const path of ['docs', 'console', 'asyncapi.yaml', 'ws/health', 'readyz'])
      expect([path, await statusOf(site, `/tidemark/${path}`)]).toEqual([path, 200]);
  });

  test('the address of the prefix leads to the reference below the prefix (OPS-7)', async () => {
    const site = await openSite();
    const { statusCode, headers } = await ask(site, '/tidemark/');
    expect(statusCode).toBe(302);
    const { pathname } = new URL(headers.location ?? '', site.nginx.url('/'));
    expect(pathname).toBe('/tidemark/docs');
    expect(await statusOf(site, pathname)).toBe(200);
  });

  test('when a node has reached its limit of connections, or has ended, clients reach the other node', async () => {
    const site = await openSite({ limits: { connectionsPerNode: 1 } });
    const clients = [await join(site), await join(site), await join(site), await join(site)];
    const nodes = await Promise.all(clients.map(nodeOf));
    expect(nodes.filter((each) => each === 'first')).toHaveLength(1);
    await site.nodes[0].gateway.close({ drainMs: 0 });
    expect(await nodeOf(await join(site))).toBe('second');
  });

  test('the console works below the prefix', async () => {
    const site = await openSite();
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
    const browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-dev-shm-usage', `--host-resolver-rules=MAP ${SITE} ${PROXY}`],
    });
    try {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      const faults: string[] = [];
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      page.on('requestfailed', (failed) => faults.push(failed.url()));
      await page.goto(site.nginx.url('/console'));
      await page.locator('#state[data-state=open]').waitFor();
      const served = site.nodes.find(({ gateway }) => gateway.health().connections === 1);
      await vi.waitUntil(() => served?.gateway.health().subscriptions.total !== 0, PATIENCE);
      await served?.gateway.publish('tick', { n: 1 });
      await page.locator('#events li', { hasText: 'tick' }).waitFor();
      await page.getByRole('link', { name: 'Documentation' }).click();
      await page.waitForURL(site.nginx.url('/docs'));
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
