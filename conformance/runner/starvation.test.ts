import { afterEach, describe, expect, test } from 'vitest';
import { parseTape } from '../tape/parse.ts';
import type { Tape } from '../tape/tape.ts';
import { judgeTape } from '../testing/single-tape.ts';
import type { Trial } from '../testing/single-tape.ts';
import { serveOpen, servePython } from '../testing/processes.ts';
import type { Served } from '../testing/processes.ts';
import { doubtSince } from './starvation.ts';

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

/** Simulates an overloaded machine: blocks this thread for `STALL_MS`. */
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

/** Runs a tape. @returns its result, and the run */
function judge(server: Served, trial: Trial = { tape: TAPE, control: {}, timeScale: 1 }): ReturnType<typeof judgeTape> {
  served.push(server);
  return judgeTape(server.url, trial);
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

/** Much shorter than the time for which a server is paused. */
const TIME_SCALE = 0.1;
const PAUSE_S = 1.5;

function pausedTape(...steps: readonly string[]): Tape {
  const header = `{"tape":1,"id":"ping/paused","clauses":["ENV-3"],"level":"must","needs":["control:renew"],"why":"A paused server answers later.","actors":{"alice":{}}}`;
  return parseTape([header, '{"as":"alice","open":{}}', ...steps].join('\n'), 'paused.ndjson');
}

describe('a time limit of a tape', () => {
  test('is extended while the server gets no processor time', async () => {
    const server = await serveOpen();
    const pause = `kill -STOP ${server.pid}; (sleep ${PAUSE_S}; kill -CONT ${server.pid}) >/dev/null 2>&1 &`;
    const tape = pausedTape(
      '{"control":"renew"}',
      '{"as":"alice","send":{"type":"ping","id":"c1","data":{}}}',
      '{"as":"alice","recv":{"type":"pong","id":"c1"}}',
    );
    const { check, run: whole } = await judge(server, {
      tape,
      control: { renew: ['sh', '-c', pause] },
      timeScale: TIME_SCALE,
    });
    expect(check).toMatchObject({ verdict: 'PASS' });
    expect(whole.trace.frames.filter(({ text }) => text.startsWith('busy '))).not.toEqual([]);
  });

  test('ends for a server that answers WebSocket pings but does not send the expected message', async () => {
    const tape = pausedTape('{"as":"alice","recv":{"type":"gap"}}');
    const { check } = await judge(await serveOpen(), { tape, control: { renew: ['true'] }, timeScale: TIME_SCALE });
    expect(check).toMatchObject({
      verdict: 'FAIL',
      failures: [{ text: 'alice did not receive the expected message within 500 ms', late: true }],
    });
  });
});

describe('a failure', () => {
  const limits = { authTimeoutMs: 10_000, handshakeTimeoutMs: 10_000, sendQueueAgeMs: 10_000 };
  const doubt = (
    pauses: readonly number[],
    silences: readonly number[],
    result: Parameters<typeof doubtSince>[2] = {},
  ): ReturnType<typeof doubtSince> => {
    const sum = (all: readonly number[]): number => all.reduce((total, each) => total + each, 0);
    const circumstances = {
      now: () => 20_000,
      watch: { longestStallMs: () => Math.max(0, ...pauses), stalledMs: () => sum(pauses) },
      clock: { longestMs: () => Math.max(0, ...silences), pausedMs: () => sum(silences) },
      profile: { welcome: { heartbeatIntervalMs: 1000, limits } },
    };
    return doubtSince(0, circumstances, result);
  };

  test('counts at once if suite and server had enough processor time', () => {
    expect(doubt([900], [900])).toBeUndefined();
  });

  test('never counts if the suite stalled longer than the server allows, or if both were slow', () => {
    for (const each of [doubt([1500], []), doubt([900, 900, 900], [1500])])
      expect(each).toMatchObject({ ifRepeated: 'proves nothing' });
  });

  test('counts if it repeats when a command got no reply, because the server answered pings meanwhile', () => {
    const result = { cause: { text: 'no reply to `broadcast`', unanswered: 'broadcast' } };
    expect(doubt([1500], [1400], result)).toMatchObject({ ifRepeated: 'counts' });
    expect(doubt([1500], [9900], result)).toMatchObject({ ifRepeated: 'proves nothing' });
    expect(doubt([900], [900], result)).toBeUndefined();
  });

  test('counts if it repeats, after short pauses, or when only the server was slow', () => {
    for (const each of [doubt([], [1500]), doubt([], [900, 900, 900]), doubt([900, 900, 900], [])])
      expect(each).toMatchObject({ ifRepeated: 'counts' });
    expect(doubt([], [1500])?.reason).toBe(
      'the server answered no WebSocket ping for 1500 ms, and the limits of the server allow 1000 ms',
    );
  });
});
