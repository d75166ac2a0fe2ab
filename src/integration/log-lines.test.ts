/** Each log line names the node, and the request or connection that it concerns. */
import { Writable } from 'node:stream';
import pino from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { openAuthenticator } from '../auth/authenticator.ts';
import { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

type Line = Readonly<Record<string, unknown>>;

/** Starts a gateway whose storage of credentials fails. */
async function serveBroken(): Promise<Served & { readonly lines: Line[] }> {
  const lines: Line[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  const authenticator = { ...openAuthenticator(), authenticate: () => Promise.reject(new Error('disk failure')) };
  return { ...(await serve({ nodeId: 'node-a', authenticator, log: pino(sink) })), lines };
}

describe('the log line of a fault', () => {
  test('names the node and the request, whose id is also in the response', async () => {
    const { httpUrl, lines } = await serveBroken();
    const response = await fetch(`${httpUrl}/ws/subscriptions`, { headers: { 'x-api-key': 'k' } });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('disk');
    expect(lines).toMatchObject([
      {
        nodeId: 'node-a',
        requestId: response.headers.get('x-request-id'),
        method: 'GET',
        route: '/ws/subscriptions',
        err: { message: 'disk failure' },
      },
    ]);
    expect((await fetch(`${httpUrl}/ws/health`)).headers.has('x-request-id')).toBe(false);
  });

  test('is also written if the fault refuses an upgrade to a WebSocket', async () => {
    const { url, lines } = await serveBroken();
    const { status, body } = await RawClient.refused(url, { headers: { 'x-api-key': 'k' } });
    expect(status).toBe(500);
    expect(JSON.parse(body)).toMatchObject({ data: { code: 'internal' } });
    expect(body).not.toContain('disk');
    expect(lines).toMatchObject([{ nodeId: 'node-a', err: { message: 'disk failure' } }]);
  });

  test('names the node and the connection', async () => {
    const { url, lines } = await serveBroken();
    const client = await connect(url);
    await client.call('authenticate', { apiKey: 'k' });
    const { data } = await client.find(({ type }) => type === 'welcome');
    await vi.waitUntil(() => lines.length > 0, PATIENCE);
    expect(lines).toMatchObject([{ nodeId: 'node-a', connectionId: data['connectionId'] }]);
  });
});
