import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emitAll } from './emit.ts';
import { check } from './generate.ts';
import { run } from './testing/compile.ts';
import type { Ran } from './testing/compile.ts';
import { readStockContract } from './testing/stock-contract.ts';

const ROOT = resolve(import.meta.dirname, '..');
const COPIED = ['asyncapi.yaml', 'package.json', 'codegen', 'generated', 'docs/reference'];
const IS_BUILT = /\/(?:dist|node_modules)(?:\/|$)/;

let workspace: string;
let copies = 0;

beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'tidemark-generate-'));
});
afterAll(() => rm(workspace, { recursive: true }));

/** A copy of the files that generation needs. */
async function copyOfRepository(): Promise<string> {
  copies += 1;
  const copy = join(workspace, `copy-${copies}`);
  const filter = (source: string): boolean => !IS_BUILT.test(relative(ROOT, source));
  for (const path of COPIED) await cp(resolve(ROOT, path), join(copy, path), { recursive: true, filter });
  await symlink(resolve(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function generate(cwd: string, ...argv: readonly string[]): Promise<Ran> {
  return run([process.execPath, 'codegen/generate.ts', ...argv], { cwd });
}

async function edit(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${from} is not in ${file}`);
  await writeFile(file, text.replace(from, to));
}

/** The digest of every generated file, by its path. */
async function digestsIn(copy: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const directory of ['generated', 'docs/reference']) {
    const entries = await readdir(join(copy, directory), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((each) => each.isFile())) {
      const path = join(entry.parentPath, entry.name);
      digests.set(
        relative(copy, path),
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      );
    }
  }
  return digests;
}

describe('generation', () => {
  test('is deterministic to the byte', async () => {
    const emitOnce = async (): Promise<unknown> => [...(await emitAll(await readStockContract()))];
    expect(await emitOnce()).toEqual(await emitOnce());
  });

  test('lists every file that a change of the contract makes outdated, and writes exactly these files', async () => {
    const copy = await copyOfRepository();
    const before = await digestsIn(copy);
    await edit(join(copy, 'asyncapi.yaml'), 'sendQueueBytes: { default: 1048576', 'sendQueueBytes: { default: 2097152');
    const checked = await generate(copy, '--check');
    expect(checked).toMatchObject({ code: 3, output: expect.stringContaining('Run `npm run generate` and commit') });
    const named = [...checked.output.matchAll(/^(\S+) differs from asyncapi\.yaml\.$/gm)].map(([, path]) => path ?? '');
    expect(named).toContain('generated/protocol.ts');
    expect(await digestsIn(copy)).toEqual(before);

    const generated = await generate(copy);
    expect(generated.code).toBe(0);
    const after = await digestsIn(copy);
    const written = [...after].filter(([path, digest]) => before.get(path) !== digest).map(([path]) => path);
    expect(written.toSorted()).toEqual(named.toSorted());
    expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted());
    for (const path of written) expect(generated.output).toContain(`${path} changed.`);
    expect(await check({ contract: join(copy, 'asyncapi.yaml'), root: copy })).toEqual([]);
  });

  test('finds files that were edited, are missing, or are left over, and corrects all of them', async () => {
    const copy = await copyOfRepository();
    const before = await digestsIn(copy);
    await edit(join(copy, 'generated/types.ts'), 'readonly', 'readonly ');
    await rm(join(copy, 'generated/handlers.ts'));
    await writeFile(join(copy, 'generated/schemas/Old.json'), '{}');
    // The caches of Python tools are left alone.
    const kept = ['__pycache__', '.mypy_cache', '.pytest_cache'].map((each) => join(copy, 'generated/python', each));
    for (const cache of kept) {
      await mkdir(cache, { recursive: true });
      await writeFile(join(cache, 'kept'), '');
    }
    expect(await check({ contract: join(copy, 'asyncapi.yaml'), root: copy })).toEqual([
      { path: 'generated/handlers.ts', state: 'missing' },
      { path: 'generated/types.ts', state: 'differs' },
      { path: 'generated/schemas/Old.json', state: 'left over' },
    ]);
    expect(await generate(copy)).toEqual({
      code: 0,
      output: [
        'generated/handlers.ts is new.',
        'generated/types.ts changed.',
        'generated/schemas/Old.json was left over and is removed.',
        '',
      ].join('\n'),
    });
    for (const cache of kept) {
      expect(await readdir(cache)).toEqual(['kept']);
      await rm(cache, { recursive: true });
    }
    expect(await digestsIn(copy)).toEqual(before);
  });

  test('refuses a contract that breaks rules, with file, line, rule and remedy of each, and writes nothing', async () => {
    const copy = await copyOfRepository();
    const contract = join(copy, 'asyncapi.yaml');
    await edit(contract, 'x-requirements: [SYN-1, SEC-1, BCK-3]', 'x-requirements: [SYN-9, SEC-1, BCK-3]');
    await edit(contract, 'sendQueueBytes: { default: 1048576', 'sendQueueBytes: { default: 0');
    const lineOf = async (text: string): Promise<number> =>
      (await readFile(contract, 'utf8')).split('\n').findIndex((line) => line.includes(text)) + 1;
    const before = await digestsIn(copy);
    const { code, output } = await generate(copy);
    expect(code).toBe(3);
    expect(output.split('\n')).toEqual([
      expect.stringMatching(
        `^asyncapi\\.yaml:${await lineOf('sendQueueBytes: { default: 0')} limit /x-limits/sendQueueBytes/default: is 0, .* Correct the default or the range\\.$`,
      ),
      expect.stringMatching(
        `^asyncapi\\.yaml:${await lineOf('SYN-9')} clause-known /operations/sync/x-requirements/0: .*SYN-9.* Correct the id`,
      ),
      '2 findings; nothing was generated.',
      '',
    ]);
    expect(await digestsIn(copy)).toEqual(before);
  });

  test('refuses an unknown argument and prints its usage', async () => {
    expect(await generate(ROOT, '--chekc')).toEqual({
      code: 2,
      output: 'Unknown argument --chekc. Usage: npm run generate [-- --check]\n',
    });
  });
});

describe('the package of the client', () => {
  test('has no dependencies and has the version of the contract', async () => {
    const manifest = JSON.parse(await readFile(resolve(ROOT, 'generated/package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const contract = await readStockContract();
    expect(manifest).toMatchObject({ name: 'tidemark-client', version: contract.version, type: 'module' });
    expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual([]);
  });
});
