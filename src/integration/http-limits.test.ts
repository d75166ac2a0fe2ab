/** Limits on the work that HTTP requests may cause, and on the information that a client without a credential can read (OPS-1, OPS-6). */
import { describe, expect, test } from 'vitest';
import type { Health } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import type { Authenticator } from '../auth/authenticator.ts';
import { NOBODY } from '../auth/principal.ts';
import { parseScope } from '../auth/scope.ts';
import { ProtocolError } from '../errors.ts';
import { connect, serve } from '../testing/rig.ts';

const SCOPES: Readonly<Record<string, readonly string[]>> = {
  admin: ['admin:read', 'publish:*', 'subscribe:*'],
  ci: ['publish:*'],
  indexer: ['publish:*'],
};

const authenticator: Authenticator = {
  required: true,
  anonymous: NOBODY,
  authenticate: ({ value }) =>
    SCOPES[value] === undefined
      ? Promise.reject(new ProtocolError('unauthenticated', 'Unknown credential.'))
      : Promise.resolve({ kind: 'user', id: `user:${value}`, scopes: SCOPES[value].map(parseScope) }),
  onRevoked: () => undefined,
  close: () => Promise.resolve(),
};

const LIMITS = { commandsPerSecond: 1, commandBurst: 3 };
const as = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

function post(httpUrl: string, path: string, headers: Record<string, string> = {}, body?: unknown): Promise<Response> {
  return fetch(`${httpUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body ?? { stream: 'main', event: 'tick', payload: {} }),
  });
}

describe('the response of /ws/health', () => {
  test('is a summary without a credential or without admin:read, and complete with admin:read', async () => {
    const { gateway, httpUrl } = await serve({ authenticator });
    await gateway.publish('tick', {}, { stream: 'session:secret' });
    const ask = async (headers: Record<string, string> = {}): Promise<unknown> =>
      (await fetch(`${httpUrl}/ws/health`, { headers })).json();
    for (const report of [await ask(), await ask(as('ci'))]) {
      expect([httpValidators.health_summary(report), httpValidators.health(report)]).toEqual([true, false]);
      expect(JSON.stringify(report)).not.toContain('secret');
      expect(report).toMatchObject({ status: 'ok', nodeId: gateway.nodeId });
    }
    const full = await ask(as('admin'));
    expect(httpValidators.health(full)).toBe(true);
    expect((full as Health).streams.map(({ stream }) => stream)).toContain('session:secret');
    expect((await fetch(`${httpUrl}/ws/health`, { headers: as('wrong') })).status).toBe(401);
  });

  test('is complete for every client if no credential is configured', async () => {
    const { httpUrl } = await serve();
    expect(httpValidators.health(await (await fetch(`${httpUrl}/ws/health`)).json())).toBe(true);
  });
});

function bodyFor(path: string): object {
  return path === '/ws/disconnect' ? { connectionId: '01AAAAAAAAAAAAAAAAAAAAAAAA' } : { event: 'tick', payload: {} };
}

describe('after too many requests', () => {
  test.each([
    ['/ws/health', 'GET'],
    ['/ws/subscriptions', 'GET'],
    ['/ws/nodes', 'GET'],
    ['/metrics', 'GET'],
    ['/ws/broadcast', 'POST'],
    ['/ws/explain', 'POST'],
    ['/ws/files', 'POST'],
    ['/ws/disconnect', 'POST'],
  ])('%s answers 429 with the error and Retry-After', async (path, method) => {
    const { gateway, httpUrl } = await serve({ limits: LIMITS });
    const call = (): Promise<Response> =>
      method === 'GET' ? fetch(`${httpUrl}${path}`) : post(httpUrl, path, {}, bodyFor(path));
    const answers = await Promise.all(Array.from({ length: 6 }, call));
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThanOrEqual(2);
    for (const answer of limited) {
      expect(await answer.json()).toMatchObject({
        type: 'error',
        data: { code: 'rate_limited', retryable: true, retryAfterMs: expect.any(Number) },
      });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    // The refused requests must not have published anything.
    const published = gateway.health().streams[0]?.position.sequenceId ?? 0;
    expect(published).toBeLessThanOrEqual(answers.length - limited.length);
    expect((await fetch(`${httpUrl}/readyz`)).status).toBe(200);
  });

  test('a principal does not use up the limit of others at the same address', async () => {
    const { httpUrl } = await serve({ authenticator, limits: LIMITS });
    const statuses = async (headers: Record<string, string>): Promise<number[]> =>
      (await Promise.all(Array.from({ length: 6 }, () => post(httpUrl, '/ws/broadcast', headers)))).map(
        ({ status }) => status,
      );
    const strangers = await statuses({});
    expect([strangers.includes(401), strangers.includes(429), strangers.includes(200)]).toEqual([true, true, false]);
    for (const token of ['ci', 'indexer']) {
      const seen = await statuses(as(token));
      expect([seen.includes(200), seen.includes(429)]).toEqual([true, true]);
    }
  });

  test('a request after retryAfterMs is accepted', async () => {
    let skewMs = 0;
    const { httpUrl } = await serve({ limits: LIMITS, now: () => Date.now() + skewMs });
    for (;;) {
      const answer = await post(httpUrl, '/ws/broadcast');
      if (answer.status !== 429) continue;
      const { data } = (await answer.json()) as { readonly data: { readonly retryAfterMs: number } };
      skewMs += data.retryAfterMs;
      break;
    }
    expect((await post(httpUrl, '/ws/broadcast')).status).toBe(200);
  });

  test('HTTP requests do not use up the limit of WebSocket commands', async () => {
    const { url, httpUrl } = await serve({ limits: LIMITS });
    await Promise.all(Array.from({ length: 6 }, () => fetch(`${httpUrl}/ws/health`)));
    const client = await connect(url);
    expect((await client.call('ping')).type).toBe('pong');
  });
});
