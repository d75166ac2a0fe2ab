/** Runs `tidemark mock` as a process of its own. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createClient } from '../../generated/client.ts';
import { CliRunner, wait } from '../testing/cli-process.ts';
import { ACME } from '../testing/own-contract.ts';

const home = mkdtempSync(join(tmpdir(), 'mock-'));
const runner = new CliRunner(home);
afterEach(() => runner.close());

async function start(...flags: readonly string[]) {
  const mock = runner.start(['mock', '--port', '0', '--json', ...flags]);
  await vi.waitUntil(() => mock.lines.length > 0, wait);
  const addresses = JSON.parse(mock.lines[0] ?? '') as { readonly url: string; readonly controlUrl?: string };
  return { mock, ...addresses };
}

test('serves the events of the user’s contract, and accepts requests at its control address', async () => {
  const { mock, url, controlUrl } = await start(
    '--contract',
    ACME,
    '--event',
    'build_finished',
    '--every',
    '10ms',
    '--control',
    '0',
  );
  const client = createClient({ url });
  for await (const event of client.subscribe({ events: ['build_finished'] })) {
    expect(event.payload).toHaveProperty('ok');
    break;
  }
  const answer = await fetch(`${controlUrl}/close`, { method: 'POST', body: '{"name":"overloaded"}' });
  expect(await answer.json()).toEqual({ closed: 1 });
  await client.close();
  mock.process.kill('SIGTERM');
  expect(await mock.ended).toBe(0);
});

test('sends the events of a tape to the first client', async () => {
  const tape = join(home, 'tape.ndjson');
  const events = [1, 2].map((n) => ({ event: 'note.taken', payload: { n } }));
  writeFileSync(tape, `{"tape":1,"id":"a/b"}\n${JSON.stringify({ stim: events })}\n`);
  const { url } = await start('--tape', tape, '--every', '50ms');
  const client = createClient({ url });
  const seen: unknown[] = [];
  for await (const event of client.subscribe({ events: ['note.taken'] })) {
    seen.push(event.payload);
    if (seen.length === 2) break;
  }
  await client.close();
  expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
});

test.each<[string, readonly string[], string]>([
  [
    'an event that the contract does not declare',
    ['--event', 'file_changed'],
    'does not declare the event file_changed',
  ],
  ['a tape that cannot be read', ['--tape', 'nowhere.ndjson'], '--tape nowhere.ndjson cannot be read'],
  ['a public address', ['--host', '0.0.0.0'], 'listens only on loopback'],
  ['a wrong duration', ['--every', 'often'], 'for example 500ms'],
])('ends with 2 for %s', async (_what, flags, text) => {
  const { code, stderr } = await runner.finish(['mock', '--port', '0', ...flags]);
  expect(stderr).toContain(text);
  expect(code).toBe(2);
});
