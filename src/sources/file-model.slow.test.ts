/**
 * A long version of file-model.test.ts, on each kind of file system. It needs root permission (for mounts), Git, Vim and npm.
 * `TIDEMARK_MODEL_OPERATIONS` sets the number of operations on each file system; 25 operations take about a third of a second.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { explore } from './testing/explore.ts';
import { cleanUp, cleanups } from './testing/watched.ts';

afterEach(cleanUp);

const PER_ROUND = 25;
const ROUNDS = Math.ceil(Number(process.env['TIDEMARK_MODEL_OPERATIONS'] ?? 100_000) / PER_ROUND);
const SEED = Number(process.env['TIDEMARK_MODEL_SEED'] ?? 7);

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

/** A directory on a separate file system, which is mounted there; this needs root permission. */
function mounted(kind: 'tmpfs' | 'overlay'): string {
  const base = mkdtempSync(join(tmpdir(), `tidemark-${kind}-`));
  run('mount', '-t', 'tmpfs', 'none', base);
  cleanups.push(async () => {
    run('umount', base);
    rmSync(base, { recursive: true });
  });
  if (kind === 'tmpfs') return base;
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(base, name));
  const layers = ['lower', 'upper', 'work'].map((name) => `${name}dir=${join(base, name)}`).join();
  run('mount', '-t', 'overlay', 'overlay', '-o', layers, join(base, 'merged'));
  cleanups.push(async () => run('umount', join(base, 'merged')));
  return join(base, 'merged');
}

/** Prints the progress, because a run can take hours. */
function progressOf(name: string): () => boolean {
  let rounds = 0;
  return () => {
    rounds += 1;
    if (rounds % 400 === 0) console.log(`${name}: ${rounds * PER_ROUND} operations without a difference`);
    return true;
  };
}

const PLACES = [
  ['the local disk', tmpdir],
  ['tmpfs', () => mounted('tmpfs')],
  ['overlayfs', () => mounted('overlay')],
] as const;

describe('after long random work, the reported state equals the real state', () => {
  test.each(PLACES)('on %s', { timeout: 7_200_000 }, async (name, place) => {
    const work = { seed: SEED, rounds: ROUNDS, perRound: PER_ROUND, place: place(), onRound: progressOf(name) };
    expect(await explore(work)).toEqual({ losses: [], warnings: [] });
  });
});

describe('with real programs in the random work, the reported state equals the real state', () => {
  const rounds = Math.ceil(ROUNDS / 10);

  test.each(PLACES)('on %s', { timeout: 7_200_000 }, async (_name, place) => {
    const tools = ['checkout', 'vim', 'stash', 'vimWithBackup', 'npmCi'];
    expect(await explore({ seed: SEED, rounds, perRound: PER_ROUND, place: place(), tools })).toEqual({
      losses: [],
      warnings: [],
    });
  });

  test(
    'apart from reported losses, the reported state equals the real state when file systems are mounted and descriptors run out',
    { timeout: 7_200_000 },
    async () => {
      const tools = ['starve', 'mount', 'checkout', 'mount'];
      const result = await explore({ seed: SEED, rounds, perRound: PER_ROUND, tools });
      expect(result).toEqual({
        losses: expect.any(Array),
        warnings: expect.arrayContaining([expect.stringContaining('EMFILE')]),
      });
    },
  );
});
