/**
 * The client SDK in Deno and Bun. Their npm packages are about 200 MB, so `npm ci` does not install them. This test installs them into the
 * cache of the clone.
 */
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { clientOf, onCleanup, serve } from '../testing/rig.ts';
import { SeveringProxy } from '../testing/severing-proxy.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CACHE = join(ROOT, 'node_modules/.cache/tidemark/runtimes');
const run = promisify(execFile);

/**
 * The packages that contain the programs for this platform. The packages `deno` and `bun` are not used, because they need install scripts.
 */
const RUNTIMES = {
  deno: {
    install: 'deno@2.9.6',
    program: '@deno/*/deno',
    args: ['run', '--no-lock', '--no-config', '--allow-net', '--allow-read'],
  },
  bun: { install: 'bun@1.4.5', program: '@oven/*/bin/bun', args: ['run'] },
} as const;

function locate({ program }: { readonly program: string }): string | undefined {
  const [path] = globSync(`node_modules/${program}`, { cwd: CACHE });
  return path === undefined ? undefined : join(CACHE, path);
}

const PROGRAM = (url: string): string => `
import { createClient } from ${JSON.stringify(pathToFileURL(join(ROOT, 'generated/client.ts')).href)};
import { mirror } from ${JSON.stringify(pathToFileURL(join(ROOT, 'generated/mirror.ts')).href)};
const client = createClient({ url: ${JSON.stringify(url)}, backoff: { minMs: 4, maxMs: 20 } });
const { position: since } = await client.sync();
const entities = mirror(client, 'entity_*');
await entities.ready;
const entity = (id) => ({ event: 'entity_created', payload: { id, entityType: 'function', name: id } });
await client.broadcast(entity('a'));
const closed = new Promise((resolve) => client.on('closed', resolve));
await client.broadcast({ event: 'cut', payload: {} }).catch(() => undefined); // The reply may be cut off too.
await closed;
await client.broadcast(entity('b'));
const { event } = await client.waitFor('entity_created', ({ payload }) => payload.id === 'b', { since });
await entities.sync();
console.log(JSON.stringify({ found: event.payload.id, keys: [...entities.keys()], reconnects: client.diagnosis.reconnects }));
await client.close();
`;

beforeAll(async () => {
  await mkdir(CACHE, { recursive: true });
  await writeFile(join(CACHE, 'package.json'), '{ "private": true }');
  const missing = Object.values(RUNTIMES).filter((each) => locate(each) === undefined);
  if (missing.length === 0) return;
  const packages = missing.map(({ install }) => install);
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], { cwd: CACHE });
}, 300_000);

test.each(['deno', 'bun'] as const)(
  'the client waits, mirrors and reconnects in %s',
  async (name) => {
    const { args } = RUNTIMES[name];
    const { url } = await serve({ broadcast: 'on' });
    const proxy = await SeveringProxy.before(url);
    onCleanup(() => proxy.close());
    // The program itself requests the cut, so that it happens at a known point.
    const watcher = clientOf(url).subscribe({ events: ['cut'], replay: { mode: 'none' }, onItem: () => proxy.sever() });
    await watcher.ready;
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-runtime-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'main.ts');
    await writeFile(file, PROGRAM(proxy.url));
    const { stdout } = await run(locate(RUNTIMES[name]) ?? name, [...args, file], { cwd: directory });
    expect(JSON.parse(stdout)).toEqual({ found: 'b', keys: ['a', 'b'], reconnects: 1 });
  },
  120_000,
);
