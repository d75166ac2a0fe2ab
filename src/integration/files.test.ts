/**
 * Lists the content of a watched directory over HTTP (FIL-1, FIL-2). The listing and the events after its position together must give the
 * state of the directory.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { FileChangePayload, FilesPage, FilesRequest, Position } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { NOBODY } from '../auth/principal.ts';
import { parseScope } from '../auth/scope.ts';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import type { GatewayOptions } from '../gateway.ts';
import { apply, differences, rescan, walk } from '../sources/testing/model.ts';
import type { Picture } from '../sources/testing/model.ts';
import { Operations } from '../sources/testing/operations.ts';
import { watchDirectory } from '../sources/watched-directory.ts';
import { PATIENCE, clientOf, onCleanup, serve } from '../testing/rig.ts';

const LIMITS = { commandBurst: 10_000, commandsPerSecond: 10_000 };

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-files-'));
  onCleanup(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function write(directory: string, path: string): void {
  mkdirSync(join(directory, path, '..'), { recursive: true });
  writeFileSync(join(directory, path), path);
}

async function serveFiles(
  files: readonly string[],
  {
    options = {},
    directory = temporary(),
    root = 'r',
  }: { options?: GatewayOptions; directory?: string; root?: string } = {},
) {
  for (const each of files) write(directory, each);
  const { gateway, url, httpUrl } = await serve({ limits: LIMITS, ...options });
  const watched = await watchDirectory(gateway, { directory, root, onWarning: () => undefined });
  onCleanup(() => watched.close());
  return { directory, gateway, url, httpUrl, watched };
}

async function ask(
  httpUrl: string,
  request: FilesRequest,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${httpUrl}/ws/files`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
  });
  return { status: answer.status, body: await answer.json() };
}

async function pageOf(httpUrl: string, request: FilesRequest = {}): Promise<FilesPage> {
  const { status, body } = await ask(httpUrl, request);
  expect({ status, body, valid: httpValidators.files_page(body) }).toMatchObject({ status: 200, valid: true });
  return body as FilesPage;
}

/** Reads all pages. @param between called after each page */
async function pagesOf(
  httpUrl: string,
  request: FilesRequest,
  between: (page: FilesPage) => Promise<void> | void = () => undefined,
): Promise<readonly FilesPage[]> {
  const pages: FilesPage[] = [];
  for (let cursor: string | undefined; pages.length === 0 || cursor !== undefined;) {
    const page = await pageOf(httpUrl, { ...request, ...(cursor === undefined ? {} : { cursor }) });
    pages.push(page);
    cursor = page.nextCursor;
    await between(page);
  }
  return pages;
}

const pathsOf = (pages: readonly FilesPage[]): string[] =>
  pages.flatMap(({ entries }) => entries.map(({ path }) => path));

describe('a page', () => {
  const FILES = ['b/x.ts', 'b/y.md', 'a.ts', 'b-c/z.ts', 'b/sub/w.ts'];

  test('lists files and directories in the order of the tree, with the position of the stream', async () => {
    const { httpUrl, gateway } = await serveFiles(FILES);
    const { sequenceId, epoch } = await gateway.publish('tick', {});
    const page = await pageOf(httpUrl);
    expect(pathsOf([page])).toEqual(['a.ts', 'b', 'b/sub', 'b/sub/w.ts', 'b/x.ts', 'b/y.md', 'b-c', 'b-c/z.ts']);
    expect(page).toMatchObject({ stream: 'main', root: 'r', nodeId: gateway.nodeId, unread: [] });
    expect([page.position, page.resumeAfter]).toEqual([
      { epoch, sequenceId },
      { epoch, sequenceId },
    ]);
    expect(page.entries[0]).toEqual({ path: 'a.ts', fileType: 'file', size: 4, mtime: expect.any(String) });
    expect(page).not.toHaveProperty('nextCursor');
  });

  test('contains the entries whose events would match the filter', async () => {
    const { httpUrl } = await serveFiles(FILES);
    const listed = async (filter: FilesRequest['filter']): Promise<string[]> =>
      pathsOf(await pagesOf(httpUrl, { ...(filter === undefined ? {} : { filter }), limit: 1 }));
    expect(await listed({ paths: ['b'] })).toEqual(['b', 'b/sub', 'b/sub/w.ts', 'b/x.ts', 'b/y.md']);
    expect(await listed({ extensions: ['TS'] })).toEqual(['a.ts', 'b/sub/w.ts', 'b/x.ts', 'b-c/z.ts']);
    expect(await listed({ paths: ['**/w.*', 'b/sub', 'nothing'], extensions: ['.ts'] })).toEqual(['b/sub/w.ts']);
  });

  test('does not list ignored files', async () => {
    const { httpUrl, directory } = await serveFiles(['a', 'b', 'node_modules/x']);
    expect(pathsOf([await pageOf(httpUrl)])).toEqual(['a', 'b']);
    writeFileSync(join(directory, '.gitignore'), 'a\n');
    await vi.waitFor(async () => expect(pathsOf([await pageOf(httpUrl)])).toEqual(['.gitignore', 'b']), PATIENCE);
  });

  test('reports a directory that contains a name that no event can contain', async () => {
    const { httpUrl, directory } = await serveFiles(['sub/a']);
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/sub/caf`), Buffer.from([0xe9])]), '1');
    await vi.waitFor(async () => expect((await pageOf(httpUrl)).unread).toEqual(['sub']), PATIENCE);
  });
});

describe('the pages of a listing, together with the events after the first page,', () => {
  test.each([1, 2, 3])('give the state of a directory that changes continuously (seed %i)', async (seed) => {
    const { httpUrl, url, directory } = await serveFiles(
      Array.from({ length: 60 }, (_, n) => `${'abcd'[n % 4]}/f${n}`),
    );
    const operations = new Operations(directory, temporary(), seed);
    const client = clientOf(url);
    const picture: Picture = new Map();
    const listed: FileChangePayload[] = [];
    let follow: Promise<void> | undefined;
    let marks = 0;
    const changes: (readonly [Position, FileChangePayload] | { readonly rescan: readonly string[] })[] = [];
    const begin = (after: Position): void => {
      const events = client.subscribe({
        events: ['file_change'],
        replay: { mode: 'resume', after },
        onGap: ({ repair }) => void changes.push({ rescan: repair?.kind === 'rescan' ? repair.paths : [''] }),
      });
      follow = (async () => {
        for await (const { epoch, sequenceId, payload } of events) changes.push([{ epoch, sequenceId }, payload]);
      })();
    };
    const pages = await pagesOf(httpUrl, { limit: 7 }, async ({ resumeAfter }) => {
      if (follow === undefined) begin(resumeAfter);
      for (let n = 0; n < 5; n += 1) operations.run();
      // The next page is requested after these operations were published.
      marks += 1;
      const mark = `mark${marks}`;
      writeFileSync(join(directory, mark), '');
      await vi.waitUntil(() => changes.some((each) => !('rescan' in each) && each[1].path === mark), PATIENCE);
    });
    expect(new Set(pages.map(({ resumeAfter }) => JSON.stringify(resumeAfter))).size).toBe(1);
    for (const { entries } of pages)
      for (const each of entries) listed.push({ ...each, root: 'r', changeType: 'create' });
    for (const each of listed) apply(picture, each);
    let wrong: readonly string[] = [];
    await vi.waitFor(() => {
      for (const change of changes.splice(0))
        if ('rescan' in change) for (const path of change.rescan) rescan(picture, directory, path, operations.linked);
        else apply(picture, change[1]);
      wrong = differences(picture, walk(directory, operations.linked));
      expect(wrong).toEqual([]);
    }, PATIENCE);
    await client.close();
    await follow;
  });

  test('include the effect of all events up to their position, and of no later one', async () => {
    const { httpUrl, url, directory } = await serveFiles(['a']);
    const seen = new Map<string, number>();
    const client = clientOf(url);
    const following = (async () => {
      for await (const { sequenceId, payload } of client.subscribe({ events: ['file_change'] }))
        if (payload.changeType === 'create') seen.set(payload.path, sequenceId);
    })();
    const pages: FilesPage[] = [];
    for (let n = 0; n < 40; n += 1) {
      for (let file = 0; file < 10; file += 1) write(directory, `f${n}-${file}`);
      pages.push(await pageOf(httpUrl));
    }
    write(directory, 'last');
    await vi.waitFor(() => expect(seen.has('last')).toBe(true), PATIENCE);
    for (const { entries, position } of pages) {
      const expected = [...seen].filter(([, sequenceId]) => sequenceId <= position.sequenceId).map(([path]) => path);
      expect(entries.map(({ path }) => path).filter((path) => path !== 'a')).toEqual(expected.toSorted());
    }
    await client.close();
    await following;
  });
});

describe('a request for a listing', () => {
  test('is refused if no directory or another root is watched; the error names the watched roots', async () => {
    const { httpUrl } = await serve();
    expect(await ask(httpUrl, {})).toMatchObject({
      status: 404,
      body: { data: { code: 'not_watched', details: { roots: [] } } },
    });
    const files = await serveFiles(['a']);
    const second = await watchDirectory(files.gateway, {
      directory: temporary(),
      root: 's',
      onWarning: () => undefined,
    });
    const refused = { status: 404, body: { data: { code: 'not_watched', details: { roots: ['r', 's'] } } } };
    expect(await ask(files.httpUrl, { root: 'other' })).toMatchObject(refused);
    expect(await ask(files.httpUrl, {})).toMatchObject(refused);
    expect((await ask(files.httpUrl, { stream: 'workspace:w', root: 'r' })).status).toBe(404);
    expect((await ask(files.httpUrl, { root: 's' })).body).toMatchObject({ entries: [] });
    await second.close();
    expect((await pageOf(files.httpUrl)).root).toBe('r');
  });

  test('is refused for a cursor that the gateway did not create, or that belongs to another run', async () => {
    const { httpUrl } = await serveFiles(['a', 'b']);
    const { nextCursor } = await pageOf(httpUrl, { limit: 1 });
    const elsewhere = await serveFiles(['a', 'b']);
    const invalid = { status: 400, body: { data: { code: 'invalid_message', pointer: '/cursor' } } };
    expect(await ask(elsewhere.httpUrl, { cursor: nextCursor ?? '' })).toMatchObject(invalid);
    for (const cursor of ['x', 'W10', Buffer.from('{"a":1}').toString('base64url')])
      expect(await ask(httpUrl, { cursor })).toMatchObject(invalid);
  });

  test('is refused for an invalid filter, with a pointer to the fault', async () => {
    const { httpUrl } = await serveFiles(['a']);
    expect(await ask(httpUrl, { filter: { paths: ['a', '../b'] } })).toMatchObject({
      status: 422,
      body: { data: { code: 'filter_invalid', pointer: '/filter/paths/1' } },
    });
  });

  test('is refused without the scope to subscribe to file changes on the stream', async () => {
    const authenticator: GatewayOptions['authenticator'] = {
      required: true,
      anonymous: NOBODY,
      authenticate: ({ value }) => Promise.resolve({ kind: 'user', id: 'user:u', scopes: [parseScope(value)] }),
      onRevoked: () => undefined,
      close: () => Promise.resolve(),
    };
    const { httpUrl } = await serveFiles(['a'], { options: { authenticator } });
    const as = async (scope: string): Promise<number> =>
      (await ask(httpUrl, { root: 'r' }, { authorization: `Bearer ${scope}` })).status;
    expect(await as('subscribe:file_change@main')).toBe(200);
    expect(await as('subscribe:*')).toBe(200);
    expect(await as('subscribe:entity_*')).toBe(403);
    expect(await as('subscribe:file_change@workspace:*')).toBe(403);
    expect(await as('admin:read')).toBe(403);
    expect((await ask(httpUrl, { root: 'r' })).status).toBe(401);
  });
});

describe('on several nodes', () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await RedisProcess.start();
  });
  afterAll(() => redis.stop());

  test('any node lists the directory that one of them watches, page by page', async () => {
    const broker = redisBroker({ url: redis.url });
    const watching = await serveFiles(['a', 'b/c', 'd'], { options: { nodeId: 'watching', broker } });
    const other = await serve({ nodeId: 'other', broker: redisBroker({ url: redis.url }), limits: LIMITS });
    await vi.waitFor(async () => expect((await ask(other.httpUrl, {})).status).toBe(200), PATIENCE);
    const pages = await pagesOf(other.httpUrl, { limit: 1 });
    expect(pathsOf(pages)).toEqual(['a', 'b', 'b/c', 'd']);
    expect(new Set(pages.map(({ nodeId }) => nodeId))).toEqual(new Set(['watching']));
    expect(await ask(other.httpUrl, { root: 'x' })).toMatchObject({
      status: 404,
      body: { data: { details: { roots: ['r'] } } },
    });
    const { nextCursor = '' } = await pageOf(other.httpUrl, { limit: 1 });
    await watching.watched.close();
    await watching.gateway.close({ drainMs: 0 });
    const { body } = await ask(other.httpUrl, { limit: 1, root: 'r', cursor: nextCursor });
    expect(body).toMatchObject({ data: { code: 'invalid_message', pointer: '/cursor' } });
  });
});
