/** Ignore files that change, or cannot be read, while the source runs. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { realDisk } from './disk.ts';
import { toByteString } from './names.ts';
import { Surroundings } from './surroundings.ts';
import { temporary } from './testing/explore.ts';
import { startTree } from './testing/tree.ts';
import type { StartedTree } from './testing/tree.ts';
import { cleanUp, wait } from './testing/watched.ts';

afterEach(cleanUp);

test('an ignore file is read again, even if its size and its times are the same as before', async () => {
  const writeRules = (text: string): void => writeFileSync(join(tree.directory, '.gitignore'), text);
  let step = 0;
  const tree: StartedTree = startTree({
    disk: {
      list: (path) => {
        if (step === 1 && path === tree.directory) {
          step = 2;
          writeRules('a');
        }
        return realDisk.list(path);
      },
      // The source calls `look` for the first entry immediately after it has listed the directory and read its rules.
      look: (path) => {
        if (step === 2) {
          step = 3;
          writeRules('b');
        }
        return realDisk.look(path);
      },
    },
  });
  writeRules('c');
  tree.begin();
  await vi.waitUntil(() => tree.items.length === 0, wait);
  step = 1;
  writeRules('d');
  await vi.waitUntil(() => step === 3, wait);
  await vi.waitUntil(() => tree.changed('.gitignore'), wait);
  for (const name of ['a', 'b', 'fence']) writeFileSync(join(tree.directory, name), '1');
  await vi.waitUntil(() => tree.changed('fence'), wait);
  await vi.waitUntil(() => tree.changed('a'), wait);
  expect(tree.changed('b')).toBe(false);
});

/** A repository inside the watched directory that ignores `secret`. */
function withRepository(tree: StartedTree): { readonly exclude: (text: string) => void } {
  const exclude = (text: string): void => writeFileSync(join(tree.directory, 'inner/.git/info/exclude'), text);
  mkdirSync(join(tree.directory, 'inner/.git/info'), { recursive: true });
  exclude('secret\n');
  for (const name of ['secret', 'fine']) writeFileSync(join(tree.directory, 'inner', name), '1');
  return { exclude };
}

test.each([
  ['just after it was written', 0],
  ['long after it was written', 10_000],
])('the exclude file of a repository inside the root is read again %s', async (_when, laterMs) => {
  const { now } = Date;
  vi.spyOn(Date, 'now').mockImplementation(() => now() + laterMs);
  const tree = startTree();
  const { exclude } = withRepository(tree);
  tree.begin();
  writeFileSync(join(tree.directory, 'inner/fence'), '1');
  await vi.waitUntil(() => tree.changed('inner/fence'), wait);
  expect(tree.changed('inner/secret')).toBe(false);
  exclude('fine\n');
  await vi.waitUntil(() => tree.changed('inner/secret'), wait);
  for (const name of ['fine', 'last']) writeFileSync(join(tree.directory, 'inner', name), '22');
  await vi.waitUntil(() => tree.changed('inner/last'), wait);
  expect(tree.changed('inner/fine')).toBe(false);
});

test('if the exclude file of a repository inside the root is not a regular file, a warning is reported', async () => {
  const tree = startTree();
  mkdirSync(join(tree.directory, 'inner/.git/info/exclude'), { recursive: true });
  tree.begin();
  expect(tree.warnings()).toEqual(['.git/info/exclude in inner is not used: it is not a regular file.']);
});

/** Calls a function while this process has no permission to read a file. */
function withoutPermission<T>(file: string, call: () => T): T {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(file, isRoot ? 0o600 : 0);
  if (isRoot) process.seteuid?.(65_534);
  try {
    return call();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(file, 0o644);
  }
}

test('the rules above the root are kept while an ignore file cannot be read', () => {
  const top = temporary('tidemark-rules-');
  chmodSync(top, 0o755);
  mkdirSync(join(top, '.git'));
  mkdirSync(join(top, 'root'));
  const file = join(top, '.gitignore');
  writeFileSync(file, 'out\n');
  const warnings: string[] = [];
  const surroundings = new Surroundings({
    disk: realDisk,
    root: toByteString(join(top, 'root')),
    foldCase: false,
    warn: (text) => void warnings.push(text),
  });
  const before = surroundings.rules;
  for (let n = 0; n < 2; n += 1) withoutPermission(file, () => expect(surroundings.changedRules()).toBeUndefined());
  expect(surroundings.rules).toBe(before);
  expect(warnings).toEqual(['An ignore file above the root cannot be read; its earlier rules are used.']);
  expect(surroundings.changedRules()?.rules.ignores('root/out', 'file')).toBe(true);
});
