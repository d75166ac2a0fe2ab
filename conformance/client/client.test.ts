import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CLAUSES } from '../../generated/protocol.ts';
import { suite } from '../testing/processes.ts';
import { loadClientTapes } from './library.ts';
import { parseClientTape } from './parse.ts';

const adapter = (name: string): string => fileURLToPath(new URL(`adapters/${name}`, import.meta.url));
const TYPESCRIPT = `${process.execPath} ${adapter('typescript.ts')}`;
const PYTHON = `/usr/bin/python3 ${adapter('python.py')}`;
/** One or more tapes of each clause, none of which waits long. */
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
  const header = { tape: 1, id, clauses: ['CLI-2'], level: 'must', why: 'The client is tried.' };
  writeFileSync(file, [header, ...steps].map((line) => JSON.stringify(line)).join('\n'));
  return directory;
}

describe('a client tape', () => {
  test('is refused with file and line when it is wrong', () => {
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
  });

  test('exists for every clause that clients keep', () => {
    const cited = new Set<string>(loadClientTapes().flatMap(({ header }) => header.clauses));
    const kept = Object.entries(CLAUSES).flatMap(([id, { observable }]) => (observable === 'server' ? [id] : []));
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.filter((id) => !cited.has(id))).toEqual([]);
  });
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
  }, 240_000);
});

describe('conformance client', () => {
  test('names clause, expectation and the way to repeat it when a client is wrong, with exit 3', async () => {
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
    expect(stdout).toMatch(/FAIL close\/wanted: The client is tried\.\n {2}CLI-2 {2}When its connection ends/);
    expect(stdout).toContain('the client connected, which it must not (close/wanted.ndjson:5)');
    expect(stdout).toContain(`conformance client --command ${JSON.stringify(TYPESCRIPT)} --tapes ${tapes}`);
    expect(readFileSync(junit, 'utf8')).toContain('name="close/wanted [CLI-2]"');
  }, 60_000);

  test('reports a program that ends early as what the client did, not as a fault of the suite', async () => {
    const tapes = directoryOf('close/early', { drive: { do: 'connect' } }, { open: {} });
    const script = `console.log('{"notice":"ready","supports":[]}'); setTimeout(() => process.exit(7), 50)`;
    const command = `${process.execPath} -e ${JSON.stringify(script)}`;
    const { code, stdout } = await suite('client', '--command', command, '--tapes', tapes);
    expect(code).toBe(3);
    expect(stdout).toContain('the client did not connect (the program has ended with exit code 7)');
  }, 60_000);

  test('says what a command lacks that is no such program, with exit 5', async () => {
    const { code, stderr } = await suite('client', '--command', 'echo hello', '--only', 'close/cut');
    expect(code).toBe(5);
    expect(stderr).toContain('before it reported {"notice":"ready"}');
  }, 60_000);

  test('skips tapes whose feature the program does not offer', async () => {
    const script = `console.log('{"notice":"ready","supports":[]}'); process.stdin.resume(); process.stdin.on('end', () => process.exit())`;
    const command = `${process.execPath} -e ${JSON.stringify(script)}`;
    const { code, stdout } = await suite('client', '--command', command, '--only', 'slow_reader/bounded', '--json');
    expect((JSON.parse(stdout) as Report).checks[0]).toMatchObject({ verdict: 'N/A' });
    expect(code).toBe(5);
  }, 60_000);
});
