/** A directory for all that a run of the tests, and the programs which they start, write outside the project. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A test that is killed cannot clean up after itself; the run does it for all of them. */
export async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-test-'));
  process.env['TMPDIR'] = directory;
  return () => rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
