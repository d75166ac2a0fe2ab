import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CLAUSES } from '../../generated/protocol.ts';
import { PYTHON_PROGRAM } from '../../scripts/python.ts';
import { suite } from '../testing/processes.ts';
import { loadClientTapes } from './library.ts';
import { CLIENT_CHECKS } from './checks.ts';
import { parseClientTape } from './parse.ts';
import { showClientTape } from './show.ts';

const adapter = (name: string): string => fileURLToPath(new URL(`adapters/${name}`, import.meta.url));
const TYPESCRIPT = `${process.execPath} ${adapter('typescript.ts')}`;
const PYTHON = `${PYTHON_PROGRAM} ${adapter('python.py')}`;
/** At least one tape for each clause. None of these tapes waits long. */
const FAST =
  'commands/*,handshake/*,resume/*,unsubscribe/*,once/*,slow_reader/*,hostile/fake-*,close/4300-*,frames/*,invariants/*';

const HEADER = '{"tape":1,"id":"close/x","clauses":["CLI-2"],"level":"must","why":"A reason."}';

interface Report {
  readonly outcome: { readonly exit: number; readonly text: string };
  readonly checks: readonly { readonly id: string; readonly verdict: string; readonly clauses: readonly string[] }[];
}

/** A directory with one client tape. */
function directoryOf(id: string, ...steps: readonly object[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'client-tapes-'));
  const file = join(directory, `${id}.ndjson`);
  mkdirSync(dirname(file), { recursive: true });
  const header = { tape: 1, id, clauses: ['CLI-2'], level: 'must', why: 'Every client connects.' };
  writeFileSync(file, [header, ...steps].map((line) => JSON.stringify(line)).join('\n'));
  return directory;
}

describe('a client tape', () => {
  test('with a fault is refused with file and line', () => {
    const fault =
      (...lines: readonly string[]): (() => unknown) =>
      () =>
        parseClientTape([HEADER, ...lines].join('\n'), 'x.ndjson');
    expect(fault()).toThrow('no expectation');
    expect(fault('{"opens":{}}')).toThrow(/x\.ndjson:2.*exactly one of drive, open/);
    expect(fault('{"open":{},"until":{}}')).toThrow('unknown key "until"');
    expect(fault('{"open":{}}', '{"accept":{"command":"sub","at":1}}')).toThrow('no earlier step has bound');
    expect(fault('{"open":{}}', '{"send":{"id":{"$ref":"sub/id"}}}')).toThrow('no earlier step has bound');
    expect(fault('{"emit":{"numbers":[2,1],"subscriptions":["s1"]}}')).toThrow('the second not less');
    expect(fault('{"quiet":500,"atMost":699}')).toThrow(/x\.ndjson:2.*"atMost" must be at least 700/);
    expect(fault('{"quiet":500,"atMost":700}')).not.toThrow();
  });

  test('exists for every clause that clients must satisfy', () => {
    const cited = new Set<string>(loadClientTapes().flatMap(({ header }) => header.clauses));
    const kept = Object.entries(CLAUSES).flatMap(([id, { observable }]) => (observable === 'server' ? [id] : []));
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.filter((id) => !cited.has(id))).toEqual([]);
  });
});

test('a client tape is listed, explained, shown and formatted like a tape for servers', async () => {
  const list = await suite('list', '--client', '--only', 'resume/after-a-cut,frames/unique-ids');
  expect(list.stdout).toMatch(/^resume\/after-a-cut +CLI-5\n {4}After a connection[^]*^frames\/unique-ids +CLI-1/m);
  expect((await suite('list', '--client', '--clauses')).code).toBe(0);
  expect((await suite('explain', 'CLI-5')).stdout).toContain('resume/after-a-cut');
  expect((await suite('explain', 'resume/after-a-cut')).stdout).toContain('CLI-5');
  const { stdout } = await suite('show', 'resume/after-a-cut');
  expect(stdout).toMatch(/^program +<< connect \{backoff/m);
  expect(stdout).toMatch(/^client +>> subscribe \{subscriptionId: "s1"\} {2}=: sub$/m);
  expect(stdout).toMatch(/^client +<< events 11 to 13 of main for s1$/m);
  const directory = directoryOf(
    'close/untidy',
    { drive: { do: 'connect' } },
    { within: 900, waited: { most: 5 }, open: {} },
    { note: 'Nothing.', atMost: 900, quiet: 500 },
  );
  const file = join(directory, 'close/untidy.ndjson');
  expect(await suite('fmt', '--check', file)).toMatchObject({ code: 3 });
  expect(await suite('fmt', directory)).toMatchObject({ code: 0, stdout: `${file}\n` });
  expect(readFileSync(file, 'utf8').split('\n').slice(2, 4)).toEqual([
    '{"open":{},"waited":{"most":5},"within":900}',
    '{"quiet":500,"atMost":900,"note":"Nothing."}',
  ]);
  expect((await suite('show', file)).stdout).toContain('connects  (after at most 5 ms)  (within 900 ms)');
  const wrong = directoryOf('close/wrong', { drive: { do: 'connect' } }, { opens: {} });
  expect(await suite('fmt', '--check', wrong)).toMatchObject({ code: 2 });
}, 600_000);

test('every client tape can be shown', () => {
  for (const tape of loadClientTapes())
    expect(showClientTape(tape).split('\n').length).toBeGreaterThan(tape.steps.length);
});

describe.each([
  ['TypeScript', TYPESCRIPT],
  ['Python', PYTHON],
])('the SDK for %s', (_language, command) => {
  test('conforms', async () => {
    const { code, stdout } = await suite('client', '--command', command, '--only', FAST, '--json');
    const { checks, outcome } = JSON.parse(stdout) as Report;
    expect(checks.filter(({ verdict }) => verdict !== 'PASS')).toEqual([]);
    expect(checks.length).toBeGreaterThan(40);
    expect([code, outcome.exit]).toEqual([0, 0]);
  }, 600_000);
});

describe('conformance client', () => {
  test('reports the clause, the expectation and the command to repeat a failed check, and exits with 3', async () => {
    const tapes = directoryOf(
      'close/wanted',
      { drive: { do: 'connect' } },
      { open: {} },
      { drop: {} },
      { quiet: 2000 },
    );
    const junit = join(tapes, 'report.xml');
    const { code, stdout } = await suite('client', '--command', TYPESCRIPT, '--tapes', tapes, '--junit', junit);
    expect(code).toBe(3);
    expect(stdout).toMatch(/FAIL close\/wanted: Every client connects\.\n {2}CLI-2 {2}When its connection ends/);
    expect(stdout).toContain('the client connected, which it must not do (close/wanted.ndjson:5)');
    expect(stdout).toContain(`conformance client --command '${TYPESCRIPT}' --tapes ${tapes} --only close/wanted`);
    expect(readFileSync(junit, 'utf8')).toContain('name="close/wanted [CLI-2]"');
  });

  test('accepts a list of known failures that names checks outside --only', async () => {
    const tapes = directoryOf('close/wanted', { drive: { do: 'connect' } }, { open: {} }, { drop: {} }, { quiet: 500 });
    const known = join(tapes, 'known.txt');
    writeFileSync(known, `close/wanted # issue 7\n${CLIENT_CHECKS[0]?.id}\n`);
    const options = ['--command', TYPESCRIPT, '--tapes', tapes, '--known-failing', known, '--only', 'close/*'];
    const { code, stdout } = await suite('client', ...options);
    expect(code).toBe(0);
    expect(stdout).toContain('conformant');
  });

  test('reports a program that ends early as a fault of the client, not of the suite', async () => {
    const tapes = directoryOf('close/early', { drive: { do: 'connect' } }, { open: {} });
    const script = `console.log('{"notice":"ready","supports":[]}'); setTimeout(() => process.exit(7), 50)`;
    const command = `${process.execPath} -e ${JSON.stringify(script)}`;
    const { code, stdout } = await suite('client', '--command', command, '--tapes', tapes);
    expect(code).toBe(3);
    expect(stdout).toContain('the client did not connect (the program has ended with exit code 7)');
  });

  test('reports why a command that is not a driver program cannot be used, and exits with 5', async () => {
    const { code, stderr } = await suite('client', '--command', 'echo hello', '--only', 'close/cut');
    expect(code).toBe(5);
    expect(stderr).toContain('before it reported {"notice":"ready"}');
  });

  test('skips tapes whose feature the program does not offer', async () => {
    const script = `console.log('{"notice":"ready","supports":[]}'); process.stdin.resume(); process.stdin.on('end', () => process.exit())`;
    const command = `${process.execPath} -e ${JSON.stringify(script)}`;
    const { code, stdout } = await suite('client', '--command', command, '--only', 'slow_reader/bounded', '--json');
    expect((JSON.parse(stdout) as Report).checks[0]).toMatchObject({ verdict: 'N/A' });
    expect(code).toBe(5);
  });
});
