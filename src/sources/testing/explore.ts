/** Random work under a real file source, compared with a walk of the tree after each round. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { apply, differences, walk } from './model.ts';
import type { Picture } from './model.ts';
import { Operations } from './operations.ts';
import { cleanups, wait, watch } from './watched.ts';

export interface Exploration {
  readonly seed: number;
  readonly rounds: number;
  readonly perRound: number;
  /** Where directories are made; the system's directory for temporary files by default. */
  readonly place?: string;
}

/** Returns what is wrong: the first difference, else the losses and warnings that there were. */
export async function explore({ seed, rounds, perRound, place = tmpdir() }: Exploration): Promise<unknown> {
  const outside = mkdtempSync(join(place, 'tidemark-elsewhere-'));
  cleanups.push(() => rm(outside, { recursive: true, force: true }));
  const inside = mkdtempSync(join(place, 'tidemark-explored-'));
  cleanups.push(() => rm(inside, { recursive: true, force: true }));
  const { changes, losses, warnings } = await watch({}, { directory: inside });
  const directory = inside;
  const picture: Picture = walk(directory);
  const operations = new Operations(directory, outside, seed);
  let taken = 0;
  for (let round = 0; round < rounds; round += 1) {
    const done = Array.from({ length: perRound }, () => operations.run());
    let wrong: string[] = [];
    const agrees = (): boolean => {
      for (const change of changes.slice(taken)) apply(picture, change);
      taken = changes.length;
      wrong = differences(picture, walk(directory, operations.linked));
      return wrong.length === 0;
    };
    await vi.waitUntil(agrees, wait).catch(() => undefined);
    if (wrong.length > 0) return { seed, round, done, wrong, last: changes.slice(-20) };
  }
  return { losses, warnings };
}
