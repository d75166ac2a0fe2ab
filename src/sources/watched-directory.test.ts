import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Position } from '../broker/broker.ts';
import type { ListingPage, WatchedRoot } from '../introspection/file-listings.ts';
import { cleanUp, cleanups, wait } from './testing/watched.ts';
import { watchDirectory } from './watched-directory.ts';

afterEach(cleanUp);

async function watchOne() {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-watched-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  const offered: WatchedRoot[] = [];
  const watched = await watchDirectory(
    {
      publish: () => Promise.resolve(),
      announceLoss: () => Promise.resolve(),
      offerFiles: (root) => {
        offered.push(root);
        return () => undefined;
      },
      health: () => ({ broker: { kind: 'memory' } }),
    },
    { directory, onWarning: () => undefined },
  );
  cleanups.push(() => watched.close());
  const list = async (head: () => Promise<Position>): Promise<ListingPage | undefined> =>
    offered[0]?.list({ limit: 10 }, head);
  return { watched, list };
}

const STOPPED = { code: 'broker_unavailable', message: expect.stringContaining('stopped watching this directory') };

describe('a listing of a directory is refused if the gateway stops watching it', () => {
  const position: Position = { epoch: 'e', sequenceId: 1 };

  test('before its thread has answered, or before the request', async () => {
    const { watched, list } = await watchOne();
    const listing = list(() => Promise.resolve(position));
    await Promise.all([expect(listing).rejects.toMatchObject(STOPPED), watched.close()]);
    await expect(list(() => Promise.resolve(position))).rejects.toMatchObject(STOPPED);
  });

  test('before the position of the stream is known', async () => {
    const { watched, list } = await watchOne();
    const head = Promise.withResolvers<Position>();
    const askHead = vi.fn<() => Promise<Position>>(() => head.promise);
    const listing = list(askHead);
    await vi.waitUntil(() => askHead.mock.calls.length > 0, wait);
    const closed = watched.close();
    await expect(listing).rejects.toMatchObject(STOPPED);
    head.resolve(position);
    await closed;
  });
});
