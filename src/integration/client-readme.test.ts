import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateTo } from '../../codegen/generate.ts';
import { compile, run } from '../../codegen/testing/compile.ts';
import { createGateway } from '../gateway.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const ADDRESS = 'ws://127.0.0.1:7400/ws';

let project: string;
let examples: readonly string[];

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'tidemark-client-readme-'));
  const readme = await readFile(join(ROOT, 'generated/README.md'), 'utf8');
  examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
  await generateTo({ contract: join(ROOT, 'asyncapi.yaml'), out: project, importEnding: '.ts' });
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rm(project, { recursive: true }));

/** Writes the example that calls a function into a project that contains the client. @returns the name of the file */
async function exampleOf(call: string, { url = ADDRESS }: { readonly url?: string } = {}): Promise<string> {
  const example = examples.find((code) => code.includes(`${call}(`)) ?? '';
  const [client = ''] = /^import .*\n\nconst client = .*\n/.exec(examples[0] ?? '') ?? [];
  const code = example.includes('const client =') ? example : `${client}${example}\nawait client.close();\n`;
  expect(code).toContain(ADDRESS);
  const file = `${call}.ts`;
  const local = code
    .replaceAll("'tidemark-client'", "'./client.ts'")
    .replaceAll("'tidemark-client/mirror'", "'./mirror.ts'")
    .replaceAll("'tidemark-client/streams'", "'./streams.ts'")
    .replaceAll("'tidemark-client/diagnose'", "'./runtime/diagnose.ts'");
  await writeFile(join(project, file), local.replace(ADDRESS, url));
  return file;
}

describe("the examples in the client's README", () => {
  test('compile without type errors', async () => {
    const calls = [
      'client.subscribe',
      'client.broadcast',
      'client.waitFor',
      'await entities.sync',
      'followStreams',
      'client.connect',
      'await diagnose',
      'settled',
    ];
    const files = await Promise.all(calls.map((call) => exampleOf(call)));
    expect(examples).toHaveLength(files.length);
    expect(await compile({ cwd: project, files })).toBe('');
  });

  test.each([
    ['on', 'published as 1\n'],
    ['off', expect.stringMatching(/^forbidden The broadcast command is off/)],
  ] as const)('publish if broadcast is %s, or report why not', async (broadcast, output: unknown) => {
    const gateway = createGateway({ broadcast });
    try {
      const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
      const file = await exampleOf('client.broadcast', { url: `ws://127.0.0.1:${port}/ws` });
      expect(await run([process.execPath, file], { cwd: project })).toEqual({ code: 0, output });
    } finally {
      await gateway.close();
    }
  });

  test('report that no server listens', async () => {
    // Port 1 is privileged, and no program listens on it.
    const file = await exampleOf('client.connect', { url: 'ws://127.0.0.1:1/ws' });
    const { code, output } = await run([process.execPath, file], { cwd: project });
    expect({ code, lines: output.trim().split('\n') }).toEqual({
      code: 0,
      lines: [
        expect.stringMatching(/^no connection; attempt 2 in \d+ ms$/),
        expect.stringMatching(/^no connection; attempt 3 in \d+ ms$/),
        expect.any(String),
        expect.stringMatching(/^unreachable .*failed attempts: 3/),
      ],
    });
  });
});
