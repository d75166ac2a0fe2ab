/**
 * Tests contracts in every form that the specification allows. Any other file must give a finding, never a stack trace.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PYTHON_PROGRAM } from '../scripts/python.ts';
import { emitPython, emitSources } from './emit.ts';
import { openContract } from './own-events/open.ts';
import { ContractError } from './source.ts';
import { compile, run } from './testing/compile.ts';
import { BROKEN } from './testing/broken-files.ts';
import { ALLOWED, SAME } from './testing/odd-files.ts';
import type { Files } from './testing/odd-files.ts';

let directory: string;
let written = 0;
let digest: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-forms-'));
  digest = (await openContract(await write(SAME['YAML without'] ?? {}))).contract.digest;
});
afterAll(() => rm(directory, { recursive: true }));

/** @returns the path of `shop.yaml` */
async function write(files: Files): Promise<string> {
  written += 1;
  const below = join(directory, String(written));
  await mkdir(below);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(below, name)), { recursive: true });
    await writeFile(join(below, name), content);
  }
  return join(below, 'shop.yaml');
}

describe('the same contract has the same digest', () => {
  test.each(Object.entries(SAME))('as %s', async (_name, files) => {
    expect((await openContract(await write(files))).contract.digest).toBe(digest);
  });
});

describe('a contract', () => {
  const roots: string[] = [];

  test.each(Object.entries(ALLOWED))('may have %s', async (_name, files) => {
    const { contract, source } = await openContract(await write(files));
    expect(contract.events.map(({ name }) => name)).toEqual(['order_placed', 'order_shipped']);
    expect(source.text).not.toMatch(/\$ref: \.?\/?\w/);
    const out = join(directory, `client-${roots.length}`);
    for (const [path, text] of [...(await emitSources(contract)), ...(await emitPython(contract, 'a test'))]) {
      await mkdir(dirname(join(out, path)), { recursive: true });
      await writeFile(join(out, path), text);
    }
    await writeFile(join(out, 'package.json'), '{"type":"module"}');
    roots.push(out);
  });

  test('compiles in each of these forms, in both languages', async () => {
    expect(roots).toHaveLength(Object.keys(ALLOWED).length);
    const files = roots.flatMap((root) => [join(root, 'client.ts'), join(root, 'handlers.ts')]);
    expect(await compile({ cwd: directory, files })).toBe('');
    const compiled = await run([PYTHON_PROGRAM, '-m', 'compileall', '-q', ...roots], { cwd: directory });
    expect(compiled).toEqual({ code: 0, output: '' });
  });
});

describe('an invalid contract gives a finding with file, line, rule and remedy', () => {
  test.each(BROKEN)('$name', async ({ files, finding }) => {
    const file = await write(files);
    const thrown = await openContract(file).then(
      () => 'nothing',
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(ContractError);
    const { message } = thrown as ContractError;
    expect(message.replaceAll(`${dirname(file)}/`, '')).toMatch(finding);
    for (const line of message.split('\n')) {
      expect(line).toMatch(/^(?:\S+:\d+ [a-z-]+ (?:\(top\)|\/[^]*?): .*\.|… and \d+ more\.)$/);
      expect(line).not.toMatch(/ {4}at |\[object|undefined/);
    }
  });
});
