/** A real directory with a real file source, for the tests of the source. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { vi } from 'vitest';
import type { FileChangePayload } from '../../../generated/types.ts';
import { FileSource } from '../file-source.ts';
import type { FileSourceOptions } from '../file-source.ts';

/** A temporary directory that a file source watches, and the reports of the source so far. */
export interface Watched {
  readonly directory: string;
  readonly source: FileSource;
  readonly changes: FileChangePayload[];
  readonly losses: (readonly string[])[];
  readonly warnings: string[];
  readonly write: (path: string, text?: string) => Promise<void>;
  readonly seen: (fits: (change: FileChangePayload) => boolean) => Promise<FileChangePayload>;
  /**
   * Returns all reports so far, one short text for each. First, it writes a file and waits until this file is reported, so that no earlier
   * report is missing.
   */
  readonly story: () => Promise<string[]>;
}

export const cleanups: (() => Promise<void>)[] = [];

/** Must be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}

export const wait = { timeout: 60_000, interval: 20 };

export async function watch(
  files: Readonly<Record<string, string>> = {},
  options: Partial<FileSourceOptions> = {},
): Promise<Watched> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-source-'));
  const outside = await mkdtemp(join(tmpdir(), 'tidemark-outside-'));
  const write = async (path: string, text = 'x'): Promise<void> => {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    if (existsSync(file)) return writeFile(file, text);
    // The file is written elsewhere and then moved into the directory. If it were written in the directory, it could be reported as created
    // and then as modified.
    await writeFile(join(outside, 'new'), text);
    await rename(join(outside, 'new'), file);
  };
  for (const [path, text] of Object.entries(files)) await write(path, text);
  const changes: FileChangePayload[] = [];
  const losses: (readonly string[])[] = [];
  const warnings: string[] = [];
  const source = new FileSource({
    directory,
    root: 'r',
    rootCheckMs: 50,
    listener: {
      publish: (change) => void changes.push(change),
      loss: (paths) => void losses.push(paths),
      warning: (text) => void warnings.push(text),
    },
    ...options,
  });
  cleanups.push(async () => {
    await source.close();
    for (const each of [directory, outside]) await rm(each, { recursive: true, force: true });
  });
  await source.start();
  const seen: Watched['seen'] = async (fits) => vi.waitUntil(() => changes.find(fits), wait);
  let fences = 0;
  const story = async (): Promise<string[]> => {
    fences += 1;
    const fence = `zz-fence-${fences}`;
    await write(fence);
    await seen((each) => each.path === fence);
    return changes
      .filter((each) => !each.path.startsWith('zz-fence'))
      .map((each) =>
        each.previousPath === undefined
          ? `${each.changeType} ${each.path}`
          : `${each.changeType} ${each.previousPath} → ${each.path}`,
      );
  };
  return { directory, source, changes, losses, warnings, write, seen, story };
}

/**
 * The paths that exist after the reported changes. The result does not depend on how the changes were grouped into batches.
 * @param before the paths that existed before the changes
 */
export function pathsAfter(story: readonly string[], before: readonly string[]): string[] {
  const paths = new Set(before);
  for (const [, change, path = '', to] of story.map((line) => /^(\w+) (\S+)(?: → (\S+))?$/.exec(line) ?? [])) {
    if (change === 'delete' || change === 'rename') paths.delete(path);
    if (change !== 'delete') paths.add(to ?? path);
  }
  return [...paths].toSorted();
}
