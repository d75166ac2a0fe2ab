/** The files of the documentation while their directory changes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { writeCompressedSite } from '../../codegen/site/write.ts';
import { DocsSite } from './docs-site.ts';

async function directoryWith(text: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-docs-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await writeCompressedSite(new Map([['index.html', text]]), directory);
  return directory;
}

const noFault = (error: unknown): void => expect(error).toBeUndefined();

test('a deleted directory is searched for again', async () => {
  const [first, second] = [await directoryWith('first'), await directoryWith('second')];
  const find = vi.fn<() => Promise<string>>().mockResolvedValueOnce(first).mockResolvedValueOnce(second);
  const site = new DocsSite(find, noFault);
  const before = await site.file('index.html');
  expect(before?.bytes.toString()).toBe('first');
  rmSync(first, { recursive: true });
  const after = await site.file('index.html');
  expect(after?.bytes.toString()).toBe('second');
  expect(after?.etag).not.toBe(before?.etag);
  expect(site.etagOf('index.html')).toBe(after?.etag);
});

test('the entity tag of a file is kept after the file was read and deleted', async () => {
  const directory = await directoryWith('page');
  const site = new DocsSite(() => Promise.resolve(directory), noFault);
  expect(site.etagOf('index.html')).toBeUndefined();
  const file = await site.file('index.html');
  rmSync(directory, { recursive: true });
  expect(site.etagOf('index.html')).toBe(file?.etag);
  expect(site.etagOf('none.html')).toBeUndefined();
});

test('a file that no request can name is reported, and the site is empty', async () => {
  const directory = await directoryWith('page');
  writeFileSync(join(directory, 'a page.html'), 'unreachable');
  const onFault = vi.fn<(error: unknown) => void>();
  const site = new DocsSite(() => Promise.resolve(directory), onFault);
  expect(await site.file('index.html')).toBeUndefined();
  expect(onFault).toHaveBeenCalledWith(
    expect.objectContaining({ message: expect.stringContaining('The file a page.html') as string }),
  );
});

test('a path that no file of the site can have is answered without the directory', async () => {
  const find = vi.fn<() => Promise<string>>();
  const site = new DocsSite(find, noFault);
  for (const path of ['../package.json', 'events/../../x.html', '..\\x.html', '%2e%2e/etc/passwd', 'assets/', 'index'])
    expect([path, await site.file(path)]).toEqual([path, undefined]);
  expect(find).not.toHaveBeenCalled();
});
