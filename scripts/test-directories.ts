/**
 * The directories that the tests and their child processes share: a temporary directory for their files, and a cache of compiled modules.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './ci-counts.ts';

/**
 * Creates the directories. @returns a function that removes the temporary one at the end of the run, because a killed test cannot remove
 * its files
 */
export async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-test-'));
  process.env['TMPDIR'] = directory;
  // Tests start the command line very often. With the cache, each start needs about a third less processor time.
  process.env['NODE_COMPILE_CACHE'] ??= join(ROOT, 'node_modules', '.cache', 'compiled');
  return () => rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
