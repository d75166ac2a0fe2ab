import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS, faultyRelay } from '../testing/faulty-relay.ts';
import type { Fault } from '../testing/faulty-relay.ts';
import { finish, serveOpen, suite } from '../testing/processes.ts';
import type { Ended, Served } from '../testing/processes.ts';

const SUITE = fileURLToPath(new URL('../command/main.ts', import.meta.url));

let gateway: Served;
const cleanups: (() => void)[] = [];

beforeAll(async () => {
  gateway = await serveOpen();
});

afterAll(async () => {
  for (const cleanup of cleanups) cleanup();
  await gateway.stop();
});

function newDirectory(): string {
  // Reports must quote a name with a space and an apostrophe.
  const directory = join(mkdtempSync(join(tmpdir(), 'repeat-')), `user's own`);
  mkdirSync(join(directory, 'ping'), { recursive: true });
  return directory;
}

function againOf(stdout: string): string {
  return /again +(npx tidemark conformance .*)/.exec(stdout)?.[1] ?? '';
}

/** Runs a command that a report shows, as a user would, in a shell. */
function repeat(command: string): Promise<Ended> {
  const line = command.replace('npx tidemark conformance', `${process.execPath} ${SUITE}`);
  return finish('sh', ['-c', line]);
}

test('the command to repeat a check has every option that can change its result', async () => {
  const directory = newDirectory();
  const tape = (id: string): string =>
    [
      `{"tape":1,"id":"${id}","clauses":["ENV-3"],"level":"must","why":"Pings are answered.","actors":{"alice":{}}}`,
      '{"as":"alice","open":{}}',
      '{"as":"alice","send":{"type":"ping","id":"c1","data":{}}}',
      '{"as":"alice","recv":{"type":"error","id":"c1"},"within":500}',
    ].join('\n');
  for (const name of ['wrong', 'known']) writeFileSync(join(directory, `ping/${name}.ndjson`), tape(`ping/${name}`));
  writeFileSync(join(directory, 'known.txt'), 'ping/known\n');
  const options = [
    ...['--url', gateway.url, '--http-url', 'http://127.0.0.1:1', '--stimulus', "exec:cat > '/dev/null'"],
    ...['--tapes', directory, '--level', 'must', '--known-failing', join(directory, 'known.txt')],
    ...['--exchanges', '0', '--jobs', '2', '--time-scale', '0.5', '--keep-going'],
  ];
  const first = await suite('run', ...options, '--only', 'ping/*');
  const command = againOf(first.stdout);
  for (const option of options.filter((each) => each.startsWith('--'))) expect(command).toContain(` ${option}`);
  expect(command).toMatch(/ --only ping\/wrong$/);
  const second = await repeat(command);
  expect([first.code, second.code]).toEqual([3, 3]);
  expect(againOf(second.stdout)).toBe(command);
});

describe('the command and the file of a failing exchange', () => {
  /** Runs the exchanges twice. The server has the fault in the run with the number `from` and in later runs. */
  async function runTwice(fault: Fault, from: number, directory: string): Promise<Ended> {
    let runs = 0;
    // Each run requests the health once, before its exchanges.
    const health = createServer((request, response) => {
      runs += 1;
      const forward = async (): Promise<void> => {
        const answer = await fetch(`${gateway.url.replace(/^ws/, 'http').replace(/\/ws$/, '')}${request.url ?? ''}`);
        response.writeHead(answer.status).end(await answer.text());
      };
      void forward();
    });
    health.listen(0, '127.0.0.1');
    await once(health, 'listening');
    const { port } = health.address() as AddressInfo;
    const relay = await faultyRelay(gateway.url, () => {
      const spoil = fault();
      return (message) => (runs >= from ? spoil(message) : [message]);
    });
    cleanups.push(
      () => relay.close(),
      () => void health.close(),
    );
    return suite(
      ...['run', '--url', relay.url, '--http-url', `http://127.0.0.1:${port}`, '--only', 'exchanges/*', '--seed', '7'],
      ...['--exchanges', '10', '--time-scale', '0.2', '--repeat', '2', '--counterexamples', directory],
    );
  }

  test.each([
    ['the second run, if only that run fails', 2, 8],
    ['the first run, if both runs fail', 1, 7],
  ])('belong to %s', async (_what, from, seed) => {
    const directory = newDirectory();
    const { code, stdout, stderr } = await runTwice(FAULTS.double, from, directory);
    expect(stderr).toContain('run 2 of 2');
    expect(stdout).toContain(`was sent live twice (EVT-2; --seed ${seed})`);
    expect(againOf(stdout)).toContain(` --seed ${seed} --only `);
    expect(readdirSync(directory)).toContain(`counterexample-${seed}.ndjson`);
    expect(code).toBe(3);
  });
});

test('the command to repeat an invariant has the seed of the exchanges in its trace', async () => {
  const relay = await faultyRelay(gateway.url, FAULTS.double);
  cleanups.push(() => relay.close());
  const only = 'event/workspace-order,exchanges/*';
  const base = ['run', '--url', relay.url, '--seed', '7', '--exchanges', '1', '--time-scale', '0.2', '--only', only];
  const { stdout } = await suite(...base, '--counterexamples', newDirectory());
  expect(stdout.split('FAIL invariants/one-live-message')[1]).toMatch(/again .* --seed 7 --only 'event/);
});
