/** Clients that get no processor time at the wrong moment: `stall` blocks the program, as a busy machine does. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CheckResult } from '../runner/verdict.ts';
import type { JsonObject } from '../trace/json.ts';
import { parseClientTape } from './parse.ts';
import { runAgainstClient } from './run.ts';

const PROGRAM = `
import { createInterface } from 'node:readline';
const stall = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const report = (notice, members = {}) => console.log(JSON.stringify({ notice, ...members }));
const client = { onEcho() {}, onWelcome() {}, onClose(connect) {} };
CLIENT
function connect(url) {
  const socket = new WebSocket(url, 'tidemark.v1');
  socket.onmessage = () => client.onWelcome(socket);
  socket.onclose = () => client.onClose(() => connect(url));
}
createInterface({ input: process.stdin }).on('line', (text) => {
  const line = JSON.parse(text);
  if (line.do === 'connect') connect(line.url);
  if (line.do === 'close') process.exit();
  if (line.do !== 'echo') return;
  client.onEcho();
  report('result', { ref: line.ref, ok: true });
}).on('close', () => process.exit());
report('ready', { supports: ['echo'] });
`;

/** @param client statements that set members of `client` */
async function judge(client: string, ...steps: readonly JsonObject[]): Promise<CheckResult | undefined> {
  const program = join(mkdtempSync(join(tmpdir(), 'starved-client-')), 'program.mjs');
  writeFileSync(program, PROGRAM.replace('CLIENT', client));
  const header = { tape: 1, id: 'starved/client', clauses: ['CLI-2'], level: 'must', why: 'A test.' };
  const lines = [header, { drive: { do: 'connect' } }, { open: {} }, ...steps];
  const { checks } = await runAgainstClient({
    command: `${process.execPath} ${program}`,
    tapes: [parseClientTape(lines.map((line) => JSON.stringify(line)).join('\n'), 'starved/client.ndjson')],
    only: 'starved/client',
    knownFailing: new Set(),
    timeScale: 1,
    jobs: 1,
  });
  return checks[0];
}

describe('a client that must stay quiet', () => {
  const reconnects = 'client.onClose = (connect) => { STALL setTimeout(connect, 200); };';

  test('fails if it connects when it gets processor time after the quiet time', async () => {
    const result = await judge(reconnects.replace('STALL', 'stall(1500);'), { drop: { code: 4003 } }, { quiet: 500 });
    expect(result).toMatchObject({
      verdict: 'FAIL',
      failures: [{ text: 'the client connected, which it must not do' }],
    });
  }, 600_000);

  test('passes if it runs and does nothing', async () => {
    expect(await judge('', { drop: { code: 4003 } }, { quiet: 500 })).toMatchObject({ verdict: 'PASS' });
  }, 600_000);

  test('is INCONCLUSIVE if the time cannot be extended, and the client did not run', async () => {
    const quiet = { quiet: 500, atMost: 700 };
    expect(await judge('client.onWelcome = () => stall(1500);', quiet)).toMatchObject({
      verdict: 'INCONCLUSIVE',
      reason: expect.stringContaining('too little processor time') as string,
    });
  }, 600_000);
});

describe('a client that must wait', () => {
  const closing = { code: 4202, name: 'overloaded', retryable: true, retryAfterMs: 600 };
  const steps = [
    { send: { type: 'closing', data: closing } },
    { drop: { code: 4202 } },
    { open: {}, waited: { least: 600 } },
  ];

  test('is INCONCLUSIVE if it waited only because it had no processor time', async () => {
    const result = await judge('client.onClose = (connect) => { stall(800); connect(); };', ...steps);
    expect(result).toMatchObject({
      verdict: 'INCONCLUSIVE',
      reason: expect.stringMatching(
        /reconnected after \d+ ms, but the program has certainly run for only \d+ ms/,
      ) as string,
    });
  }, 600_000);

  test('is INCONCLUSIVE if it waited too long, but had no processor time', async () => {
    const wait = { open: {}, waited: { most: 100 } };
    const client = 'client.onClose = (connect) => { stall(4500); connect(); };';
    expect(await judge(client, { drop: {} }, wait)).toMatchObject({
      verdict: 'INCONCLUSIVE',
      reason: expect.stringMatching(
        /at most 100 ms were expected, but the program had no processor time for \d+ ms/,
      ) as string,
    });
  }, 600_000);

  test('passes if it runs while it waits, and fails if it does not wait', async () => {
    const after = (ms: number): string => `client.onClose = (connect) => setTimeout(connect, ${ms});`;
    expect(await judge(after(650), ...steps)).toMatchObject({ verdict: 'PASS' });
    expect(await judge(after(20), ...steps)).toMatchObject({ verdict: 'FAIL' });
  }, 600_000);
});

test('a client that must not report something has the time to report it before it is closed', async () => {
  const client = `
    let isWelcome = false;
    client.onWelcome = () => { isWelcome = true; report('seen'); };
    client.onEcho = () => { if (isWelcome) report('forbidden'); };`;
  const result = await judge(client, { reported: { notice: 'seen' } }, { notReported: { notice: 'forbidden' } });
  expect(result).toMatchObject({
    verdict: 'FAIL',
    failures: [{ text: expect.stringContaining('which it must not') as string }],
  });
}, 600_000);

describe('while the suite itself gets no processor time', () => {
  function stallSuite(): void {
    const stalls = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300), 20);
    onTestFinished(() => clearInterval(stalls));
  }

  test('a client that does what it must not fails', async () => {
    stallSuite();
    const client = 'client.onClose = (connect) => setTimeout(connect, 20);';
    expect(await judge(client, { drop: { code: 4003 } }, { quiet: 500 })).toMatchObject({ verdict: 'FAIL' });
  }, 600_000);

  test('a client that runs, and does not do what it must, fails', async () => {
    stallSuite();
    const result = await judge('', { recv: { type: 'subscribe' }, within: 100 });
    expect(result).toMatchObject({ verdict: 'FAIL' });
  }, 600_000);

  test('a client that has given up its connection is INCONCLUSIVE', async () => {
    stallSuite();
    const client = `
      client.onWelcome = (socket) => socket.close(4000);
      client.onClose = () => report('closed');`;
    const steps = [{ reported: { notice: 'closed' } }, { recv: { type: 'subscribe' }, within: 100 }];
    expect(await judge(client, ...steps)).toMatchObject({
      verdict: 'INCONCLUSIVE',
      reason: expect.stringMatching(/the suite itself stalled for \d+ ms/) as string,
    });
  }, 600_000);
});
