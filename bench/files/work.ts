/**
 * Makes the changes on which the watchers are compared. Each function changes files in a directory. It returns the changes that a watcher
 * must report, each with its time.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Change } from './watchers.ts';

export interface Expected {
  readonly path: string;
  readonly change: Change;
  /**
   * When the change was made, in milliseconds since the Unix epoch. If only a time span is known, `at` is its beginning and `until` its
   * end.
   */
  readonly at: number;
  readonly until?: number;
}

const FILES_PER_DIRECTORY = 10;

function now(): number {
  return performance.timeOrigin + performance.now();
}

function fileAt(n: number): string {
  const directory = Math.floor(n / FILES_PER_DIRECTORY);
  return `tree/d${directory % 100}/d${Math.floor(directory / 100)}/file${n}.ts`;
}

export function makeTree(root: string, files: number): void {
  for (let n = 0; n < files; n += 1) {
    const file = join(root, fileAt(n));
    if (n % FILES_PER_DIRECTORY === 0) mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `${n}\n`);
  }
}

/** Changes one file of the tree after another, at the given average rate. */
export async function changeSteadily(
  root: string,
  { files, count, perSecond }: { readonly files: number; readonly count: number; readonly perSecond: number },
): Promise<readonly Expected[]> {
  const stride = Math.floor(files / count);
  const done: Expected[] = [];
  const began = now();
  while (done.length < count) {
    const due = Math.min(count, Math.floor(((now() - began) / 1000) * perSecond));
    while (done.length < due) {
      const path = fileAt(done.length * stride);
      done.push({ path, change: 'present', at: now() });
      appendFileSync(join(root, path), 'changed\n');
    }
    await delay(1);
  }
  return done;
}

/** Creates files in new directories, as fast as possible. */
export function createStorm(root: string, count: number): readonly Expected[] {
  const done: Expected[] = [];
  for (let n = 0; n < count; n += 1) {
    const directory = `storm/d${Math.floor(n / 100)}`;
    if (n % 100 === 0) mkdirSync(join(root, directory), { recursive: true });
    const path = `${directory}/file${n}`;
    // Read the clock before the file is created, because a watcher may report the file before this process continues.
    done.push({ path, change: 'present', at: now() });
    writeFileSync(join(root, path), '');
  }
  return done;
}

/** Renames a directory, and changes files below its new name. */
export async function renameDirectory(root: string): Promise<readonly Expected[]> {
  renameSync(join(root, 'tree/d0'), join(root, 'tree/renamed'));
  await delay(200);
  const below = readdirSync(join(root, 'tree/renamed'));
  return below.map((name): Expected => {
    const file = readdirSync(join(root, 'tree/renamed', name))[0] ?? '';
    const path = `tree/renamed/${name}/${file}`;
    const at = now();
    appendFileSync(join(root, path), 'after the rename\n');
    return { path, change: 'present', at };
  });
}

function git(root: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@example', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
}

/** Creates two branches. The second branch changes a third of the files, removes a third, and adds the same number of new files. */
export function makeBranches(root: string, files: number): void {
  git(root, 'init', '-q', '-b', 'one');
  for (let n = 0; n < files; n += 1) writeBranchFile(root, n, 'one');
  git(root, 'add', 'repo');
  git(root, 'commit', '-q', '-m', 'one');
  git(root, 'checkout', '-q', '-b', 'two');
  for (let n = 0; n < files; n += 3) writeBranchFile(root, n, 'two');
  for (let n = files; n < files + files / 3; n += 1) writeBranchFile(root, n, 'two');
  git(root, 'rm', '-q', '-r', '--', ...removedDirectories(files));
  git(root, 'add', 'repo');
  git(root, 'commit', '-q', '-m', 'two');
  git(root, 'checkout', '-q', 'one');
}

function branchFile(n: number): string {
  return `repo/d${n % 300}/file${n}`;
}

function writeBranchFile(root: string, n: number, branch: string): void {
  mkdirSync(join(root, branchFile(n), '..'), { recursive: true });
  writeFileSync(join(root, branchFile(n)), `${branch} ${n}\n`);
}

/** Every third directory. The second branch removes all files of these directories, and adds new files to them. */
function removedDirectories(files: number): readonly string[] {
  return Array.from({ length: Math.min(100, files) }, (_each, n) => `repo/d${n * 3 + 1}`);
}

function listFiles(root: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const entry of readdirSync(join(root, 'repo'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(path.slice(root.length + 1), statSync(path).mtimeMs);
  }
  return found;
}

export function checkOut(root: string): readonly Expected[] {
  const before = listFiles(root);
  const at = now();
  git(root, 'checkout', '-q', 'two');
  const until = now();
  const after = listFiles(root);
  const gone = [...before.keys()].filter((path) => !after.has(path));
  const changed = [...after].filter(([path, mtime]) => before.get(path) !== mtime).map(([path]) => path);
  return [
    ...gone.map((path): Expected => ({ path, change: 'gone', at, until })),
    ...changed.map((path): Expected => ({ path, change: 'present', at, until })),
  ];
}
