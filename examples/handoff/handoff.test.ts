import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Facts, LoggedStep, Step } from './session.ts';
import { follow, NOTHING, remaining } from './work.ts';

describe('the handoff example', () => {
  test('runs: the second agent starts late and takes over, and both agents receive the end', async () => {
    const run = fileURLToPath(new URL('run.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [run], { timeout: 120_000 });
    const linesOf = (name: string): string[] =>
      stdout.split('\n').flatMap((line) => (line.startsWith(name) ? [line.slice(line.indexOf('|') + 2)] : []));
    expect(linesOf('starter')).toEqual([
      'renamed in src/url.ts',
      'renamed in src/client.ts',
      'renamed in src/proxy.ts',
      'handed over to finisher',
      'the session is over: 6 files done, 0 left',
    ]);
    expect(linesOf('finisher')).toEqual([
      'took over with 3 of 6 files done',
      'renamed in src/cli.ts',
      'renamed in test/url.test.ts',
      'renamed in docs/urls.md',
      'done',
    ]);
  });
});

describe('the state of the work', () => {
  const logged = (sessionEvent: Step, facts: Facts = {}): LoggedStep => ({
    sessionId: 's',
    sessionEvent,
    actor: 'ana',
    ...facts,
  });
  const modified = (file: string): LoggedStep =>
    logged('modified', { changeInfo: { elementType: 'function', entityIds: [file], operation: 'renamed' } });

  test('is computed from the log, in the order of its steps', () => {
    const log = [
      logged('session_started', { details: { files: ['a', 'b', 'c'] } }),
      modified('a'),
      logged('session_checkpoint', { checkpointId: 'one' }),
      logged('session_handoff', { details: { to: 'ben' } }),
      modified('b'),
    ];
    const work = log.reduce(follow, NOTHING);
    expect(work).toEqual({ files: ['a', 'b', 'c'], done: ['a', 'b'], holder: 'ben', finished: false });
    expect(remaining(work)).toEqual(['c']);
    expect(follow(work, logged('session_teardown'))).toMatchObject({ holder: undefined, finished: true });
  });

  test('ignores invalid details', () => {
    expect(follow(NOTHING, logged('session_started', { details: { files: 'all' } })).files).toEqual([]);
    expect(follow(NOTHING, logged('session_handoff', { details: { to: 7 } })).holder).toBeUndefined();
  });
});
