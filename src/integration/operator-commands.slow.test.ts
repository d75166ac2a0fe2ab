/**
 * Typical work of an operator who uses only the command line. Two nodes share a real Redis, and require API keys. Nodes and commands run as
 * processes, as an operator would start them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { TidemarkClient } from '../../generated/client.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { Balancer } from '../testing/balancer.ts';
import { CliRunner } from '../testing/cli-process.ts';
import type { CliProcess } from '../testing/cli-process.ts';
import { freePort } from '../testing/free-port.ts';
import { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, clientOf, collect, onCleanup } from '../testing/rig.ts';

interface Key {
  readonly id: string;
  readonly key: string;
}

const home = mkdtempSync(join(tmpdir(), 'tidemark-story-'));
const runner = new CliRunner(home);
let redis: RedisProcess;

beforeAll(async () => {
  redis = await RedisProcess.start();
  const limits = { sendQueueBytes: 4_194_304, sendQueueAgeMs: 600_000, commandBurst: 10_000, drainMs: 5000 };
  const auth = { apiKeysFile: join(home, 'keys.json') };
  writeFileSync(join(home, 'tidemark.yaml'), JSON.stringify({ host: '127.0.0.1', broadcast: 'on', auth, limits }));
});
afterEach(() => runner.close());
afterAll(async () => {
  await redis.stop();
  rmSync(home, { recursive: true });
});

async function startNode(port: number): Promise<CliProcess> {
  const env = { TIDEMARK_REDIS: redis.url };
  const cli = runner.start(['serve', '--config', 'tidemark.yaml', '--port', String(port), '--json'], { env });
  await vi.waitUntil(() => cli.lines.length > 0 || cli.process.exitCode !== null, { timeout: 90_000, interval: 50 });
  expect([cli.process.exitCode, cli.lines.length > 0 ? '' : cli.stderr]).toEqual([null, '']);
  return cli;
}

/**
 * Runs a command as an operator who has all scopes, and prints it, because docs/guides/operate.md shows it.
 * @returns the output of the command
 */
async function tidemark(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stdout, stderr } = await runner.finish(argv, { env });
  console.log(`$ npx tidemark ${argv.join(' ')}\n${stdout}${stderr}`);
  expect([argv.join(' '), code, stderr]).toEqual([argv.join(' '), 0, stderr]);
  return stdout;
}

async function createKey(name: string, ...scopes: readonly string[]): Promise<Key> {
  const words = [
    'key',
    'create',
    name,
    '--file',
    'keys.json',
    '--json',
    ...scopes.flatMap((scope) => ['--scope', scope]),
  ];
  return JSON.parse(await tidemark(words)) as Key;
}

async function follow(url: string, apiKey: string, data: Record<string, unknown>) {
  const client = await RawClient.open(url, { headers: { 'x-api-key': apiKey } });
  onCleanup(() => client.close());
  await client.call('subscribe', { replay: { mode: 'none' }, ...data });
  const id = String((await client.find(({ type }) => type === 'welcome')).data['connectionId']);
  return { client, id };
}

const change = (path: string) => ({ path, root: 'shop', changeType: 'modify', fileType: 'file' });

async function publish(httpUrl: string, apiKey: string, event: string, payload: object): Promise<number> {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const body = JSON.stringify({ event, payload });
  const response = await fetch(`${httpUrl}/ws/broadcast`, { method: 'POST', headers, body });
  return response.status;
}

test('an operator explains a missing event, ends a client, rotates a key and upgrades the nodes, without loss', async () => {
  await createKey('first', 'subscribe:*');
  const admin = await createKey('operator', 'admin:read', 'admin:write', 'subscribe:*', 'publish:*');
  const agent = await createKey('agent', 'subscribe:*');
  const ports = [await freePort(), await freePort()] as const;
  const nodes = [await startNode(ports[0]), await startNode(ports[1])];
  const [here, there] = ports.map((port) => `ws://127.0.0.1:${port}/ws`);
  if (here === undefined || there === undefined) throw new Error('no nodes');
  const env = { TIDEMARK_URL: here, TIDEMARK_API_KEY: admin.key };

  // Question: why did the agent receive no event? It is connected to the other node, and its filter does not match.
  const ts = await follow(there, agent.key, { events: ['file_change'], filter: { extensions: ['.ts'] } });
  const event = ['--event', 'file_change', '--payload', JSON.stringify(change('docs/a.md'))];
  const explained = await tidemark(['explain', ...event, '--connection', ts.id], env);
  expect(explained).toMatch(/^does not .*the filter `extensions` is \.ts; the event has docs\/a\.md$/m);

  // Question: which client fills the memory? That client is disconnected, and another client is not affected.
  const stalled = await follow(there, agent.key, { events: ['big'] });
  stalled.client.ws.pause();
  const top = async () => {
    const seen = JSON.parse(await tidemark(['top', '--once', '--json', '--sort', 'queue'], env)) as {
      readonly rows: readonly { readonly connectionId: string; readonly slow: boolean }[];
    };
    return seen.rows[0];
  };
  await vi.waitFor(
    async () => {
      for (let n = 0; n < 40; n += 1)
        await publish(`http://127.0.0.1:${ports[1]}`, admin.key, 'big', { text: 'x'.repeat(60_000) });
      expect(await top()).toMatchObject({ connectionId: stalled.id, slow: true });
    },
    { timeout: 90_000, interval: 10 },
  );
  expect(await tidemark(['status'], env)).toContain(stalled.id);
  expect(await tidemark(['top', '--once'], env)).toMatch(new RegExp(`SLOW +${stalled.id}`));
  expect(await tidemark(['disconnect', stalled.id], env)).toContain(`${stalled.id} on node`);
  expect((await ts.client.call('ping')).type).toBe('pong');

  // The key of the agent is rotated. At first, both keys are valid. After the old key was revoked, only its connection is closed.
  const rotated = JSON.parse(await tidemark(['key', 'rotate', agent.id, '--file', 'keys.json', '--json'])) as Key;
  const renewed = await vi.waitFor(() => follow(here, rotated.key, { events: ['file_change'] }), {
    timeout: 30_000,
    interval: 200,
  });
  expect((await ts.client.call('authenticate', { apiKey: rotated.key })).type).toBe('authenticated');
  const late = await follow(there, agent.key, { events: ['file_change'] });
  await tidemark(['key', 'revoke', agent.id, '--file', 'keys.json']);
  expect((await late.client.closed).code).toBe(4101);
  for (const { client } of [ts, renewed]) expect((await client.call('ping')).type).toBe('pong');

  // Both nodes are upgraded under load. Each is replaced by a new process, and no event is lost.
  const balancer = await Balancer.before(
    ports.map((port) => `http://127.0.0.1:${port}`),
    { probeMs: 50 },
  );
  onCleanup(() => balancer.close());
  const reader: TidemarkClient = clientOf(balancer.url, { apiKey: rotated.key });
  const subscription = reader.subscribe({ events: ['tick'], replay: { mode: 'none' } });
  const events = collect(subscription);
  const gaps: unknown[] = [];
  reader.on('gap', (gap) => gaps.push(gap));
  await subscription.ready;
  let published = 0;
  const stop = new AbortController();
  const load = (async () => {
    for (; !stop.signal.aborted; published += 1) {
      const idempotencyKey = `k${published}`;
      const headers = { 'x-api-key': admin.key, 'content-type': 'application/json' };
      const body = JSON.stringify({ event: 'tick', payload: { n: published }, idempotencyKey });
      await vi.waitFor(async () => {
        const response = await fetch(`${balancer.httpUrl}/ws/broadcast`, { method: 'POST', headers, body });
        expect(response.status).toBe(200);
      }, PATIENCE);
    }
  })();
  for (const [at, port] of ports.entries()) {
    nodes[at]?.process.kill('SIGTERM');
    await nodes[at]?.ended;
    nodes[at] = await startNode(port);
  }
  stop.abort();
  await load;
  await vi.waitFor(() => expect(events.length).toBe(published), PATIENCE);
  expect(events.map(({ payload }) => payload['n'])).toEqual(Array.from({ length: published }, (_, n) => n));
  expect([published > 20, gaps]).toEqual([true, []]);
}, 600_000);
