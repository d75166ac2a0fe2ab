import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileChanges } from './file-changes.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'changes-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

test('a change between the start of a read and the start of the watch is noticed', async () => {
  const file = join(home, 'early');
  await writeFile(file, 'as read');
  const since = (await stat(file)).ctimeMs;
  await writeFile(file, 'changed before the watch');
  const changes = new FileChanges();
  await changes.follow([file], since);
  await expect(changes.next()).resolves.toBeUndefined();
});

test('a change between two waits is noticed by the second wait', async () => {
  const file = join(home, 'between');
  await writeFile(file, '1');
  const changes = new FileChanges();
  await changes.follow([file], Infinity);
  await writeFile(file, '2');
  await changes.next();
  await writeFile(file, '3');
  await expect(changes.next()).resolves.toBeUndefined();
});

test('the creation and the deletion of a missing file are noticed', async () => {
  const file = join(home, 'later');
  const changes = new FileChanges();
  await changes.follow([file], Infinity);
  await writeFile(file, '1');
  await changes.next();
  await rm(file);
  await expect(changes.next()).resolves.toBeUndefined();
});

test('other files of the directory are not noticed', async () => {
  const file = join(home, 'mine');
  await writeFile(file, '1');
  const changes = new FileChanges();
  await changes.follow([file], Infinity);
  let noticed = 0;
  const counting = changes.next().then(() => (noticed += 1));
  const sibling = new FileChanges();
  await sibling.follow([join(home, 'other')], Infinity);
  await writeFile(join(home, 'other'), '1');
  await sibling.next();
  expect(noticed).toBe(0);
  await writeFile(file, '2');
  await counting;
  expect(noticed).toBe(1);
});
