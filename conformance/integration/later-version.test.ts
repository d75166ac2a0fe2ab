import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { servePython, suite } from '../testing/processes.ts';

/** The verdicts of the checks of a run, and its exit code. */
async function run(
  ...deviation: readonly string[]
): Promise<{ readonly code: number; readonly verdicts: ReadonlyMap<string, string> }> {
  const server = await servePython('--limit', 'heartbeatIntervalMs=1000', ...deviation);
  const file = join(mkdtempSync(join(tmpdir(), 'later-')), 'report.json');
  const only = 'ping/echo,heartbeat/idle,event/live,frames/envelope,frames/replies,frames/pushes';
  const { code } = await suite('run', '--url', server.url, '--only', only, '--report', `json=${file}`);
  await server.stop();
  const { checks } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly checks: readonly { readonly id: string; readonly verdict: string }[];
  };
  return { code, verdicts: new Map(checks.map(({ id, verdict }) => [id, verdict])) };
}

const LATER = ['--benign', 'later-minor-version'];

describe('a server of a later minor version', () => {
  test('may send pushes and fields that the suite does not know: the run passes, with a warning', async () => {
    const { code, verdicts } = await run(...LATER);
    expect(verdicts.get('frames/envelope')).toBe('WARN');
    expect([...verdicts].filter(([, verdict]) => verdict === 'FAIL')).toEqual([]);
    expect(code).toBe(0);
  });

  test('may not leave out fields and messages that clients rely on', async () => {
    const { code, verdicts } = await run(...LATER, '--mutant', 'pong-without-time');
    expect(verdicts.get('frames/replies')).toBe('FAIL');
    expect(code).toBe(3);
    expect((await run(...LATER, '--mutant', 'welcome-without-principal')).verdicts.get('probe/welcome')).toBe('FAIL');
  });
});

test('a server of the version of the suite may not send an unknown push', async () => {
  const { code, verdicts } = await run('--mutant', 'undeclared-push');
  expect(verdicts.get('frames/envelope')).toBe('FAIL');
  expect(code).toBe(3);
});
