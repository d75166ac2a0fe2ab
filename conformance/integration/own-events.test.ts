/**
 * The suite checks a user's own events: it passes at a gateway that serves them, and fails at a gateway that does not.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { serveContract, serveOpen, suite, tidemark } from '../testing/processes.ts';

const ACME = resolve(import.meta.dirname, '../../examples/own-events/acme.yaml');

/** An event with every kind of filter field, and one of each replay policy. */
const MORE = `asyncapi: 3.0.0
info: { title: More events, version: 1.0.0 }
x-extends: tidemark
x-filters: { outputs: { kind: path }, logTypes: { kind: extension } }
components:
  messages:
    build.linked:
      summary: A build was linked.
      x-replay: { policy: log }
      x-filterable: { outputs: [/payload/files], logTypes: [/payload/log], stages: [/payload/stage] }
      examples: [{ payload: { files: [dist/a.js], log: build.log, stage: link } }, { payload: { files: [] } }]
      payload:
        type: object
        required: [files]
        properties:
          files: { type: array, items: { $ref: '#/components/schemas/RelativePath' } }
          log: { type: string }
          stage: { enum: [compile, link] }
    build_removed:
      summary: A build is gone.
      x-replay: { policy: latest-per-key, key: /payload/target, keySpace: build, clears: true }
      payload: { type: object, required: [target], properties: { target: { type: string } } }
    build_silent: { summary: Only live., x-replay: { policy: none }, payload: { type: object, additionalProperties: true } }
    build_noted: { summary: Newest only., payload: { type: object, properties: { n: { type: integer } } } }
`;

describe('conformance run --contract', () => {
  test('passes at a gateway that serves these events', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'own-'));
    expect(await tidemark('contract', 'build', ACME, '--out', join(directory, 'built'))).toMatchObject({ code: 0 });
    const gateway = await serveContract(join(directory, 'built'));
    try {
      const { code, stdout } = await suite(
        'run',
        '--url',
        gateway.url,
        '--contract',
        join(directory, 'built'),
        '--only',
        'own/**,event/**',
        '--verbose',
      );
      expect(stdout.slice(0, 4000)).toMatch(/^conformant: /m);
      expect(code).toBe(0);
    } finally {
      await gateway.stop();
    }
  });

  test('checks each kind of filter field and each replay policy of a document', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'own-')), 'more.yaml');
    writeFileSync(file, MORE);
    const gateway = await serveContract(file);
    try {
      const { code, stdout, stderr } = await suite(
        'run',
        '--url',
        gateway.url,
        '--contract',
        file,
        '--only',
        'own/**',
        '--verbose',
      );
      const passed = stderr.match(/PASS +(\S+)/g)?.map((line) => line.replace(/PASS +own\//, '')) ?? [];
      expect(passed.toSorted()).toEqual([
        ...['filter-logTypes', 'filter-outputs', 'filter-stages', 'misspelt', 'payload', 'replay'].map(
          (each) => `build.linked/${each}`,
        ),
        ...['noted', 'removed', 'silent'].flatMap((name) =>
          ['misspelt', 'payload', 'replay'].map((each) => `build_${name}/${each}`),
        ),
      ]);
      expect({ code, stdout }).toMatchObject({ code: 0 });
    } finally {
      await gateway.stop();
    }
  });

  test('fails if the gateway does not know the events, and names the clause', async () => {
    const gateway = await serveOpen();
    try {
      const { code, stdout } = await suite('run', '--url', gateway.url, '--contract', ACME, '--only', 'own/**');
      expect(stdout).toContain('FAIL own/build_finished/payload');
      expect(stdout).toContain('EVT-3');
      expect(stdout).toContain('"pointer":"/payload/target"');
      expect(code).toBe(3);
    } finally {
      await gateway.stop();
    }
  });

  test("checks each event of the team's own contract in a recorded trace by its schema", async () => {
    const trace = join(mkdtempSync(join(tmpdir(), 'own-')), 'trace.ndjson');
    const event = (payload: object): string => {
      const place = { stream: 'main', sequenceId: 1, epoch: 'e1', eventId: '01M8JEZY5FJZ9ZMY3CD3MR9PWG' };
      const data = {
        ...place,
        emittedAt: '2026-01-01T00:00:00.000Z',
        event: 'build_finished',
        subscriptionIds: ['s1'],
      };
      const text = JSON.stringify({
        type: 'event',
        data: { ...data, source: { name: 'test', principal: 'host' }, isReplay: false, payload },
      });
      return JSON.stringify({ actor: 'alice', connection: 1, dir: '<<', text });
    };
    const header = JSON.stringify({ trace: 1, startedAt: '2026-01-01T00:00:00.000Z', target: 'test' });
    const checkTrace = (payload: object, ...flags: readonly string[]) => {
      writeFileSync(trace, `${header}\n${event(payload)}\n`);
      return suite('check', trace, '--only', 'frames/events', ...flags);
    };
    expect(await checkTrace({ target: 'web', ok: 'yes' })).toMatchObject({ code: 0 });
    expect(await checkTrace({ target: 'web', ok: true }, '--contract', ACME)).toMatchObject({ code: 0 });
    const { code, stdout } = await checkTrace({ target: 'web', ok: 'yes' }, '--contract', ACME);
    expect(stdout).toContain('build_finished: /data/payload/ok must be boolean');
    expect(stdout).toContain('EVT-3');
    expect(code).toBe(3);
  });

  test('reports a contract that cannot be read', async () => {
    const { code, stderr } = await suite('run', '--url', 'ws://127.0.0.1:1/ws', '--contract', '/nowhere/events.yaml');
    expect(stderr).toContain('--contract /nowhere/events.yaml');
    expect(code).toBe(2);
  });
});
