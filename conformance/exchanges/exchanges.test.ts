import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../trace/json.ts';
import { parseTape } from '../tape/parse.ts';
import { FAULTS, faultyRelay } from '../testing/faulty-relay.ts';
import type { Relay } from '../testing/faulty-relay.ts';
import { serveOpen, suite } from '../testing/processes.ts';
import type { Ended, Served } from '../testing/processes.ts';
import { exchangeTape } from './as-tape.ts';
import { isFitting, malformedMessages } from './malformed.ts';
import { exchanges } from './operation.ts';

describe('a generated exchange', () => {
  test('always converts to a valid tape', () => {
    fc.assert(
      fc.property(exchanges, (operations) => {
        // An exchange without commands has no expectation, so it is not a valid tape.
        fc.pre(operations.some(({ op }) => op !== 'publish' && op !== 'reconnect'));
        const text = exchangeTape(operations, { id: 'exchanges/x', clauses: ['ENV-3'], why: 'Written for this test.' });
        expect(parseTape(text, 'x.ndjson').steps.length).toBeGreaterThan(0);
      }),
    );
  });

  test('contains only malformed messages that violate the contract, even after shrinking', () => {
    fc.assert(fc.property(malformedMessages(), (message) => !isFitting(message)));
    const shrunk = fc.check(fc.property(malformedMessages(), () => false));
    expect(shrunk.failed).toBe(true);
    const [smallest = null] = shrunk.counterexample ?? [];
    expect(isFitting(smallest as Json)).toBe(false);
  });
});

describe('generated exchanges', () => {
  let gateway: Served;
  const relays: Relay[] = [];

  beforeAll(async () => {
    gateway = await serveOpen();
  });

  afterAll(async () => {
    for (const relay of relays) relay.close();
    await gateway.stop();
  });

  const judge = async (fault: keyof typeof FAULTS, directory: string): Promise<Ended> => {
    const relay = await faultyRelay(gateway.url, FAULTS[fault]);
    relays.push(relay);
    const only = [
      '--only',
      'exchanges/*',
      '--seed',
      '7',
      '--exchanges',
      '20',
      '--time-scale',
      '0.2',
      '--counterexamples',
      directory,
    ];
    return suite('run', '--url', relay.url, '--http-url', 'http://127.0.0.1:1', ...only);
  };

  test('find no fault in the gateway', async () => {
    const { code, stdout } = await suite('run', '--url', gateway.url, '--only', 'exchanges/*', '--exchanges', '60');
    expect(stdout).toContain('conformant: 1 of 1 checks passed');
    expect(code).toBe(0);
  });

  test('find a faulty server, and write a small tape that shows its fault', async () => {
    const directory = join(mkdtempSync(join(tmpdir(), 'exchanges-')), 'not', 'made', 'yet');
    const { code, stdout } = await judge('double', directory);
    expect(stdout).toContain('was sent live twice (EVT-2; --seed 7)');
    expect(code).toBe(3);
    const [file = ''] = readdirSync(directory);
    const { header, steps } = parseTape(readFileSync(join(directory, file), 'utf8'), file);
    expect(header.clauses).toContain('EVT-2');
    // After shrinking only the necessary steps are left: connect, subscribe, publish, and the fence.
    expect(steps.length).toBeLessThanOrEqual(6);
  });

  test('show their result even if the tape cannot be written', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'exchanges-')), 'file');
    writeFileSync(file, '');
    const { code, stdout, stderr } = await judge('double', join(file, 'below'));
    expect(stdout).toContain('was sent live twice');
    expect(stderr).toMatch(/below\/counterexample-7\.ndjson cannot be written \(\w+\)\.\n$/);
    expect(code).toBe(2);
  });

  test.each([
    ['skipReplayed', 'replay_complete reports'],
    ['noErrors', 'was never answered'],
  ] as const)('find other faulty servers (%s)', async (fault, text) => {
    const { code, stdout } = await judge(fault, mkdtempSync(join(tmpdir(), 'exchanges-')));
    expect(stdout).toContain(text);
    expect(code).toBe(3);
  });
});
