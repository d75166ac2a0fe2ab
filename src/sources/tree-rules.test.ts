/** Ignore files that change exactly while the source reads them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { realDisk } from './disk.ts';
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
      // The rules of the directory have just been read.
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
  // The entry `.gitignore` is examined when it is reported, and once more after the directory was listed.
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
