import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { CliRunner, wait } from '../testing/cli-process.ts';

let home: string;
let watched: string;
let runner: CliRunner;
/** Several tests share a gateway, because they do not depend on what others published. */
let sharing: CliRunner;
/** The environment of commands for the shared gateway. */
let shared: Readonly<Record<string, string>>;

const start: CliRunner['start'] = (...args) => runner.start(...args);
const finish: CliRunner['finish'] = (...args) => runner.finish(...args);
const serve: CliRunner['serve'] = (...args) => runner.serve(...args);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-cli-'));
  watched = join(home, 'shop');
  await mkdir(join(watched, 'src'), { recursive: true });
  sharing = new CliRunner(home);
  runner = new CliRunner(home);
  ({ env: shared } = await sharing.serve());
});
afterEach(() => runner.close());
afterAll(async () => {
  await sharing.close();
  await rm(home, { recursive: true });
});

/** The position that a command printed for the next `--resume`. */
function positionIn(stderr: string): string {
  return /^position (\S+)$/m.exec(stderr)?.[1] ?? '';
}

describe('tidemark listen', () => {
  test('prints a saved .ts file and no .js file, as NDJSON', async () => {
    const { env } = await serve(['--watch', 'shop']);
    const listener = start(['listen', '--event', 'file_change', '--ext', 'ts', '--json'], { env });
    const ready = start(['listen', '--count', '1', '--ext', 'js', '--event', 'file_change'], { env });
    await ready.prints('listening');
    await vi.waitUntil(async () => {
      const { stdout } = await finish(['status', '--json'], { env });
      return (JSON.parse(stdout) as { subscriptions: { total: number } }).subscriptions.total === 2;
    }, wait);
    await writeFile(join(watched, 'src/a.js'), '1');
    expect(await ready.ended).toBe(0);
    expect(ready.stdout).toMatch(/file_change\s+create shop: src\/a\.js/);
    await writeFile(join(watched, 'src/a.ts'), '1');
    await vi.waitUntil(() => listener.lines.length > 0, wait);
    listener.process.kill('SIGINT');
    expect(await listener.ended).toBe(130);
    const changes = listener.lines.map((line) => JSON.parse(line) as { readonly payload: { readonly path: string } });
    // On a busy machine, the gateway sees the file before its content is written, and reports that as a second change.
    expect(new Set(changes.map(({ payload }) => payload.path))).toEqual(new Set(['src/a.ts']));
    expect(changes[0]).toEqual(
      expect.objectContaining({
        event: 'file_change',
        isReplay: false,
        payload: expect.objectContaining({ path: 'src/a.ts', changeType: 'create', root: 'shop' }),
      }),
    );
    expect(listener.stderr).toBe('');
  });

  test('with --settle prints only the newest change of each file in a burst', async () => {
    const { env } = await serve();
    const change = (path: string, changeType: string): string =>
      JSON.stringify({ path, root: 'shop', changeType, fileType: 'file' });
    for (const [path, changeType] of [
      ['a', 'create'],
      ['b', 'create'],
      ['a', 'modify'],
    ] as const)
      await finish(['broadcast', '--event', 'file_change', '--payload', change(path, changeType)], { env });
    const { stdout } = await finish(
      ['listen', '--event', 'built', '--resume', 'x:0', '--count', '1', '--timeout', '1', '--json'],
      { env },
    );
    const { to } = JSON.parse(stdout.split('\n')[0] ?? '') as { readonly to: { readonly epoch: string } };
    const settled = await finish(
      ['listen', '--event', 'file_change', '--resume', `${to.epoch}:0`, '--settle', '300ms', '--count', '2', '--json'],
      { env },
    );
    const changes = settled.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { payload: object });
    expect(changes.map(({ payload }) => payload)).toMatchObject([
      { path: 'b', changeType: 'create' },
      { path: 'a', changeType: 'modify' },
    ]);
  });

  test('resumes after a position, and prints a gap if it cannot', async () => {
    const { env } = await serve();
    for (const step of ['1', '2', '3'])
      await finish(['broadcast', '--event', 'built', '--payload', `{"step":${step}}`], { env });
    const all = await finish(['listen', '--event', 'built', '--count', '1', '--json'], { env });
    const { epoch } = JSON.parse(all.stdout) as { readonly epoch: string };
    const resumed = await finish(['listen', '--resume', `${epoch}:1`, '--count', '2', '--json'], { env });
    const steps = resumed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { payload: unknown; replayReason: string });
    expect(steps).toMatchObject([
      { payload: { step: 2 }, replayReason: 'resume' },
      { payload: { step: 3 }, replayReason: 'resume' },
    ]);
    const lost = await finish(['listen', '--resume', 'another:1', '--count', '1'], { env });
    expect(lost.stderr).toMatch(/gap on main: epoch_changed, from another:1 to /);
    expect(lost.stdout).toMatch(/built {2}replay {2}\{"step":3\}/);
  });

  test('prints the position for the next --resume when it ends, also after an error', async () => {
    const { env } = await serve();
    const publish = (n: number) => finish(['broadcast', '--event', 'built', '--payload', `{"n":${n}}`], { env });
    const first = start(['listen', '--event', 'built'], { env });
    await first.prints('listening to built on main');
    await publish(1);
    await vi.waitUntil(() => first.lines.length === 1, wait);
    first.process.kill('SIGINT');
    expect(await first.ended).toBe(130);
    await publish(2);
    const second = start(['listen', '--event', 'built', '--resume', positionIn(first.stderr)], { env });
    await vi.waitUntil(() => second.lines.length === 1, wait);
    expect(second.stdout).toContain('{"n":2}');
    const { stdout } = await finish(['top', '--once', '--json'], { env });
    const { rows } = JSON.parse(stdout) as { readonly rows: readonly { readonly connectionId: string }[] };
    await finish(['disconnect', rows[0]?.connectionId ?? '', '--no-reconnect'], { env });
    expect(await second.ended).not.toBe(0);
    expect(second.stderr).toMatch(/\nposition [^\n]+:2\n.*\n$/);
    await publish(3);
    const third = await finish(['listen', '--resume', positionIn(second.stderr), '--count', '1'], { env });
    expect(third).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[^\n]*\{"n":3\}\n$/) });
    const json = await finish(['listen', '--resume', positionIn(second.stderr), '--count', '1', '--json'], { env });
    expect(json.stderr).toBe('');
  });

  test('with --settle and --count prints a position from which the events that it did not print follow', async () => {
    const { env } = await serve();
    const publish = (n: number) => finish(['broadcast', '--event', 'built', '--payload', `{"n":${n}}`], { env });
    const [, epoch = ''] = /epoch (\S+)/.exec((await publish(1)).stdout) ?? [];
    for (const n of [2, 3]) await publish(n);
    const args = ['listen', '--event', 'built', '--settle', '300ms', '--count', '2'];
    const settled = await finish([...args, '--resume', `${epoch}:0`], { env });
    expect(settled.stdout).toMatch(/\{"n":1\}\n.*\{"n":2\}\n$/);
    expect(positionIn(settled.stderr)).toBe(`${epoch}:2`);
  });

  test('prints no position if its state at the start is incomplete', async () => {
    const { env } = await serve();
    for (const id of ['a', 'b'])
      await finish(
        ['broadcast', '--event', 'entity_created', '--payload', `{"id":"${id}","entityType":"function","name":"n"}`],
        { env },
      );
    const { code, stderr } = await finish(['listen', '--event', 'entity_created', '--count', '1'], { env });
    expect([code, stderr]).toEqual([0, 'listening to entity_created on main\n']);
  });

  test('follows several streams, and prints the positions of all of them at the end', async () => {
    const { env } = await serve();
    for (const stream of ['main', 'session:a', 'workspace:x'])
      await finish(['broadcast', '--event', 'built', '--payload', '{}', '--stream', stream], { env });
    const args = ['listen', '--event', 'built', '--stream', 'main', '--stream', 'session:*', '--count', '2'];
    const { code, stdout, stderr } = await finish([...args, '--resume', 'start'], { env });
    const streams = [...stdout.matchAll(/^\S+ {2}(\S+) {2}#1 {2}built/gm)].map(([, stream]) => stream);
    expect({ code, streams: new Set(streams) }).toEqual({ code: 0, streams: new Set(['main', 'session:a']) });
    expect(stderr).toMatch(/listening to built on main, session:\*\n.*position main=[^:]+:1,session:a=[^:]+:1\n$/s);
  });

  test('ends by --count or --timeout, with different exit codes', async () => {
    const env = shared;
    expect(await finish(['listen', '--timeout', '0.2'], { env })).toMatchObject({ code: 0 });
    const late = await finish(['listen', '--timeout', '0.2', '--count', '1'], { env });
    expect(late).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('before 1 event arrived') });
  });

  test('reports an unreachable gateway, and errors of the gateway', async () => {
    const nobody = await finish(['listen', '--url', 'ws://127.0.0.1:1/ws']);
    expect(nobody).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('No gateway answers at ws://127.0.0.1:1/ws'),
    });
    const env = shared;
    const wrong = await finish(['listen', '--event', 'file_change', '--filter', 'entityTypes=class'], { env });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('filter_not_applicable') });
    const worded = [
      [
        ['listen', '--event', 'a b'],
        /^invalid_message: The value at \/data\/events\/0 does not have .*: The name of an event/,
      ],
      [
        ['listen', '--stream', 'a b'],
        /^stream_invalid: The value at \/data\/stream does not have .*: `main`, `workspace:\{id\}`/,
      ],
      [
        ['broadcast', '--event', 'a b', '--payload', '{}'],
        /^invalid_message: The value at \/event does not have .*`build\.finished`\.\n/,
      ],
      [
        [
          'broadcast',
          '--event',
          'file_change',
          '--payload',
          '{"path":"a","root":"r","changeType":"x","fileType":"file"}',
        ],
        /^payload_invalid: .* \/payload\/changeType must be one of create, modify, /,
      ],
    ] as const;
    for (const [argv, text] of worded)
      expect(await finish(argv, { env })).toMatchObject({ code: 2, stderr: expect.stringMatching(text) });
    expect(await finish(['listen', '--filter', 'changeType=create'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--filter: there is no field changeType; did you mean changeTypes\?/),
    });
    expect(await finish(['listen', '--resume', 'x'], { env })).toMatchObject({ code: 2 });
  });
});

describe('a name that is similar to a declared name', () => {
  test('is accepted with a warning on stderr, and a filter value outside its list is refused', async () => {
    const env = shared;
    const listening = start(['listen', '--event', 'file_changed'], { env });
    await listening.prints('listening to file_changed');
    expect(listening.stderr).toMatch(/^warning: file_changed is not declared, .*; did you mean file_change\?\n/);
    const misspelt = ['broadcast', '--event', 'entity_creatd', '--payload', '{}'];
    expect(await finish(misspelt, { env })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^entity_creatd is event \d+ of main/),
      stderr: expect.stringContaining('did you mean entity_created?'),
    });
    expect(
      await finish(['listen', '--event', 'file_change', '--filter', 'changeTypes=created'], { env }),
    ).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^filter_invalid: changeTypes cannot be "created"; did you mean "create"\?/),
    });
    const own = await finish(['broadcast', '--event', 'cluster_moved', '--payload', '{}'], { env });
    expect(own).toMatchObject({ code: 0, stderr: '' });
  });
});
