/** Random work under a real file source, compared with a walk of the tree after each round. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FileChangePayload } from '../../../generated/types.ts';
import { apply, differences, lookAgain, walk } from './model.ts';
import type { Picture } from './model.ts';
import { Operations } from './operations.ts';
import { ToolWork } from './tool-work.ts';
import { cleanups, wait, watch } from './watched.ts';

export interface Exploration {
  readonly seed: number;
  readonly rounds: number;
  readonly perRound: number;
  /** The parent of the made directories; the system's temporary directory by default. */
  readonly place?: string;
  /** The kinds of {@link ToolWork} that are added, one in each round. */
  readonly tools?: readonly string[];
  /** Called after each round; false ends the work early. */
  readonly onRound?: () => boolean;
}

type Item = { readonly change: FileChangePayload } | { readonly loss: readonly string[] };

/** Returns the faults: the first difference, a tool that never succeeded, otherwise the losses and warnings. */
export async function explore({
  seed,
  rounds,
  perRound,
  place = tmpdir(),
  tools = [],
  onRound = () => true,
}: Exploration): Promise<Record<string, unknown>> {
  const outside = temporary(place, 'tidemark-elsewhere-');
  const directory = temporary(place, 'tidemark-explored-');
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
  await watch({}, { directory, listener });
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
        else for (const path of item.loss) lookAgain(picture, directory, path, operations.linked);
      }
      wrong = differences(picture, walk(directory, operations.linked));
      return wrong.length === 0;
    };
    await isTrueInTime(agrees);
    if (wrong.length === 0 && losses.length > lossesBefore) {
      // The comparison may read a directory before the source does, so it waits until the source has read the same state.
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

/** Only a difference waits so long; on a busy machine a report may take many seconds, and is not missing. */
const PATIENCE_MS = 120_000;

async function isTrueInTime(isTrue: () => boolean): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (Date.now() > deadline) return false;
    await delay(wait.interval);
  }
  return true;
}

function temporary(place: string, prefix: string): string {
  const directory = mkdtempSync(join(place, prefix));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
