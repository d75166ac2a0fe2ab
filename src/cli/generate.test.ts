import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../codegen/testing/compile.ts';
import { typeFaults } from '../../scripts/python.ts';
import { CliRunner } from '../testing/cli-process.ts';

const TSC = resolve(import.meta.dirname, '../../node_modules/.bin/tsc');

let home: string;
let runner: CliRunner;

const finish: CliRunner['finish'] = (...args) => runner.finish(...args);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-cli-generate-'));
  runner = new CliRunner(home);
});
afterEach(() => runner.close());
afterAll(() => rm(home, { recursive: true }));

describe('tidemark generate', () => {
  test('reports an unreadable or unwritable file in one line, and exits with 2', async () => {
    await writeFile(join(home, 'notes.txt'), 'kept');
    await mkdir(join(home, 'taken/client.ts'), { recursive: true });
    const generate = (...argv: readonly string[]): Promise<unknown> => finish(['generate', ...argv]);
    const refused = (text: RegExp): object => ({ code: 2, stdout: '', stderr: expect.stringMatching(text) });
    expect(await generate('--out', 'notes.txt')).toEqual(
      refused(/^\S+\/notes\.txt is a file, but the output must be a directory\..*\n$/),
    );
    expect(await generate('--out', 'taken')).toEqual(refused(/^taken\/client\.ts cannot be written: EISDIR.*\n$/));
    expect(await generate('--contract', '.', '--out', 'never')).toEqual(
      refused(/^\. cannot be read: illegal operation on a directory, EISDIR\.\n$/),
    );
    expect(await readdir(home)).not.toContain('never');
  });

  test('writes a client that compiles in a plain strict project, and one that Node runs directly', async () => {
    const program = (ending: string): string => `import { createClient } from './events/client${ending}';
      import { SUBPROTOCOL } from './events/protocol${ending}';
      export const client = createClient({ url: 'ws://127.0.0.1:1/ws' });
      console.log(SUBPROTOCOL);
      await client.close();
      export async function paths(): Promise<void> {
        for await (const event of client.subscribe({ events: ['file_change'] })) {
          const path: string = event.payload.path;
          console.log(path);
        }
      }`;
    const project = join(home, 'project');
    await mkdir(join(project, 'src'), { recursive: true });
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    // The complete compiler configuration of the new project. No setting of this repository has an effect on it.
    const compilerOptions = { strict: true, module: 'nodenext', noEmit: true };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
    await writeFile(join(project, 'src/main.ts'), program('.js'));
    expect(await finish(['generate', '--out', 'project/src/events'])).toMatchObject({ code: 0 });
    expect(await run([TSC, '-p', '.'], { cwd: project })).toEqual({ code: 0, output: '' });

    await writeFile(join(project, 'src/main.ts'), program('.ts'));
    const again = ['generate', '--out', 'project/src/events', '--import-ending', '.ts'];
    expect(await finish(again)).toMatchObject({ code: 0 });
    expect(await run([process.execPath, 'src/main.ts'], { cwd: project })).toEqual({
      code: 0,
      output: 'tidemark.v1\n',
    });
  }, 240_000);

  test('writes a Python client, of this contract or of another one, that mypy --strict accepts', async () => {
    const shop = resolve(import.meta.dirname, '../../codegen/fixtures/shop.yaml');
    for (const [out, contract] of [
      ['ours', []],
      ['shop', ['--contract', shop]],
    ] as const) {
      expect(await finish(['generate', '--lang', 'python', ...contract, '--out', out])).toMatchObject({ code: 0 });
      expect(await typeFaults(['tidemark_client'], { cwd: join(home, out) })).toBe('');
    }
  }, 240_000);
});
