/** Runs `tidemark breaking` as a user would: with files, with a real Git repository and with a real HTTP server. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../codegen/testing/compile.ts';
import { CliRunner } from '../testing/cli-process.ts';

const ROOT = resolve(import.meta.dirname, '../..');

let home: string;
let runner: CliRunner;
let contract: string;

const finish: CliRunner['finish'] = (...args) => runner.finish(...args);

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly { readonly rule: string; readonly severity: string; readonly tapes: readonly string[] }[];
  readonly tapes?: { readonly frames: number; readonly broken: readonly unknown[] };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-cli-breaking-'));
  runner = new CliRunner(home);
  contract = await readFile(join(ROOT, 'asyncapi.yaml'), 'utf8');
  await writeFile(join(home, 'old.yaml'), contract);
  // Two changes: a renamed file is no longer reported, and the answer of a probe has a new field.
  const narrowed = contract.replace('enum: [create, modify, delete, rename]', 'enum: [create, modify, delete]');
  await writeFile(join(home, 'broken.yaml'), narrowed);
  const widened = contract.replace(
    /(^    Probe:\n(?: {6}(?!properties).*\n)+ {6}properties:\n)/m,
    '$1        since: { type: string, description: When. }\n',
  );
  if (widened === contract) throw new Error('The contract has no probe to change.');
  await writeFile(join(home, 'wider.yaml'), widened);
});
afterEach(() => runner.close());
afterAll(() => rm(home, { recursive: true }));

async function reportOf(argv: readonly string[]): Promise<{ readonly code: number | null; readonly report: Report }> {
  const { code, stdout } = await finish(['breaking', ...argv, '--format', 'json']);
  return { code, report: JSON.parse(stdout) as Report };
}

describe('tidemark breaking', () => {
  test('exits with 3 and names the breaking changes, or with 0 if there are none', async () => {
    const broken = await finish(['breaking', '--against', 'old.yaml', '--contract', 'broken.yaml']);
    expect(broken).toMatchObject({ code: 3, stdout: expect.stringContaining('BREAKING value-removed: "rename"') });
    expect(broken.stdout).toMatch(/old {2}old\.yaml:\d+ \/components\/schemas\/FileChangeType\/enum/);
    expect(broken.stdout).toContain('client-to-server, in publishing file_change');
    expect(await finish(['breaking', '--against', 'old.yaml', '--contract', 'wider.yaml'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('0 breaking, 0 warnings, 1 compatible'),
    });
  });

  test('prints GitHub annotations at the line in the newer contract', async () => {
    const { code, stdout } = await finish([
      'breaking',
      '--against',
      'old.yaml',
      '--contract',
      'broken.yaml',
      '--format',
      'github',
    ]);
    const line = contract.split('\n').findIndex((each) => each.includes('enum: [create, modify, delete, rename]')) + 1;
    expect(code).toBe(3);
    expect(stdout.split('\n')[0]).toMatch(
      new RegExp(
        `^::error file=broken\\.yaml,line=${line},title=value-removed::"rename" is no longer a valid value\\. .*%0A`,
      ),
    );
  });

  test('reads a revision of Git, with and without a path', async () => {
    const repository = join(home, 'repository');
    await mkdir(join(repository, 'api'), { recursive: true });
    const git = (...argv: readonly string[]): Promise<{ readonly code: number | null }> =>
      run(['git', '-c', 'user.name=a', '-c', 'user.email=a@localhost', ...argv], { cwd: repository });
    await writeFile(join(repository, 'api/events.yaml'), contract);
    for (const argv of [
      ['init', '-q'],
      ['add', '.'],
      ['commit', '-qm', 'first'],
      ['tag', 'v1'],
    ])
      expect(await git(...argv)).toMatchObject({ code: 0 });
    await writeFile(join(repository, 'api/events.yaml'), await readFile(join(home, 'broken.yaml'), 'utf8'));
    const options = { cwd: repository };
    for (const against of ['v1', 'HEAD:api/events.yaml'])
      expect(await finish(['breaking', '--against', against, '--contract', 'api/events.yaml'], options)).toMatchObject({
        code: 3,
      });
    for (const against of ['v2', 'HEAD:api/none.yaml', '--output=x'])
      expect(
        await finish(['breaking', `--against=${against}`, '--contract', 'api/events.yaml'], options),
      ).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/^--against: .* is neither a file nor a Git revision: .*\n$/),
      });
  });

  test('reads an address, and exits with 5 if it returns no contract', async () => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/asyncapi.yaml' ? 200 : 404).end(contract);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    const against = (address: string) => finish(['breaking', '--against', address, '--contract', 'broken.yaml']);
    try {
      expect(await against(`${origin}/asyncapi.yaml`)).toMatchObject({ code: 3 });
      for (const credential of ['50%off:secret', 'me:secret%', 'me:%ff'])
        expect(await against(`http://${credential}@127.0.0.1:${port}/asyncapi.yaml`)).toEqual({
          code: 2,
          stdout: '',
          stderr: expect.stringMatching(/^--against: the user name or password has a "%" .*%25\.\n$/),
        });
      expect(await against(`http://me:secret@127.0.0.1:${port}/none`)).toEqual({
        code: 5,
        stdout: '',
        stderr: `--against: ${origin}/none answered with status 404 instead of a contract.\n`,
      });
    } finally {
      await new Promise((done) => server.close(done));
    }
    expect(await against(`${origin}/asyncapi.yaml`)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('cannot be reached'),
    });
  });

  test('lists the recorded frames that are no longer valid, below the change that breaks them', async () => {
    const tapes = ['--tapes', join(ROOT, 'conformance/tapes')];
    const { code, report } = await reportOf(['--against', 'old.yaml', '--contract', 'broken.yaml', ...tapes]);
    const narrowing = report.findings.find(({ severity }) => severity === 'breaking');
    expect({ code, frames: (report.tapes?.frames ?? 0) > 500 }).toEqual({ code: 3, frames: true });
    expect(narrowing?.tapes).toEqual(expect.arrayContaining([expect.stringMatching(/^recorded\/ide-session:\d+$/)]));
    const unchanged = await reportOf(['--against', 'old.yaml', '--contract', 'wider.yaml', ...tapes]);
    expect(unchanged).toMatchObject({ code: 0, report: { tapes: { broken: [] } } });
  });

  test('exits with 2 and names the file that it cannot read', async () => {
    await mkdir(join(home, 'empty'), { recursive: true });
    await writeFile(join(home, 'notes.yaml'), 'a: [1');
    const cases: readonly (readonly [argv: readonly string[], text: RegExp])[] = [
      [['--contract', 'none.yaml'], /--contract: none\.yaml does not exist/],
      [['--contract', 'notes.yaml'], /notes\.yaml:1 yaml/],
      [['--contract', 'old.yaml', '--tapes', 'empty'], /empty contains no tapes/],
      [['--contract', 'old.yaml', '--tapes', 'none'], /--tapes: none does not exist/],
    ];
    for (const [argv, text] of cases)
      expect(await finish(['breaking', '--against', 'old.yaml', ...argv])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(text),
      });
  });
});
