/**
 * `npm run smoke`: tests the published packages as their users would use them. It packs all five packages, checks their exports, installs
 * the gateway alone, as an operator does, and then the other packages. Then it runs the installed command line, a Node client and an
 * embedded gateway, on the oldest Node that `engines` allows and on the current Node. It also runs a page in Chromium. Run `npm run build`
 * first.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { manifestOf, oldestNode, pack, PACKAGE_DIRECTORIES } from './packages.ts';
import type { PackedFile } from './packages.ts';
import { freePort, run, start, until } from './processes.ts';
import type { Running } from './processes.ts';
import { PYTHON_PROGRAM } from './python.ts';
import { REPORTS, ROOT, writeCounts } from './ci-counts.ts';
import { CHROMIUM, locate } from './tools.ts';

/** Size limits of an installation of the gateway alone. It must be small, because it needs no code generation and no test suite. */
const MOST_PACKAGES = 80;
const MOST_MIB = 42;

const NOT_SERVING = 'The gateway is not serving.';
const PATH = process.env['PATH'] ?? '';

const home = await mkdtemp(resolve(tmpdir(), 'tidemark-smoke-'));
const watched = resolve(home, 'watched');
const port = await freePort();
const address = `127.0.0.1:${port}`;
const { version } = manifestOf('.');
/** The HTML of a user's own page. It is served from another origin than the gateway, which the gateway is configured to allow. */
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
  // These steps need no package, so they run at the same time as the next steps.
  const independent = [
    step('the API reference matches the docstrings', checkApiReference),
    step('the oldest Node that engines names is installed', installOldestNodes),
  ];
  await step('all packages are packed', packAll);
  await step('publint and attw accept the exports', lintExports);
  await step('the gateway alone installs into an empty directory, and stays small', installGateway);
  await step('without the optional packages the command line prints how to install them', nameMissingPackages);
  await step('all packages install beside each other', installAll);
  await step('programs that import the packages type-check', typeCheck);
  await step('npx tidemark generate writes a client', generate);
  await Promise.all(independent);
  for (const node of ['oldest', 'current'] as const) {
    useNode(node);
    await step(`npx tidemark --version prints the version (${node} Node)`, printVersion);
    await step(`a host program embeds the gateway (${node} Node)`, embed);
    await step(`npx tidemark serve answers /ws/health (${node} Node)`, serve);
    await step(`the gateway passes npx tidemark conformance (${node} Node)`, judge);
    await step(`npx tidemark-mcp lists tools and ends with stdin (${node} Node)`, askMcp);
    await step(`a Node client receives a typed file event (${node} Node)`, receiveInNode);
    if (node === 'current') await step('a bundled page in Chromium receives a file event', receiveInPage);
    await step(`Ctrl-C ends npx tidemark serve (${node} Node)`, interrupt);
  }
  await step('the client runs on the oldest Node of its own engines field', runOldestClient);
  await step('the Python client builds as a wheel, which installs and runs alone', installWheel);
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

async function packAll(): Promise<void> {
  packed = await Promise.all(PACKAGE_DIRECTORIES.map((directory) => pack(directory, home)));
  const paths = packed.flatMap(({ name, files }) => files.map(({ path }) => `${name}/${path}`));
  const common = packed.flatMap(({ name }) =>
    ['LICENSE', 'README.md', 'package.json'].map((path) => `${name}/${path}`),
  );
  const entries = [
    'tidemark/dist/src/cli/main.js',
    'tidemark-codegen/dist/generate.js',
    'tidemark-conformance/dist/conformance/command/main.js',
    'tidemark-client/dist/client.js',
    'tidemark-mcp/dist/mcp/main.js',
  ];
  for (const needed of [...common, ...entries]) assert(paths.includes(needed), `${needed} is missing`);
  const strays = paths.filter((path) => /\.test\.|fixtures\/|testing\/|node_modules\/|tsconfig/.test(path));
  assert.deepEqual(strays, [], 'unneeded files');
}

async function lintExports(): Promise<void> {
  const bin = resolve(ROOT, 'node_modules/.bin');
  for (const { filename } of packed) {
    const tarball = resolve(home, filename);
    await run([resolve(bin, 'publint'), 'run', tarball, '--strict'], { cwd: home });
    // The contract is excluded, because it is a document and has no types.
    const documents = ['--exclude-entrypoints', 'asyncapi.yaml'];
    await run([resolve(bin, 'attw'), tarball, '--profile', 'esm-only', ...documents], { cwd: home });
  }
}

async function install(tarballs: readonly string[]): Promise<void> {
  await run(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], {
    cwd: home,
  });
}

async function installGateway(): Promise<void> {
  await writeFile(resolve(home, 'package.json'), '{ "private": true, "type": "module" }\n');
  const gatewayAlone = packed.filter(({ name }) => name === 'tidemark').map(({ filename }) => resolve(home, filename));
  await install(gatewayAlone);
  const list = await run(['npm', 'ls', '--all', '--parseable'], { cwd: home });
  const packages = list.trim().split('\n').length - 1;
  const mib = Number((await run(['du', '-sm', 'node_modules'], { cwd: home })).split('\t')[0]);
  console.log(`        ${packages} packages, ${mib} MiB`);
  assert(packages <= MOST_PACKAGES, `${packages} packages; at most ${MOST_PACKAGES}`);
  assert(mib <= MOST_MIB, `${mib} MiB; at most ${MOST_MIB}`);
}

async function nameMissingPackages(): Promise<void> {
  for (const [argv, name] of [
    [['generate', '--out', 'events'], 'tidemark-codegen'],
    [['conformance', 'list'], 'tidemark-conformance'],
  ] as const) {
    const running = start(['npx', 'tidemark', ...argv], { cwd: home });
    await until(`tidemark ${argv.join(' ')} has ended`, () => running.ended);
    assert.equal(running.code, 2, running.output);
    assert(running.output.includes(`npm install --save-dev ${name}@${version}`), running.output);
  }
}

async function checkApiReference(): Promise<void> {
  await run(['node', 'scripts/api-reference.ts', '--check'], { cwd: ROOT });
}

async function installAll(): Promise<void> {
  await install(packed.map(({ filename }) => resolve(home, filename)));
  await cp(resolve(ROOT, 'scripts/smoke'), home, { recursive: true });
  await mkdir(watched);
}

async function generate(): Promise<void> {
  await run(['npx', 'tidemark', 'generate', '--out', 'events'], { cwd: home });
  assert((await readFile(resolve(home, 'events/client.ts'), 'utf8')).includes('createClient'));
}

/**
 * Installs the oldest allowed versions of Node, each into its own directory, from the npm package `node`, which contains a complete Node.
 */
async function installOldestNodes(): Promise<void> {
  for (const directory of ['.', 'generated']) {
    const oldest = oldestNode(directory);
    const cwd = resolve(home, `node-${oldest}`);
    await mkdir(cwd, { recursive: true });
    await writeFile(resolve(cwd, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }\n');
    await run(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `node@${oldest}`], {
      cwd,
    });
    const [command] = [resolve(cwd, 'node_modules/.bin/node')];
    assert.equal((await run([command, '--version'], { cwd })).trim(), `v${oldest}`);
  }
}

/** Puts this version of Node first in PATH, for programs that are started from now on. */
function useNode(which: 'oldest' | 'current'): void {
  const oldest = resolve(home, `node-${oldestNode('.')}`, 'node_modules/.bin');
  process.env['PATH'] = which === 'oldest' ? `${oldest}${delimiter}${PATH}` : PATH;
}

async function runOldestClient(): Promise<void> {
  const node = resolve(home, `node-${oldestNode('generated')}`, 'node_modules/.bin/node');
  const program =
    "import { createClient } from 'tidemark-client'; createClient({ url: 'ws://127.0.0.1:9/ws' }).close();";
  await run([node, '--input-type=module', '--eval', program], { cwd: home });
}

async function installWheel(): Promise<void> {
  const source = resolve(home, 'python');
  const target = resolve(home, 'site-packages');
  // Build a copy, because building leaves files beside the sources.
  await cp(resolve(ROOT, 'generated/python'), source, { recursive: true });
  const offline = ['--no-deps', '--no-build-isolation', '--disable-pip-version-check', '--quiet'];
  await run([PYTHON_PROGRAM, '-m', 'pip', 'wheel', ...offline, '--wheel-dir', home, source], { cwd: home });
  const wheel = `tidemark_client-${version}-py3-none-any.whl`;
  await run(
    [PYTHON_PROGRAM, '-m', 'pip', 'install', '--no-deps', '--quiet', '--target', target, resolve(home, wheel)],
    {
      cwd: home,
    },
  );
  const program =
    'import sys; sys.path.insert(0, sys.argv[1]); import tidemark_client as t; print(t.__file__, t.__version__)';
  const output = await run([PYTHON_PROGRAM, '-c', program, target], { cwd: home });
  assert.equal(output.trim(), `${target}/tidemark_client/__init__.py ${version}`);
}

async function printVersion(): Promise<void> {
  assert.equal((await run(['npx', 'tidemark', '--version'], { cwd: home })).trim(), version);
}

async function typeCheck(): Promise<void> {
  const tsc = resolve(ROOT, 'node_modules/.bin/tsc');
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--ignoreConfig'];
  const nodeTypes = ['--types', 'node', '--typeRoots', resolve(ROOT, 'node_modules/@types')];
  // For a page, the client needs only the DOM library and no other types, so no `--types` are loaded and skipLibCheck stays off.
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

/** Runs conformance checks of every kind, so that a file that is missing in the package is noticed. */
async function judge(): Promise<void> {
  assert(gateway !== undefined && !gateway.ended, NOT_SERVING);
  const only = ['--only', 'ping/echo,subscribe/defaults,exchanges/*', '--exchanges', '3'];
  const output = await run(['npx', 'tidemark', 'conformance', 'run', '--url', `ws://${address}/ws`, ...only], {
    cwd: home,
  });
  assert.match(output, /^conformant: 3 of 3 checks passed$/m);
}

/** Sends the messages of an MCP client that begins with the handshake of 2025. */
async function askMcp(): Promise<void> {
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'smoke', version: '1' } };
  const messages = [
    { jsonrpc: '2.0', id: 1, method: 'initialize', params: hello },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 2, method: 'tools/list' },
  ];
  const running = start(['npx', 'tidemark-mcp', '--url', `ws://${address}/ws`], { cwd: home, stdin: 'pipe' });
  running.input?.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  await until('the tools are listed', () => running.output.includes('"wait_for_event"') || running.ended);
  running.input?.end();
  await until('tidemark-mcp has ended', () => running.ended);
  assert.equal(running.code, 0, running.output);
}

async function receiveInNode(): Promise<void> {
  assert(gateway !== undefined && !gateway.ended, NOT_SERVING);
  const consumer = start(['node', 'consumer.ts', `ws://${address}/ws`, 'subscribed'], { cwd: home });
  try {
    await until('the client is subscribed', () => consumer.output.includes('subscribed\n') || consumer.ended);
    await writeFile(resolve(watched, 'left-out.js'), '1');
    await writeFile(resolve(watched, `first-${process.env['PATH'] === PATH ? 'current' : 'oldest'}.ts`), '1');
    await until('the client has ended', () => consumer.ended);
    assert.match(consumer.output, /\{"name":"file_change","path":"first-\w+.ts","sequenceId":\d+\}/);
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
  assert(executablePath !== undefined, 'Chromium is missing: run node scripts/ensure-tools.ts');
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
  await assert.rejects(fetch(`http://${address}/ws/health`), 'the gateway still answers');
}
