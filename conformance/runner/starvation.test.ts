import { afterEach, describe, expect, test } from 'vitest';
import { parseTape } from '../tape/parse.ts';
import { serveOpen, servePython } from '../testing/processes.ts';
import type { Served } from '../testing/processes.ts';
import { run } from './run.ts';
import type { Run } from './run.ts';
import type { CheckResult } from './verdict.ts';

/** Longer than two heartbeat intervals (of one second), after which the server closes a silent connection with 4203. */
const STALL_MS = 4000;

const TAPE = parseTape(
  [
    '{"tape":1,"id":"ping/patient","clauses":["CON-4"],"level":"must","why":"A connection with traffic is kept.","actors":{"alice":{}}}',
    '{"as":"alice","open":{}}',
    '{"as":"alice","send":{"type":"subscribe","id":"c0","data":{"events":["suite.note"],"replay":{"mode":"none"}}}}',
    '{"as":"alice","recv":{"type":"subscribed","id":"c0"}}',
    ...Array.from({ length: 4 }, () => '{"as":"alice","recv":{"type":"heartbeat"}}'),
    '{"as":"alice","send":{"type":"ping","id":"c1","data":{}}}',
    '{"as":"alice","recv":{"type":"pong","id":"c1"}}',
  ].join('\n'),
  'patient.ndjson',
);

/** Simulates an overloaded machine: blocks this thread for some time. */
function stall(): void {
  const until = performance.now() + STALL_MS;
  while (performance.now() < until);
}

/** Stalls when the tape has subscribed: in its first run, or in every run. */
function stallDuringTape({ url }: Served, runs: 'first' | 'every'): void {
  const address = `${url.replace(/^ws/, 'http')}/subscriptions`;
  const look = async (): Promise<void> => {
    // The server ends with the test, perhaps during a request.
    const items = await fetch(address).then(
      (response) => response.text(),
      () => undefined,
    );
    if (items === undefined) return;
    const subscribed = items.includes('suite.note');
    if (subscribed) stall();
    if (!subscribed || runs === 'every') stalls.push(setTimeout(() => void look(), 20));
  };
  void look();
}

const served: Served[] = [];
const stalls: NodeJS.Timeout[] = [];
afterEach(async () => {
  for (const each of stalls.splice(0)) clearTimeout(each);
  for (const each of served.splice(0)) await each.stop();
});

/** Runs the tape. @returns its result, and the run */
async function judge(server: Served): Promise<{ readonly run: Run; readonly check: CheckResult | undefined }> {
  served.push(server);
  const whole = await run({
    config: {
      url: server.url,
      httpUrl: server.url.replace(/^ws/, 'http'),
      stimulus: { port: 'none' },
      credentials: {},
      control: {},
      without: [],
      claims: [],
    },
    tapes: [TAPE],
    only: 'ping/patient',
    level: 'must',
    knownFailing: new Set(),
    timeScale: 1,
    jobs: 1,
    exchanges: 0,
    seed: 1,
    library: 'own',
  });
  return { run: whole, check: whole.checks.find(({ id }) => id === TAPE.header.id) };
}

describe('a conforming server that closes a connection because the suite stalled', () => {
  test('passes, because the tape is run again alone', async () => {
    const server = await serveOpen();
    stallDuringTape(server, 'first');
    const {
      check,
      run: { trace, outcome },
    } = await judge(server);
    expect(trace.frames.map(({ text }) => text).filter((text) => text.includes('4203'))).not.toEqual([]);
    expect(check).toMatchObject({ verdict: 'PASS' });
    expect(outcome.exit).toBe(0);
  });

  test('gets no verdict if the suite stalls in every run, and the report contains the reason', async () => {
    const server = await serveOpen();
    stallDuringTape(server, 'every');
    const {
      check,
      run: { outcome, checks },
    } = await judge(server);
    expect(check).toMatchObject({ verdict: 'INCONCLUSIVE', failures: [] });
    expect(check?.reason).toMatch(
      /^the suite got too little processor time: its event loop stalled for \d{4,} ms, and the limits of the server allow 1000 ms$/,
    );
    expect(checks.filter(({ verdict }) => verdict === 'FAIL')).toEqual([]);
    expect(outcome.exit).toBe(5);
  });
});

test('a server that breaks the clause fails, although the suite stalled in the first run', async () => {
  const server = await servePython('--limit', 'heartbeatIntervalMs=1000', '--mutant', 'reply-without-id');
  stallDuringTape(server, 'first');
  expect((await judge(server)).check).toMatchObject({ verdict: 'FAIL' });
});
