/** Runs each code sample of the documentation against a real gateway, with bash, Node or Python. */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { checkContract } from '../../codegen/contract.ts';
import { readSource } from '../../codegen/files.ts';
import { samplesOf, serverOf } from '../../codegen/site/sample-blocks.ts';
import type { Samples } from '../../codegen/site/browser/samples.ts';
import { serverValidators } from '../../generated/validators.js';
import { PYTHON_PROGRAM } from '../../scripts/python.ts';
import { createGateway } from '../gateway.ts';
import { watchDirectory } from '../sources/watched-directory.ts';
import type { WatchedDirectory } from '../sources/watched-directory.ts';

vi.setConfig({ testTimeout: 300_000 });

const ROOT = resolve(import.meta.dirname, '../..');
const execute = promisify(execFile);
const contract = checkContract(await readSource(join(ROOT, 'asyncapi.yaml')));
const directory = mkdtempSync(join(tmpdir(), 'tidemark-samples-'));
const gateway = createGateway({ broadcast: 'on' });
let watching: WatchedDirectory;
let port: number;

beforeAll(async () => {
  ({ port } = await gateway.listen({ port: 0 }));
  watching = await watchDirectory(gateway, { directory, onWarning: () => undefined });
});
afterAll(async () => {
  await watching.close();
  await gateway.close({ drainMs: 0 });
});

interface Sample {
  /** The id of the sample's command, if the program prints frames of the WebSocket; undefined for HTTP. */
  readonly id: string | undefined;
  readonly name: string;
  readonly samples: Samples;
}

/** The samples of all operations, with the address of the test's gateway. */
function everySample(): readonly Sample[] {
  const server = serverOf(contract, `127.0.0.1:${port}`);
  const names = [...contract.commands, ...contract.http].map(({ name }) => name);
  return names.flatMap((name) =>
    samplesOf(contract, name, server).map(({ samples }) => {
      const [, text = '{}'] = /^> (.*)$/m.exec(samples.frames) ?? [];
      const { id } = JSON.parse(text) as { readonly id?: string };
      return { id, name, samples };
    }),
  );
}

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const START = '## sample ';

/** Runs one program that runs all samples, and splits its output by sample. */
async function run(command: string, argv: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await execute(command, [...argv], { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  return stdout.split(new RegExp(`^${START}\\d+\\n`, 'm')).slice(1);
}

/**
 * The samples that did not print the response or the reply to their command. An error reply is accepted, because some samples show a
 * refused command.
 */
function unanswered(
  outputs: readonly string[],
  samples: readonly Sample[],
  pattern: (id: string) => RegExp,
): readonly string[] {
  return samples.flatMap(({ id, name }, at) => {
    const output = outputs[at] ?? '';
    const wanted = id === undefined ? /\S/ : pattern(id);
    return wanted.test(output) ? [] : [`${name}: ${output}`];
  });
}

describe('every sample', () => {
  test('exists in each language, for each operation', () => {
    const names = new Set(everySample().map(({ name }) => name));
    for (const { name } of [...contract.commands, ...contract.http]) expect(names).toContain(name);
    expect(everySample().length).toBeGreaterThan(20);
  });

  test('runs as a command line', async () => {
    const samples = everySample();
    const npx = `npx() { shift; '${process.execPath}' '${join(ROOT, 'bin/tidemark.js')}' "$@" || true; }\nset -e\n`;
    const script = samples.map(({ samples: { cli } }, at) => `echo; echo '${START}${at}'\n${cli}\n`).join('');
    const outputs = await run('bash', [write('samples.sh', npx + script)]);
    expect(unanswered(outputs, samples, (id) => new RegExp(`"id":"${id}"`))).toEqual([]);
  });

  test('runs as TypeScript', async () => {
    const samples = everySample();
    const files = samples.map(({ samples: { typescript } }, at) =>
      write(`sample-${at}.ts`, `${typescript}\nexport {};\n`),
    );
    // A sample ends when its socket closes.
    const driver = write(
      'driver.ts',
      `const Native = WebSocket;
let closed: Promise<unknown> = Promise.resolve();
globalThis.WebSocket = class extends Native {
  constructor(url: string, protocol: string) {
    super(url, protocol);
    closed = new Promise((resolve) => this.addEventListener('close', resolve));
  }
};
for (const [at, file] of (${JSON.stringify(files)} as const).entries()) {
  console.log('${START}' + at);
  closed = Promise.resolve();
  await import(file);
  await closed;
}
export {};
`,
    );
    expect(unanswered(await run(process.execPath, [driver]), samples, (id) => new RegExp(`id: '${id}'`))).toEqual([]);
  });

  test('runs as Python', async () => {
    const samples = everySample();
    const files = samples.map(({ samples: { python } }, at) => write(`sample_${at}.py`, python));
    const driver = write(
      'driver.py',
      `import runpy\nfor at, file in enumerate(${JSON.stringify(files)}):\n    print("\\n${START}" + str(at), flush=True)\n    runpy.run_path(file)\n`,
    );
    expect(unanswered(await run(PYTHON_PROGRAM, [driver]), samples, (id) => new RegExp(`'id': '${id}'`))).toEqual([]);
  });

  test('runs as raw frames: the gateway answers the sent command', async () => {
    const samples = everySample().filter(({ id }) => id !== undefined);
    for (const {
      samples: { frames },
      name,
      id,
    } of samples) {
      const [, text = ''] = /^> (.*)$/m.exec(frames) ?? [];
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, contract.subprotocol);
      const reply = await new Promise<{ readonly type: string; readonly id?: string }>((found) => {
        socket.addEventListener('open', () => socket.send(text));
        socket.addEventListener('message', ({ data }) => {
          const frame = JSON.parse(String(data)) as { readonly type: string; readonly id?: string };
          if (frame.id === id) found(frame);
        });
      });
      socket.close();
      const fits = (serverValidators as Readonly<Record<string, (value: unknown) => boolean>>)[reply.type];
      expect([name, fits?.(reply)]).toEqual([name, true]);
    }
  });
});
