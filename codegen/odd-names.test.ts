/**
 * Tests a contract with everything unusual that is allowed: the generated code must compile, and must validate as the
 * schemas require.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Validator } from '../generated/validators.js';
import { PYTHON_PROGRAM, typeFaults } from '../scripts/python.ts';
import { generateTo } from './generate.ts';
import { compile, load, run } from './testing/compile.ts';
import { EVENT_NAMES, oddContract } from './testing/odd-contract.ts';
import { ODD_MEMBERS } from './testing/odd-members.ts';

type Table = Readonly<Record<string, Validator>>;

let directory: string;
let payloads: Table;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-odd-'));
  const contract = join(directory, 'odd.yaml');
  await writeFile(contract, oddContract());
  await generateTo({ contract, out: join(directory, 'ts'), importEnding: '.ts' });
  await generateTo({ contract, out: join(directory, 'py'), lang: 'python' });
  await writeFile(join(directory, 'ts/package.json'), '{"type":"module"}');
  payloads = (await load(await readFile(join(directory, 'ts/validators.js'), 'utf8')))['payloadValidators'] as Table;
});
afterAll(() => rm(directory, { recursive: true }));

const payloadWith = (name: string, value: unknown): unknown => ({ id: 'o1', lines: [], [name]: value });

describe('the validator of a payload with a member of an odd name or schema', () => {
  test.each(ODD_MEMBERS)('$name', ({ name, fits, misfits }) => {
    const accepts = (value: unknown): boolean => payloads['order_placed']?.(payloadWith(name, value)) ?? false;
    expect(fits.map((value) => ({ value, accepted: accepts(value) }))).toEqual(
      fits.map((value) => ({ value, accepted: true })),
    );
    expect(misfits.map((value) => ({ value, accepted: accepts(value) }))).toEqual(
      misfits.map((value) => ({ value, accepted: false })),
    );
  });

  test('does not treat inherited properties as members', () => {
    expect(payloads['order_placed']?.({ id: 'o1', lines: [] })).toBe(true);
    expect(payloads['order_placed']?.(Object.create({ id: 'o1', lines: [] }))).toBe(false);
  });

  test('exists for every event', () => {
    expect(Object.keys(payloads)).toEqual(['order_placed', 'order_shipped', ...EVENT_NAMES]);
  });
});

describe('the generated TypeScript', () => {
  test('compiles, and its types accept the values that the schemas accept', async () => {
    const values = ODD_MEMBERS.flatMap(({ name, fits }) => fits.map((value) => [JSON.stringify(name), value] as const));
    const program = [
      "import type { OrderPayload } from './types.ts';",
      "import { createClient } from './client.ts';",
      "import type { Handlers } from './handlers.ts';",
      "import { EVENTS } from './protocol.ts';",
      "import { payloadValidators } from './validators.js';",
      'export type { Handlers };',
      'export const all = [createClient, EVENTS.constructor, payloadValidators.then];',
      ...values.map(([name, value], at) => `export const v${at}: OrderPayload[${name}] = ${JSON.stringify(value)};`),
      '// @ts-expect-error: text in a description is not a declaration',
      "import type { Injected } from './types.ts';",
    ];
    await writeFile(join(directory, 'ts/program.ts'), program.join('\n'));
    expect(await compile({ cwd: join(directory, 'ts'), files: ['program.ts'] })).toBe('');
  });
});

describe('the generated Python', () => {
  test('compiles, can be imported, and passes mypy --strict', async () => {
    const cwd = join(directory, 'py');
    const ok = { code: 0 };
    expect(await run([PYTHON_PROGRAM, '-m', 'compileall', '-q', 'tidemark_client'], { cwd })).toMatchObject(ok);
    expect(await run([PYTHON_PROGRAM, '-c', 'import tidemark_client.types'], { cwd })).toEqual({ code: 0, output: '' });
    expect(await typeFaults(['tidemark_client'], { cwd })).toBe('');
  }, 240_000);
});
