/** The Python SDK with a gateway, over real sockets. It is installed as `pip` installs it, with the Python of Debian. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { PYTHON_PROGRAM, typeFaults } from '../../scripts/python.ts';
import { buildContract } from '../testing/own-contract.ts';
import { onCleanup, PATIENCE, serve } from '../testing/rig.ts';
import { SeveringProxy } from '../testing/severing-proxy.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'generated/python');
const SOURCES = join(ROOT, 'codegen/python');

interface Line {
  readonly kind: string;
  readonly stream?: string;
  readonly sequenceId?: number;
  readonly isReplay?: boolean;
  readonly event?: string;
  readonly reason?: string;
  readonly error?: string;
  readonly code?: number;
  readonly missing?: readonly string[];
  readonly unknown?: readonly string[];
  readonly willReconnect?: boolean;
  readonly start?: readonly [string, number] | null;
  readonly payload?: Readonly<Record<string, unknown>>;
}

class Reader {
  readonly lines: Line[] = [];
  stderr = '';

  constructor(options: Readonly<Record<string, unknown>>) {
    const env = { ...process.env, PYTHONPATH: PACKAGE, PYTHONUNBUFFERED: '1' };
    const child = spawn(PYTHON_PROGRAM, [join(SOURCES, 'tests/reader.py'), JSON.stringify(options)], { env });
    onCleanup(() => child.kill('SIGKILL'));
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  of(kind: string): readonly Line[] {
    return this.lines.filter((line) => line.kind === kind);
  }

  async reach(kind: string, count = 1): Promise<void> {
    await vi.waitFor(() => {
      if (this.of(kind).length < count) throw new Error(`${count} × ${kind} did not arrive. ${this.stderr}`);
    }, PATIENCE);
  }
}

const file = (path: string) => ({ path, root: 'shop', changeType: 'modify', fileType: 'file' }) as const;
const entity = (id: string) => ({ id, entityType: 'function', name: id });
const numbers = (reader: Reader): readonly unknown[] => reader.of('event').map(({ sequenceId }) => sequenceId);

async function proxyOf(url: string): Promise<SeveringProxy> {
  const proxy = await SeveringProxy.before(url);
  onCleanup(() => proxy.close());
  return proxy;
}

/** Writes the examples of a document as modules into a new directory. @returns their paths */
async function examplesOf(document: string): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-python-examples-'));
  onCleanup(() => rm(directory, { recursive: true }));
  const text = await readFile(join(ROOT, document), 'utf8');
  const examples = [...text.matchAll(/^```python\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const files = examples.map((_, at) => join(directory, `${basename(document, '.md').toLowerCase()}_${at}.py`));
  await Promise.all(examples.map((code, at) => writeFile(files[at] ?? '', code)));
  return files;
}

describe('the Python client', () => {
  test('is typed: mypy --strict accepts it, and a wrong field of an event is an error', async () => {
    const faults = (...names: readonly string[]) =>
      typeFaults(
        names.map((name) => resolve(SOURCES, 'tests', name)),
        { cwd: ROOT, path: PACKAGE },
      );
    const examples = [
      ...(await examplesOf('generated/python/README.md')),
      ...(await examplesOf('docs/guides/python.md')),
    ];
    expect(examples.length).toBeGreaterThan(5);
    expect(await faults('typed.py', '../../../generated/python/tidemark_client', ...examples)).toBe('');
    expect(await faults('mistyped.py')).toMatch(
      /:8: error: .* no key "colour"[^]*:9: error: No overload variant[^]*:10: error: No overload variant[^]*Found 3 errors/,
    );
  }, 240_000);

  test('passes its own tests', async () => {
    const { stderr } = await promisify(execFile)(
      PYTHON_PROGRAM,
      ['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'],
      {
        cwd: SOURCES,
      },
    );
    expect(stderr).toMatch(/\nOK\n$/);
  });

  test('yields the events that match its filter, after a warm picture', async () => {
    const { gateway, url } = await serve();
    for (let n = 0; n < 20; n += 1) await gateway.publish('entity_created', entity(`e${n % 8}`));
    const graph = new Reader({ url, events: ['entity_*'] });
    const sources = new Reader({ url, events: ['file_change'], filter: { extensions: ['.ts'] } });
    await Promise.all([graph.reach('caught_up'), sources.reach('caught_up')]);
    for (const path of ['a.js', 'a.ts']) await gateway.publish('file_change', file(path));
    await Promise.all([graph.reach('event', 8), sources.reach('event')]);
    expect(graph.of('event').every(({ isReplay }) => isReplay)).toBe(true);
    expect(sources.of('event')).toMatchObject([{ event: 'file_change', payload: { path: 'a.ts' }, isReplay: false }]);
  });

  test('reports the differences if the gateway has another contract, and continues', async () => {
    const { contract } = await buildContract();
    const { gateway, url } = await serve({ contract });
    const reader = new Reader({ url, events: ['file_change'], replay: 'none' });
    await reader.reach('caught_up');
    await gateway.publish('file_change', file('a.ts'));
    await reader.reach('event');
    expect(reader.of('mismatch')).toMatchObject([{ missing: [], unknown: ['build_finished'] }]);
    const alike = new Reader({ url: (await serve()).url, events: ['file_change'], replay: 'none' });
    await alike.reach('caught_up');
    expect(alike.of('mismatch')).toEqual([]);
  });

  test('loses and repeats nothing while its connection is repeatedly cut under load', async () => {
    const { gateway, url } = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const proxy = await proxyOf(url);
    const all = new Reader({ url: proxy.url, events: ['*'], replay: 'none' });
    const small = new Reader({ url: proxy.url, events: ['*'], replay: 'none', bufferLimit: 8, pauseMs: 1 });
    await Promise.all([all.reach('caught_up'), small.reach('caught_up')]);
    for (let n = 0; n < 600; n += 1) {
      await gateway.publish('file_change', file(`src/${n}.ts`));
      if (n % 60 === 59) proxy.sever();
      if (n % 4 === 0) await sleep(1);
    }
    const expected = Array.from({ length: 600 }, (_, n) => n + 1);
    for (const reader of [all, small]) {
      await reader.reach('event', 600);
      expect(numbers(reader)).toEqual(expected);
      expect([...reader.of('gap'), ...reader.of('loss'), ...reader.of('error')]).toEqual([]);
    }
    expect(proxy.accepted).toBeGreaterThan(5);
  });

  test('runs the example for several streams in the guide', async () => {
    const { gateway, url } = await serve();
    const example = (await examplesOf('docs/guides/python.md')).find((path) => path.endsWith('_1.py')) ?? '';
    await writeFile(example, (await readFile(example, 'utf8')).replace('ws://127.0.0.1:7400/ws', url));
    const child = spawn(PYTHON_PROGRAM, [example], {
      env: { ...process.env, PYTHONPATH: PACKAGE, PYTHONUNBUFFERED: '1' },
    });
    onCleanup(() => child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    // Publish until the program has subscribed.
    await vi.waitFor(async () => {
      await gateway.publish('suite.note', {});
      expect(output).toMatch(/^main \d+ suite\.note$/m);
    }, PATIENCE);
    await gateway.publish('suite.note', {}, { stream: 'session:a' });
    await vi.waitFor(() => expect(output).toContain('session:a 1 suite.note\n'), PATIENCE);
  });

  test('follows several streams over cuts and a restart: each event once, and a gap for each stream that is lost', async () => {
    const { gateway, url, port } = await serve();
    const proxy = await proxyOf(url);
    const reader = new Reader({ url: proxy.url, streams: ['main', 'session:*'], events: ['*'], replay: 'none' });
    await reader.reach('caught_up');
    for (let n = 0; n < 60; n += 1) {
      await gateway.publish('suite.note', {}, { stream: n % 2 === 0 ? 'main' : `session:${n % 6}` });
      if (n % 20 === 9) proxy.sever();
    }
    await reader.reach('event', 60);
    const numbersOf = (stream: string) =>
      reader.of('event').flatMap((line) => (line.stream === stream ? [line.sequenceId] : []));
    expect(numbersOf('main')).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
    for (const n of [1, 3, 5]) expect(numbersOf(`session:${n}`)).toEqual(Array.from({ length: 10 }, (_, at) => at + 1));
    expect([...reader.of('gap'), ...reader.of('error')]).toEqual([]);
    await gateway.close({ drainMs: 0 });
    const next = await serve({ port });
    await next.gateway.publish('suite.note', {}, { stream: 'main' });
    await reader.reach('gap', 4);
    await reader.reach('event', 61);
    expect(new Set(reader.of('gap').map(({ reason }) => reason))).toEqual(new Set(['epoch_changed']));
    expect(reader.of('event').at(-1)).toMatchObject({ stream: 'main', sequenceId: 1 });
  });

  test('reports events that left history at their position, and continues', async () => {
    const { gateway, url } = await serve({ limits: { historyEvents: 5 } });
    const proxy = await proxyOf(url);
    const first = await gateway.publish('file_change', file('0.ts'));
    for (let n = 1; n < 30; n += 1) await gateway.publish('file_change', file(`${n}.ts`));
    const reader = new Reader({ url: proxy.url, events: ['file_change'], after: [first.epoch, 1] });
    await reader.reach('gap');
    await reader.reach('caught_up');
    await gateway.publish('file_change', file('live.ts'));
    await vi.waitFor(() => expect(reader.of('event').at(-1)?.payload).toMatchObject({ path: 'live.ts' }), PATIENCE);
    expect(reader.of('gap')).toMatchObject([{ reason: 'window_exceeded', start: [first.epoch, 1] }]);
  });

  test('reconnects after a shutdown, and ends with the reason if the close is not retryable', async () => {
    const { gateway, url, port } = await serve({ random: () => 0.02 });
    const reader = new Reader({ url, events: ['file_change'] });
    await reader.reach('caught_up');
    await gateway.close();
    const second = await serve({ port });
    await reader.reach('gap');
    await second.gateway.publish('file_change', file('again.ts'));
    await reader.reach('event');
    expect(reader.of('closed')[0]).toMatchObject({ code: 4200, willReconnect: true });
    expect(reader.of('gap')).toMatchObject([{ reason: 'epoch_changed' }]);
    const refused = new Reader({ url, events: ['file_change'], filter: { entityTypes: ['function'] } });
    await refused.reach('ended');
    expect(refused.of('ended')).toMatchObject([{ error: 'TidemarkError', reason: 'filter_not_applicable' }]);
    const alone = new Reader({ url: 'ws://127.0.0.1:9/ws', events: ['*'], maxAttempts: 2 });
    await alone.reach('ended');
    expect(alone.of('ended')).toMatchObject([{ error: 'ConnectionLost', reason: 'unreachable' }]);
  });
});
