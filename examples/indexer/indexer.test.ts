/** Tests the indexer with a real gateway that watches real files. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createClient } from '../../generated/client.ts';
import type { TidemarkEvent } from '../../generated/client.ts';
import { mirror } from '../../generated/mirror.ts';
import { changesOf } from './changes.ts';
import { NO_GRAPH, graphOf, pathOf } from './source-graph.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/**
 * Long, because four processes start one after the other on a machine that may be busy. Only a hanging test should time
 * out.
 */
const PATIENCE = { timeout: 120_000, interval: 10 };
const TEST_MS = 300_000;
/** The first scan publishes hundreds of events. With the default rate limit this would take many seconds. */
const AMPLE_LIMITS = { TIDEMARK_LIMITS_COMMANDS_PER_SECOND: '10000', TIDEMARK_LIMITS_COMMAND_BURST: '20000' };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function run(args: readonly string[]): { readonly child: ChildProcess; readonly lines: string[] } {
  const child = spawn(process.execPath, [...args], {
    cwd: ROOT,
    env: { ...process.env, ...AMPLE_LIMITS },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  cleanups.push(() => stop(child));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return { child, lines };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function until(holds: () => boolean): Promise<void> {
  await vi.waitFor(() => {
    if (!holds()) throw new Error('not yet');
  }, PATIENCE);
}

/** A gateway that watches a copy of some sources of this repository. */
async function watched(): Promise<{
  readonly url: string;
  readonly directory: string;
  readonly gateway: ChildProcess;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-indexer-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'src'));
  for (const room of ['errors.ts', 'replay', 'session'])
    await cp(join(ROOT, 'src', room), join(directory, 'src', room), { recursive: true });
  const options = ['serve', '--watch', directory, '--port', '0', '--broadcast', 'on', '--json'];
  const { child, lines } = run(['src/cli/main.ts', ...options]);
  await until(() => lines.some((line) => line.includes('ws://')));
  const [url = ''] = /ws:\/\/[^"]+/.exec(lines.join('\n')) ?? [];
  return { url, directory, gateway: child };
}

function indexer(url: string, directory: string): ReturnType<typeof run> {
  return run(['--import', './examples/clone.ts', 'examples/indexer/indexer.ts', url, directory]);
}

interface Follower {
  readonly events: TidemarkEvent[];
  /** Waits for an event, and returns the time from `since` to its publication, in milliseconds. */
  readonly waitFor: (event: string, id: string, since: number) => Promise<number>;
}

function follow(url: string): Follower {
  const client = createClient({ url });
  cleanups.push(() => client.close());
  const events: TidemarkEvent[] = [];
  const subscription = client.subscribe({ events: ['entity_*', 'relationship_*'], replay: { mode: 'none' } });
  void (async () => {
    for await (const event of subscription) events.push(event);
  })().catch(() => undefined);
  const found = (event: string, id: string): TidemarkEvent | undefined =>
    events.find((each) => each.event === event && (each.payload as { readonly id?: unknown }).id === id);
  return {
    events,
    waitFor: async (event, id, since) => {
      await until(() => found(event, id) !== undefined);
      return Date.parse(found(event, id)?.emittedAt ?? '') - since;
    },
  };
}

const scanned = (lines: readonly string[]): number => lines.filter((line) => line.startsWith('scanned')).length;

describe('the indexer', () => {
  test(
    'publishes a renamed function, a new import and a deleted file, and after a restart only the changes',
    async () => {
      const { url, directory } = await watched();
      const first = indexer(url, directory);
      await until(() => scanned(first.lines) === 1);
      expect(first.lines[0]).toMatch(/^scanned \d+ files: \d{3,} events published$/);
      const { events, waitFor } = follow(url);
      await until(() => events.length === 0);

      const path = 'src/session/token-bucket.ts';
      const text = await readFile(join(directory, path), 'utf8');
      const bucket = `class:${path}#TokenBucket`;
      const delays: number[] = [];
      let savedAt = Date.now();
      await writeFile(join(directory, path), text.replace('class TokenBucket', 'class Bucket'));
      delays.push(await waitFor('entity_created', `class:${path}#Bucket`, savedAt));
      await waitFor('entity_deleted', bucket, savedAt);

      savedAt = Date.now();
      await writeFile(join(directory, path), `import { EOL } from 'node:os';\n${text}`);
      delays.push(await waitFor('relationship_created', `imports:file:${path}>module:node:os`, savedAt));

      savedAt = Date.now();
      await rm(join(directory, path));
      delays.push(await waitFor('entity_deleted', `file:${path}`, savedAt));
      await until(() => first.lines.some((line) => line.startsWith(`delete ${path}`)));
      console.info(`from the save to the event: ${delays.join(', ')} ms`);

      await stop(first.child);
      const before = events.length;
      const second = indexer(url, directory);
      await until(() => scanned(second.lines) === 1);
      expect(second.lines[0]).toMatch(/: 0 events published$/);
      expect(events.slice(before)).toEqual([]);
    },
    TEST_MS,
  );

  test(
    'scans again after a gap, and publishes only the differences',
    async () => {
      const { url, directory } = await watched();
      const { lines } = indexer(url, directory);
      await until(() => scanned(lines) === 1);
      // Replacing the watched directory causes a source loss, because the gateway cannot know what has changed
      // meanwhile.
      const next = `${directory}-next`;
      await cp(directory, next, { recursive: true });
      await writeFile(join(next, 'src/errors.ts'), 'export function onlyThis(): void {}\n');
      const old = `${directory}-old`;
      await rename(directory, old);
      await rename(next, directory);
      cleanups.push(() => rm(old, { recursive: true }));
      await until(() => lines.some((line) => line.startsWith('gap: source_overflow')));
      await until(() => scanned(lines) >= 2);
      const client = createClient({ url });
      cleanups.push(() => client.close());
      const entities = mirror(client, 'entity_*');
      await entities.ready;
      const inFile = [...entities.keys()].filter((id) => pathOf(id) === 'src/errors.ts');
      expect(inFile.toSorted()).toEqual(['file:src/errors.ts', 'function:src/errors.ts#onlyThis']);
    },
    TEST_MS,
  );
});

describe('the graph of a file', () => {
  const TEXT = `
    import { a } from './a.ts';
    import type { B } from '../b.ts';
    export { c } from 'c';
    export function one(): void {}
    export const two = (): number => 2;
    export class Three { four(): void {} }
  `;

  test('has its declarations and its imports, with ids that depend on path and name only', () => {
    const { entities, relationships } = graphOf('src/x/y.ts', TEXT);
    expect(entities.map(({ id }) => id)).toEqual([
      'file:src/x/y.ts',
      'function:src/x/y.ts#one',
      'function:src/x/y.ts#two',
      'class:src/x/y.ts#Three',
      'method:src/x/y.ts#Three.four',
    ]);
    expect(relationships.map(({ toEntityId }) => toEntityId)).toEqual([
      'function:src/x/y.ts#one',
      'function:src/x/y.ts#two',
      'class:src/x/y.ts#Three',
      'method:src/x/y.ts#Three.four',
      'file:src/x/a.ts',
      'file:src/b.ts',
      'module:c',
    ]);
    expect(entities.map(({ id }) => pathOf(id))).toEqual(Array(5).fill('src/x/y.ts'));
  });

  test('is equal for equal texts, so nothing is published; a changed function updates the function and its file', () => {
    const graph = graphOf('a.ts', TEXT);
    expect(changesOf(graph, graphOf('a.ts', TEXT))).toEqual([]);
    const changed = changesOf(graph, graphOf('a.ts', TEXT.replace('=> 2', '=> 3')));
    expect(changed.map(({ event, payload }) => ({ event, ...payload }))).toMatchObject([
      { event: 'entity_updated', id: 'file:a.ts', changedFields: ['hash'] },
      { event: 'entity_updated', id: 'function:a.ts#two', changedFields: ['hash'] },
    ]);
  });

  test('is deleted with the file, relationships first', () => {
    const names = changesOf(graphOf('a.ts', 'export function f() {}'), NO_GRAPH).map(({ event }) => event);
    expect(names).toEqual(['relationship_deleted', 'entity_deleted', 'entity_deleted']);
  });

  test('cannot be computed while the source text is incomplete', () => {
    expect(() => graphOf('a.ts', 'export function f( {')).toThrow(SyntaxError);
  });
});
