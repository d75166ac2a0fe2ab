import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { textAt, tryParse } from '../trace/json.ts';
import { runIdeSession, record } from '../testing/recording.ts';
import { servePython, serveSecured, serveWatching, suite } from '../testing/processes.ts';
import { once } from 'node:events';

const directory = mkdtempSync(join(tmpdir(), 'record-'));
const at = (name: string): string => join(directory, name);
const cleanups: (() => Promise<void> | void)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

describe('the session of an editor, recorded on real files', () => {
  test('becomes a tape', async () => {
    const work = at('work');
    mkdirSync(work);
    const gateway = await serveWatching(work);
    cleanups.push(() => gateway.stop());
    const recording = await record(gateway.url, at('session.ndjson'));
    expect(await runIdeSession(recording.url, work)).toBe(0);
    expect(await recording.stop()).toBe(0);
    const words = ['--id', 'recorded/mine', '--clauses', 'RPL-4,RPL-2', '--why', 'Each pane receives its events.'];
    const out = at('tapes/recorded/mine.ndjson');
    const { code, stderr } = await suite('generalise', at('session.ndjson'), ...words, '--out', out);
    expect(stderr).toContain('mine.ndjson. Show it with');
    expect(code).toBe(0);
  });

  const runTapes = (url: string): ReturnType<typeof suite> =>
    suite('run', '--url', url, '--tapes', at('tapes'), '--only', 'recorded/*', '--time-scale', '0.4');

  test('becomes a tape that the gateway and the Python server pass', async () => {
    const servers = [await serveWatching(at('work')), await servePython()];
    cleanups.push(...servers.map((each) => () => each.stop()));
    for (const { url } of servers) {
      const { code, stdout } = await runTapes(url);
      expect(stdout).toContain('conformant: 1 of 1 checks passed');
      expect(code).toBe(0);
    }
  });

  test('becomes a tape that fails against a server that loses an event at a resume', async () => {
    const mutant = await servePython('--mutant', 'resume-skips-one');
    cleanups.push(() => mutant.stop());
    const { code, stdout } = await runTapes(mutant.url);
    expect(stdout).toContain('FAIL recorded/mine');
    expect(code).toBe(3);
  });

  describe('checked as a trace', () => {
    /** Changes the live events of the connection that subscribes to all events, then checks the session. */
    async function judged(
      name: string,
      spoil: (lines: string[], live: readonly number[]) => void,
    ): ReturnType<typeof suite> {
      const lines = readFileSync(at('session.ndjson'), 'utf8').trim().split('\n');
      const follower = lines.find((line) => line.includes(String.raw`\"events\":[\"*\"]`)) ?? '';
      const actor = textAt(tryParse(follower), 'actor');
      const isLive = (line: string): boolean =>
        textAt(tryParse(line), 'actor') === actor && line.includes(String.raw`\"isReplay\":false`);
      spoil(
        lines,
        [...lines.keys()].filter((index) => isLive(lines[index] ?? '')),
      );
      writeFileSync(at(name), lines.join('\n'));
      return suite('check', at(name));
    }

    const frameNumbers = /^ +frames +[\d, ]+$/m;

    test('it holds', async () => {
      const { code } = await judged('as-it-was', () => undefined);
      expect(code).toBe(0);
    });

    test('an inserted duplicate is found, with its frames', async () => {
      const { code, stdout } = await judged('duplicate', (lines, [first = 0]) => {
        lines.splice(first, 0, lines[first] ?? '');
      });
      expect(code).toBe(3);
      expect(stdout).toMatch(/FAIL invariants\/one-live-message[\s\S]*was sent live twice/);
      expect(stdout).toMatch(frameNumbers);
    });

    test('a missing event is found, with its frames', async () => {
      const { code, stdout } = await judged('hole', (lines, [, second = 0]) => {
        lines.splice(second, 1);
      });
      expect(code).toBe(3);
      expect(stdout).toMatch(
        /FAIL invariants\/contiguous[\s\S]*main: expected event \d+ after event \d+, got event \d+/,
      );
      expect(stdout).toMatch(frameNumbers);
    });

    test('a late event is found, with its frames', async () => {
      const { code, stdout } = await judged('late', (lines, [first = 0, second = 0]) => {
        lines.splice(second + 1, 0, lines[first] ?? '');
        lines.splice(first, 1);
      });
      expect(code).toBe(3);
      expect(stdout).toMatch(/FAIL invariants\/ascending[\s\S]*stream main: event (\d+) came after event \d+/);
      expect(stdout).toMatch(frameNumbers);
    });
  });
});

describe('a capture', () => {
  test('contains pseudonyms instead of credentials, and only its owner can read it', async () => {
    const secured = await serveSecured();
    cleanups.push(() => secured.stop());
    const recording = await record(secured.url, at('secret.ndjson'));
    const { credentials } = JSON.parse(readFileSync(secured.config, 'utf8')) as {
      readonly credentials: { readonly default: { readonly token: { readonly file: string } } };
    };
    const token = readFileSync(credentials.default.token.file, 'utf8').trim();
    const other = readFileSync(join(credentials.default.token.file, '../revocable'), 'utf8').trim();
    const received: string[] = [];
    const socket = new WebSocket(recording.url, ['tidemark.v1'], { headers: { authorization: `Bearer ${token}` } });
    socket.on('message', (data: Buffer) => received.push(data.toString('utf8')));
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'authenticate', id: 'a', data: { apiKey: other } }));
    await expect.poll(() => received.some((each) => each.includes('"authenticated"'))).toBe(true);
    // The gateway rejects a credential in an address, because addresses are logged everywhere.
    const query = new WebSocket(`${recording.url}?token=${token}x`, ['tidemark.v1']);
    query.on('error', () => undefined);
    await once(query, 'unexpected-response');
    const httpUrl = recording.url.replace(/^ws/, 'http').replace(/\/ws$/, '');
    await fetch(`${httpUrl}/ws/health?access_token=${token}y`, { headers: { 'x-api-key': other } });
    socket.close();
    await once(socket, 'close');
    expect(await recording.stop()).toBe(0);

    const text = readFileSync(at('secret.ndjson'), 'utf8');
    expect(text).not.toContain(token);
    expect(text).not.toContain(other);
    expect(text).toContain(String.raw`\"apiKey\":\"secret-2\"`);
    expect(statSync(at('secret.ndjson')).mode & 0o777).toBe(0o600);
  });

  test('does not overwrite an existing file', async () => {
    writeFileSync(at('there.ndjson'), 'precious');
    const { code, stderr } = await suite('record', '--target', 'ws://127.0.0.1:1/ws', '--out', at('there.ndjson'));
    expect(stderr).toContain('already exists');
    expect(code).toBe(2);
    expect(readFileSync(at('there.ndjson'), 'utf8')).toBe('precious');
  });
});
