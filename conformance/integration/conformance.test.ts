import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validate } from 'ctrf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goldenLines, traceOf } from '../testing/golden-trace.ts';
import { serveOpen, servePython, serveSecured, suite } from '../testing/processes.ts';
import type { Secured, Served } from '../testing/processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
const at = (name: string): string => join(directory, name);

let open: Served;
let secured: Secured;

beforeAll(async () => {
  [open, secured] = await Promise.all([serveOpen(), serveSecured()]);
});

afterAll(async () => {
  await Promise.all([open.stop(), secured.stop()]);
});

/** Creates a directory with a user's own tapes. */
function tapes(name: string, files: Readonly<Record<string, readonly string[]>>): string {
  for (const [file, lines] of Object.entries(files)) {
    mkdirSync(join(directory, name, 'ping'), { recursive: true });
    writeFileSync(join(directory, name, file), lines.join('\n'));
  }
  return at(name);
}

const header = (id: string): string =>
  JSON.stringify({ tape: 1, id, clauses: ['ENV-3'], level: 'must', why: 'Pings are answered.', actors: { alice: {} } });
const OPEN = '{"as":"alice","open":{}}';
const PING = '{"as":"alice","send":{"type":"ping","id":"c1","data":{}}}';
const PONG = '{"as":"alice","recv":{"type":"pong","id":"c1"}}';
const NO_PONG = '{"as":"alice","recv":{"type":"error","id":"c1"},"within":500}';

describe('the gateway', () => {
  test('is conformant without credentials', async () => {
    const files = ['html', 'junit', 'tap', 'md', 'json', 'ctrf', 'github'].map(
      (format) => `${format}=${at(`open.${format}`)}`,
    );
    const { code, stdout } = await suite('run', '--url', open.url, '--report', files.join(','));
    expect(stdout.slice(0, 4000)).toMatch(/^conformant: /m);
    expect(code).toBe(0);
  });

  test('is conformant with credentials, including its shutdown', async () => {
    const { code, stdout } = await suite('run', '--config', secured.config);
    expect(stdout.slice(0, 4000)).toMatch(/^conformant: /m);
    expect(stdout).not.toContain('Not judged');
    expect(code).toBe(0);
  });
});

describe('a report', () => {
  const read = (format: string): string => readFileSync(at(`open.${format}`), 'utf8');

  test('in HTML is one small self-contained file with every check and all clauses that were not checked', () => {
    const html = read('html');
    // The lanes contain arbitrary payloads, so the check ignores text and looks only at the markup.
    const markup = html.replaceAll(/>[^<]*</g, '><').replaceAll(/title="[^"]*"/g, '');
    expect(markup.match(/<script|<link|<img|<iframe|src=|@import|url\(|href="(?!#)/g)).toBeNull();
    for (const part of ['<h2>What is not covered</h2>', 'id="c-subscribe-resume"'])
      expect(html.includes(part)).toBe(true);
    expect(html.length).toBeLessThan(400_000);
  });

  test('counts the same checks in every machine-readable format', () => {
    const { checks } = JSON.parse(read('json')) as { readonly checks: readonly unknown[] };
    expect(checks.length).toBeGreaterThan(100);
    expect(read('junit').match(/<testcase /g)).toHaveLength(checks.length);
    expect(read('tap').split('\n')[1]).toBe(`1..${checks.length}`);
    expect(read('md').includes('| RPL-2 | PASS |')).toBe(true);
    expect(validate(JSON.parse(read('ctrf')))).toMatchObject({ valid: true });
    const { results } = JSON.parse(read('ctrf')) as {
      readonly results: { readonly summary: Record<string, number>; readonly tests: readonly object[] };
    };
    expect(results.tests).toHaveLength(checks.length);
    const { tests, passed, failed, pending, skipped, other } = results.summary;
    expect([tests, failed, (passed ?? 0) + (skipped ?? 0) + (other ?? 0) + (pending ?? 0)]).toEqual([
      checks.length,
      0,
      checks.length,
    ]);
    expect(read('github')).toMatch(/^::notice title=tidemark conformance::conformant: /);
  });
});

describe('a run ends', () => {
  test('with 3 when a check fails, and prints the clause, the nearest frame, the lanes and the command to repeat it', async () => {
    const own = tapes('failing', { 'ping/wrong.ndjson': [header('ping/wrong'), OPEN, PING, NO_PONG] });
    const { code, stdout } = await suite('run', '--url', open.url, '--tapes', own, '--only', 'ping/*');
    expect(code).toBe(3);
    expect(stdout).toContain('FAIL ping/wrong');
    expect(stdout).toContain('ENV-3  The reply to a command echoes its `id`.');
    expect(stdout).toMatch(/\/type: expected "error", got "pong"/);
    expect(stdout).toMatch(/alice +>> ping #c1/);
    expect(stdout).toContain(`npx tidemark conformance run --url ${open.url} --tapes ${own} --only ping/wrong`);
  });

  test('with 3 when an invariant fails for chosen tapes, and prints the command to repeat them', async () => {
    const skipping = await servePython('--mutant', 'sequence-skips');
    try {
      const { code, stdout } = await suite('run', '--url', skipping.url, '--only', 'event/workspace-order');
      expect(code).toBe(3);
      expect(stdout).toContain('FAIL invariants/contiguous');
      const again = `npx tidemark conformance run --url ${skipping.url} --only event/workspace-order`;
      expect(stdout.split('FAIL invariants/contiguous')[1]).toContain(again);
    } finally {
      await skipping.stop();
    }
  });

  test('with 0 when a check listed in --known-failing fails, with 3 when it passes', async () => {
    const own = tapes('known', {
      'ping/wrong.ndjson': [header('ping/wrong'), OPEN, PING, NO_PONG],
      'ping/right.ndjson': [header('ping/right'), OPEN, PING, PONG],
    });
    const base = ['run', '--url', open.url, '--tapes', own, '--only', 'ping/*'];
    writeFileSync(at('known.txt'), 'ping/wrong # issue 12\n');
    expect((await suite(...base, '--known-failing', at('known.txt'))).code).toBe(0);
    writeFileSync(at('stale.txt'), 'ping/wrong\nping/right\n');
    const stale = await suite(...base, '--known-failing', at('stale.txt'));
    expect(stale.stdout).toContain('1 listed in --known-failing, but not failing');
    expect(stale.code).toBe(3);
  });

  test('with 3 when a MUST check cannot run', async () => {
    const { code, stdout } = await suite(
      'run',
      '--url',
      open.url,
      '--stimulus',
      'none',
      '--only',
      'event/live,ping/echo',
    );
    expect(stdout).toContain('UNTESTABLE event/live');
    expect(code).toBe(3);
  });

  test('with 3 when a MUST check is vacuous: nothing that it examines happened', async () => {
    const { code, stdout } = await suite('run', '--url', open.url, '--only', 'ping/echo,invariants/gap-reported');
    expect(stdout).toContain('VACUOUS invariants/gap-reported');
    expect(code).toBe(3);
  });

  test('with 3 when credentials are claimed but not configured, so that skipped checks are noticed', async () => {
    writeFileSync(at('claims.json'), JSON.stringify({ url: open.url, claims: ['auth'] }));
    const { code, stdout } = await suite('run', '--config', at('claims.json'), '--only', 'authenticate/*');
    expect(stdout).toContain('UNTESTABLE authenticate/first');
    expect(code).toBe(3);
    writeFileSync(at('bogus.json'), JSON.stringify({ url: open.url, claims: ['bogus'] }));
    const bogus = await suite('run', '--config', at('bogus.json'));
    expect(bogus.stderr).toContain(`${at('bogus.json')}: claims has an unknown feature "bogus"`);
    expect(bogus.code).toBe(2);
  });

  test('with 0 when the user’s own tapes pass, although some invariants have nothing to check', async () => {
    const own = tapes('own', { 'ping/mine.ndjson': [header('ping/mine'), OPEN, PING, PONG] });
    const { code, stdout } = await suite('run', '--url', open.url, '--tapes', own, '--exchanges', '0');
    expect(stdout).not.toContain('VACUOUS');
    expect(code).toBe(0);
    const missing = await suite('run', '--url', open.url, '--tapes', at('nowhere'));
    expect(missing.stderr).toContain('The directory does not exist.');
    expect(missing.code).toBe(2);
  });

  test('with 5 when no check ran', async () => {
    const { code, stdout } = await suite('run', '--url', open.url, '--only', 'broadcast/off');
    expect(stdout).toContain('no check ran');
    expect(code).toBe(5);
  });

  test('with 1 when the suite itself breaks the contract', async () => {
    const own = tapes('harness', {
      'ping/own.ndjson': [header('ping/own'), OPEN, '{"as":"alice","send":{"type":"ping","data":{"a":1}}}', PONG],
    });
    const { code, stdout } = await suite('run', '--url', open.url, '--tapes', own, '--only', 'ping/*');
    expect(stdout).toContain('the suite itself broke the contract');
    expect(code).toBe(1);
  });

  test('with 5 when nothing answers, or a server that is not a Tidemark gateway', async () => {
    const nobody = await suite('run', '--url', 'ws://127.0.0.1:1/ws');
    expect(nobody.stderr).toContain('ECONNREFUSED');
    expect(nobody.code).toBe(5);
    const other = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const answer = await suite('run', '--url', `ws://127.0.0.1:${port}/ws`);
    other.close();
    expect(answer.stderr).toContain('the upgrade was rejected with status 200');
    expect(answer.code).toBe(5);
  });
});

describe('wrong usage ends with 2:', () => {
  test.each<[string, readonly string[], string]>([
    ['no target', ['run'], 'No gateway given'],
    ['an invalid address', ['run', '--url', 'localhost:7400'], 'not a valid address; expected ws: or wss:'],
    ['a pattern that matches nothing', ['run', '--url', 'ws://127.0.0.1:1/ws', '--only', 'nope/*'], 'matches none of'],
    ['an unknown format', ['run', '--url', 'ws://127.0.0.1:1/ws', '--report', 'pdf=x'], '--report must be'],
    ['a missing configuration', ['run', '--config', '/nowhere.json'], 'cannot be read'],
    ['an unknown level', ['run', '--url', 'ws://127.0.0.1:1/ws', '--level', 'may'], 'Allowed choices'],
    ['an unknown option', ['run', '--speed'], 'unknown option'],
    ['an unknown clause', ['explain', 'ENV-99'], 'is not a clause, a check'],
    ['an unknown tape', ['show', 'ping/nope'], 'no tape'],
    ['a missing trace', ['check', '/nowhere.ndjson'], 'cannot be read'],
  ])('%s', async (_what, args, text) => {
    const { code, stderr } = await suite(...args);
    expect(stderr).toContain(text);
    expect(code).toBe(2);
  });

  test.each(
    [
      ['run', '--url', 'ftp://ana:s3cret@h/ws'],
      ['run', '--url', 'ws://ana:s3cret@h/ws'],
      ['run', '--url', 'ws://ana:s3cret/ws'],
      ['run', '--url', 'ws://h/ws?token=s3cret'],
      ['run', '--url', 'ws://h/ws', '--http-url', 'http://ana:s3cret@h'],
      ['doctor', '--url', 'ws://ana:s3cret@h/ws'],
      ['hostile', '--url', 'ftp://ana:s3cret@h/ws'],
      ['hostile', '--url', 'ws://ana:s3cret@h/ws'],
      ['record', '--out', '/nowhere/out.ndjson', '--target', 'ftp://ana:s3cret@h/ws'],
      ['record', '--out', '/nowhere/out.ndjson', '--target', 'ws://h/ws', '--http-url', 'ftp://ana:s3cret@h'],
      ['hostile', '--token=s3cret'],
      ['run', "--access_token=a's3cret"],
      ['run', '--password=a s3cret'],
      ['run', 'ws://ana:a s3cret@h/ws'],
      ['run', 'ws://h/ws?token=a s3cret'],
      ['run', 'ws://h/ws#token=a s3cret'],
      ['run', '--scale=ws://ana:a s3cret@h'],
      ['run', '--time-scale=ws://ana:a s3cret@h'],
    ].map((args) => [args]),
  )('a credential in an argument, which is not repeated: %j', async (args) => {
    const { code, stdout, stderr } = await suite(...args);
    expect(stderr).toMatch(/contains a credential|is not a valid address|unknown option|too many arguments|is invalid/);
    expect(stdout + stderr).not.toContain('s3cret');
    expect(code).toBe(2);
  });

  test('an invalid tape, with file and line', async () => {
    const own = tapes('bad', { 'ping/bad.ndjson': [header('ping/bad'), OPEN, '{"as":"alice","hear":{}}'] });
    const { code, stderr } = await suite('run', '--url', open.url, '--tapes', own);
    expect(stderr).toMatch(/ping\/bad\.ndjson:3: A step must have exactly one of/);
    expect(code).toBe(2);
  });

  test('a list of known failures with an unknown check', async () => {
    writeFileSync(at('unknown.txt'), 'ping/nope\n');
    const { code, stderr } = await suite('run', '--url', open.url, '--known-failing', at('unknown.txt'));
    expect(stderr).toContain('"ping/nope", which is not the id of a check');
    expect(code).toBe(2);
  });
});

describe('a recorded trace', () => {
  const judge = (name: string, lines: ReturnType<typeof goldenLines>): ReturnType<typeof suite> => {
    writeFileSync(at(name), traceOf(lines).trace.toNdjson());
    return suite('check', at(name), '--only', 'invariants/*');
  };

  test('passes when it contains no fault', async () => {
    const { code, stdout } = await judge('golden.ndjson', goldenLines());
    expect(stdout).toContain('25 PASS');
    expect(code).toBe(0);
  });

  test('fails for an inserted duplicate, a missing event and a late event, each with its frames', async () => {
    const lines = goldenLines();
    const index = (label: string): number => lines.findIndex((line) => line.label === label);
    const planted = lines.flatMap((line) => {
      if (line.label === 'w2') return [];
      return line.label === 'live4' ? [line, line] : [line];
    });
    const { code, stdout } = await judge('planted.ndjson', planted);
    expect(stdout).toContain('the event with the id 01JD8QB3N0X5M6T9R2V4W8Y1Z4 was sent live twice');
    expect(stdout).toContain(`frames    ${index('live4')}, ${index('live4') + 1}`);
    expect(stdout).toContain('stream workspace:w: expected event 2 after event 1, got event 3');
    expect(code).toBe(3);
    const late = lines.filter(({ label }) => label !== 'w2');
    late.splice(index('w4'), 0, ...lines.filter(({ label }) => label === 'w2'));
    const second = await judge('late.ndjson', late);
    expect(second.stdout).toContain('stream workspace:w: event 2 came after event 4');
    expect(second.code).toBe(3);
  });
});

describe('the catalogue', () => {
  test('has a check for every clause that a client can observe', async () => {
    const { code, stdout } = await suite('list', '--clauses');
    expect(stdout).toContain('RPL-2');
    const uncovered = stdout.split('\n').filter((line) => line.includes('– none'));
    expect(uncovered.filter((line) => !/operators only|requirement for clients/.test(line))).toEqual([]);
    expect(code).toBe(0);
  });

  test('explains clauses and checks, and shows tapes as lanes', async () => {
    expect((await suite('explain', 'SYN-1')).stdout).toContain('sync/barrier');
    expect((await suite('explain', 'sync/barrier')).stdout).toContain('SYN-1');
    expect((await suite('explain', 'get_health')).stdout).toMatch(
      /GET \/ws\/health[^]*responds with health_summary[^]*OPS-1/,
    );
    expect((await suite('show', 'sync/barrier')).stdout).toMatch(/alice +>> sync #c2/);
  });

  test('is formatted', async () => {
    expect(await suite('fmt', '--check')).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

test('the doctor reports which checks can run against a target', async () => {
  const { code, stdout } = await suite('doctor', '--url', open.url);
  expect(stdout).toContain('the target has the same contract as this suite');
  expect(stdout).toMatch(/stimulus \(inband\): an event reaches the witness after \d+ ms/);
  expect(stdout).toMatch(/\d+ of \d+ tapes apply/);
  expect(code).toBe(0);
});
