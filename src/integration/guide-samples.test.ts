/** The programs of the guide for agents are valid for both clients. The programs that follow several streams receive events. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateTo } from '../../codegen/generate.ts';
import { compile } from '../../codegen/testing/compile.ts';
import { PATIENCE, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** The Python of Debian, for which the tests install packages. */
const PYTHON = '/usr/bin/python3';
const PYTHON_PACKAGE = join(ROOT, 'generated/python');
const execute = promisify(execFile);

let project: string;
let guide: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'tidemark-guide-'));
  guide = await readFile(join(ROOT, 'docs/guides/agents.md'), 'utf8');
  await generateTo({ contract: join(ROOT, 'asyncapi.yaml'), out: project, importEnding: '.ts' });
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rm(project, { recursive: true }));

/** The code blocks of one language in the guide. They use a `client` that earlier text has created. */
function blocks(language: string): readonly string[] {
  return [...guide.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code);
}

function typescript(code: string, url: string): string {
  const local = code.replaceAll(/'tidemark-client(?:\/(\w+))?'/g, (_all, name = 'client') => `'./${String(name)}.ts'`);
  // The block may contain imports. JavaScript allows imports after other statements, so the block is appended as it is.
  return `import { createClient } from './client.ts';\nconst client = createClient({ url: '${url}' });\n${local}\nexport {};\n`;
}

function python(code: string, url: string): string {
  const body = code.replaceAll(/^(?=.)/gm, '        ');
  return `import asyncio\nfrom tidemark_client import Client, Position\n\n\nasync def main() -> None:\n    async with Client("${url}") as client:\n${body}\n\nasyncio.run(main())\n`;
}

/** Publishes into a session and into `main` until the program that follows all streams prints both events. */
async function followed({ gateway }: Served, program: string, argv: readonly string[]): Promise<void> {
  const running = execute(program, [...argv], { cwd: project, env: { ...process.env, PYTHONPATH: PYTHON_PACKAGE } });
  let output = '';
  running.child.stdout?.on('data', (text: string) => (output += text));
  running.child.stderr?.on('data', (text: string) => (output += text));
  const ended = running.catch(() => undefined);
  await vi.waitUntil(() => gateway.health().subscriptions.total === 1, PATIENCE);
  await gateway.publish('tick', { n: 1 });
  await gateway.publish('tick', { n: 2 }, { stream: 'session:new' });
  await vi.waitFor(() => expect(output).toMatch(/main tick[^]*session:new tick/), PATIENCE);
  running.child.kill();
  await ended;
}

test('the TypeScript compiles, and follows streams that begin later', async () => {
  const { url, gateway, ...rest } = await serve();
  const files = await Promise.all(
    blocks('ts').map(async (code, at) => {
      const name = `block-${at}.ts`;
      await writeFile(join(project, name), typescript(code, url));
      return { name, code };
    }),
  );
  await writeFile(
    join(project, 'globals.d.ts'),
    "declare module 'node:fs/promises' { export function writeFile(path: string, text: string): Promise<void>; }\n",
  );
  const names = files.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(1);
  expect(await compile({ cwd: project, files: [...names, 'globals.d.ts'] })).toBe('');
  const streams = files.find(({ code }) => code.includes('followStreams('))?.name ?? '';
  await followed({ url, gateway, ...rest }, process.execPath, [streams]);
});

test('the Python is valid, and follows streams that begin later', async () => {
  const served = await serve();
  const files = await Promise.all(
    blocks('python').map(async (code, at) => {
      const name = `block_${at}.py`;
      await writeFile(join(project, name), python(code, served.url));
      return { name, code };
    }),
  );
  expect(files.length).toBeGreaterThan(1);
  const env = { ...process.env, MYPYPATH: PYTHON_PACKAGE };
  const names = files.map(({ name }) => name);
  await execute('/usr/bin/mypy', ['--strict', '--cache-dir', join(project, '.mypy'), ...names], { cwd: project, env });
  const streams = files.find(({ code }) => code.includes('follow_streams('))?.name ?? '';
  await followed(served, PYTHON, ['-u', streams]);
});
