/**
 * `npm run smoke`: what a user of the published packages would meet. Packs both, installs them into an empty directory, and
 * there runs the command line, a Node client, an embedded gateway and a page in Chromium. Needs `npm run build` first.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { freePort, run, start, until } from './processes.ts';
import type { Running } from './processes.ts';
import { REPORTS, ROOT, writeCounts } from './report.ts';
import { CHROMIUM, locate } from './tools.ts';

interface PackedFile {
  readonly filename: string;
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
}

const NOT_SERVING = 'The gateway does not serve.';

const home = await mkdtemp(resolve(tmpdir(), 'tidemark-smoke-'));
const watched = resolve(home, 'watched');
const port = await freePort();
const address = `127.0.0.1:${port}`;
const { version } = JSON.parse(await readFile(resolve(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
/** A team's own page, on an origin that the gateway is told to let in. */
let pageHtml = '';
const site = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(pageHtml));
const sitePort = await freePort();
site.listen(sitePort, '127.0.0.1');
const siteOrigin = `http://127.0.0.1:${sitePort}`;
let packed: readonly PackedFile[] = [];
let gateway: Running | undefined;
let passed = 0;
let failed = 0;

try {
  await step('both packages are packed', pack);
  await step('both install into an empty directory', install);
  await step('npx tidemark --version tells the version', tellVersion);
  await step('programs that import the packages type-check', typeCheck);
  await step('a host program embeds the gateway', embed);
  await step('npx tidemark serve answers /ws/health', serve);
  await step('npx tidemark conformance judges it', judge);
  await step('a Node client receives a file event, narrowed', receiveInNode);
  await step('a bundled page in Chromium receives a file event', receiveInPage);
  await step('Ctrl-C ends npx tidemark serve', interrupt);
} finally {
  gateway?.kill('SIGKILL');
  site.close();
  site.closeAllConnections();
  await rm(home, { recursive: true, force: true, maxRetries: 3 });
}
writeCounts(REPORTS.smoke, { passed, failed });
console.log(`smoke: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function step(name: string, body: () => Promise<void>): Promise<void> {
  const started = performance.now();
  try {
    await body();
    passed += 1;
    console.log(`ok      ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

async function pack(): Promise<void> {
  // Without scripts: `prepack` would build again what the build step has just built.
  const options = ['pack', '--json', '--ignore-scripts', '--pack-destination', home];
  const outputs = await Promise.all([ROOT, resolve(ROOT, 'generated')].map((cwd) => run(['npm', ...options], { cwd })));
  packed = outputs.flatMap((output) => Object.values(JSON.parse(output) as Record<string, PackedFile>));
  const paths = packed.flatMap(({ name, files }) => files.map(({ path }) => `${name}/${path}`));
  for (const needed of ['tidemark/LICENSE', 'tidemark/dist/src/cli/main.js', 'tidemark-client/dist/client.js']) {
    assert(paths.includes(needed), `${needed} is missing`);
  }
  const strays = paths.filter((path) => /\.test\.|fixtures\/|testing\/|node_modules\//.test(path));
  assert.deepEqual(strays, [], 'files that nobody needs');
}

async function install(): Promise<void> {
  await writeFile(resolve(home, 'package.json'), '{ "private": true, "type": "module" }\n');
  const tarballs = packed.map(({ filename }) => resolve(home, filename));
  await run(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], {
    cwd: home,
    timeoutMs: 180_000,
  });
  await cp(resolve(ROOT, 'scripts/smoke'), home, { recursive: true });
  await mkdir(watched);
}

async function tellVersion(): Promise<void> {
  assert.equal((await run(['npx', 'tidemark', '--version'], { cwd: home })).trim(), version);
}

async function typeCheck(): Promise<void> {
  const tsc = resolve(ROOT, 'node_modules/.bin/tsc');
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--ignoreConfig'];
  const nodeTypes = ['--types', 'node', '--typeRoots', resolve(ROOT, 'node_modules/@types')];
  // The client brings no types but the contract's, so a page needs the DOM's alone, and no library is skipped.
  await run([tsc, ...strict, '--types', '', '--lib', 'es2024,dom', 'page.ts'], { cwd: home });
  await run([tsc, ...strict, ...nodeTypes, 'consumer.ts'], { cwd: home });
  await run([tsc, ...strict, ...nodeTypes, '--skipLibCheck', 'host.ts'], { cwd: home });
}

async function embed(): Promise<void> {
  const last = (await run(['node', 'host.ts'], { cwd: home })).trim().split('\n').at(-1) ?? '';
  assert.deepEqual(JSON.parse(last), { statuses: [200, 401], sequenceId: 1, root: 'watched' });
}

async function serve(): Promise<void> {
  const flags = ['--port', String(port), '--watch', watched, '--allow-origin', siteOrigin];
  const running = start(['npx', 'tidemark', 'serve', ...flags], { cwd: home });
  gateway = running;
  await until('the gateway is healthy', async () => {
    if (running.ended) throw new Error(`tidemark serve ended:\n${running.output}`);
    const response = await fetch(`http://${address}/ws/health`).catch(() => undefined);
    if (response === undefined) return false;
    const { status } = (await response.json()) as { readonly status: string };
    return status === 'ok';
  });
}

/** Checks of every kind, so that whatever the suite needs has to be in the package. */
async function judge(): Promise<void> {
  assert(gateway !== undefined && !gateway.ended, NOT_SERVING);
  const only = ['--only', 'ping/echo,subscribe/defaults,exchanges/*', '--exchanges', '3'];
  const output = await run(['npx', 'tidemark', 'conformance', 'run', '--url', `ws://${address}/ws`, ...only], {
    cwd: home,
  });
  assert.match(output, /^conformant: 3 of 3 checks passed$/m);
}

async function receiveInNode(): Promise<void> {
  assert(gateway !== undefined && !gateway.ended, NOT_SERVING);
  const consumer = start(['node', 'consumer.ts', `ws://${address}/ws`, 'subscribed'], { cwd: home });
  try {
    await until('the client is subscribed', () => consumer.output.includes('subscribed\n') || consumer.ended);
    await writeFile(resolve(watched, 'left-out.js'), '1');
    await writeFile(resolve(watched, 'first.ts'), '1');
    await until('the client has ended', () => consumer.ended);
    assert.match(consumer.output, /\{"name":"file_change","path":"first.ts","sequenceId":\d+\}/);
  } finally {
    consumer.kill('SIGKILL');
  }
}

async function receiveInPage(): Promise<void> {
  assert(gateway !== undefined && !gateway.ended, NOT_SERVING);
  const { outputFiles } = await build({
    entryPoints: [resolve(home, 'page.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  const script = outputFiles[0]?.text ?? '';
  const executablePath = locate(CHROMIUM);
  assert(executablePath !== undefined, 'Chromium is missing: node scripts/ensure-tools.ts');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    pageHtml = `<!doctype html><title>loading</title><script type="module">${script}</script>`;
    await page.goto(`${siteOrigin}/?gateway=ws://${address}/ws`);
    const titled = (wanted: string) =>
      until(`the page's title is "${wanted}"`, async () => (await page.title()) === wanted);
    try {
      await titled('ready');
      await writeFile(resolve(watched, 'second.ts'), '1');
      await titled('event second.ts');
    } finally {
      assert.deepEqual(errors, []);
    }
  } finally {
    await browser.close();
  }
}

async function interrupt(): Promise<void> {
  const running = gateway;
  assert(running !== undefined && !running.ended, NOT_SERVING);
  running.kill('SIGINT');
  await until('the gateway has ended', () => running.ended);
  assert.equal(running.code, 130, running.output);
  await assert.rejects(fetch(`http://${address}/ws/health`), 'it still answers');
}
