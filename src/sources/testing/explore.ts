/**
 * Performs random operations in a directory that a real file source watches. After each round, compares the reported state with the disk.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FileChangePayload } from '../../../generated/types.ts';
import { apply, differences, rescan, walk } from './model.ts';
import type { Picture } from './model.ts';
import { Operations } from './operations.ts';
import { ToolWork } from './tool-work.ts';
import { cleanups, wait, watch } from './watched.ts';
import type { FileSourceOptions } from '../file-source.ts';

export interface Exploration {
  readonly seed: number;
  readonly rounds: number;
  readonly perRound: number;
  /** The directory in which the test directories are created; by default the system's temporary directory. */
  readonly place?: string;
  /** The kinds of {@link ToolWork} to run, one in each round. */
  readonly tools?: readonly string[];
  /** Called after each round. If it returns false, no further round is run. */
  readonly onRound?: () => boolean;
  /** Starts to report the changes of a directory; by default a file source in this process. */
  readonly follow?: Follow;
}

export type Follow = (directory: string, listener: FileSourceOptions['listener']) => Promise<unknown>;

type Item = { readonly change: FileChangePayload } | { readonly loss: readonly string[] };

/**
 * Runs an exploration.
 * @returns the first difference. Without a difference: the tools that never succeeded or, if all succeeded, the losses and warnings
 */
export async function explore({
  seed,
  rounds,
  perRound,
  place = tmpdir(),
  tools = [],
  onRound = () => true,
  follow = (watched, listener) => watch({}, { directory: watched, listener }),
}: Exploration): Promise<Record<string, unknown>> {
  const outside = temporary('tidemark-elsewhere-', place);
  const directory = temporary('tidemark-explored-', place);
  const work = tools.length === 0 ? undefined : new ToolWork(directory);
  cleanups.push(async () => work?.close());
  const items: Item[] = [];
  const losses: (readonly string[])[] = [];
  const warnings: string[] = [];
  const listener = {
    publish: (change: FileChangePayload) => void items.push({ change }),
    loss: (paths: readonly string[]) => {
      items.push({ loss: paths });
      losses.push(paths);
    },
    warning: (text: string) => void warnings.push(text),
  };
  await follow(directory, listener);
  const picture: Picture = walk(directory);
  const operations = new Operations(directory, outside, seed);
  for (let round = 0; round < rounds; round += 1) {
    const done = Array.from({ length: perRound }, () => operations.run());
    const tool = tools[round % Math.max(1, tools.length)];
    if (tool !== undefined) {
      await work?.run(tool);
      done.push(tool);
    }
    const recent: Item[] = [];
    const lossesBefore = losses.length;
    let wrong: string[] = [];
    const agrees = (): boolean => {
      for (const item of items.splice(0)) {
        recent.push(item);
        if ('change' in item) apply(picture, item.change);
        else for (const path of item.loss) rescan(picture, directory, path, operations.linked);
      }
      wrong = differences(picture, walk(directory, operations.linked));
      return wrong.length === 0;
    };
    await isTrueInTime(agrees);
    if (wrong.length === 0 && losses.length > lossesBefore) {
      // The source may not have read all changes yet. Therefore a last file is written, and the comparison waits for the report of this
      // file.
      const fence = `fence${round}`;
      writeFileSync(join(directory, fence), '');
      const isSeen = (): boolean => agrees() && recent.some((each) => 'change' in each && each.change.path === fence);
      if (!(await isTrueInTime(isSeen))) wrong.push(`no event of ${fence}`);
    }
    if (wrong.length > 0) return { seed, round, done, wrong, last: recent.slice(-20), warnings };
    if (!onRound()) break;
  }
  const failed = tools.filter((each) => work?.succeeded.has(each) === false);
  return failed.length > 0 ? { failed } : { losses, warnings };
}

/**
 * How long to wait for a report, in milliseconds. The time is long, because on a busy machine a report may take many seconds. A test waits
 * this long only if the report is really missing.
 */
const PATIENCE_MS = 120_000;

async function isTrueInTime(isTrue: () => boolean): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (Date.now() > deadline) return false;
    await delay(wait.interval);
  }
  return true;
}

/** A temporary directory. It is removed after the test. */
export function temporary(prefix: string, place = tmpdir()): string {
  const directory = mkdtempSync(join(place, prefix));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
