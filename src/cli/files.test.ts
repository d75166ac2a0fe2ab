/** `tidemark files` on a real gateway that watches a real directory. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import type { FileEntry, Position } from '../../generated/types.ts';
import { watchDirectory } from '../sources/watched-directory.ts';
import { CliRunner } from '../testing/cli-process.ts';
import { onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const home = mkdtempSync(join(tmpdir(), 'tidemark-files-cli-'));
const runner = new CliRunner(home);
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(home, 'shop-'));
});
afterEach(() => runner.close());
afterAll(() => rmSync(home, { recursive: true }));

async function watched(options: Parameters<typeof serve>[0] = {}): Promise<Served> {
  const served = await serve(options);
  const watching = await watchDirectory(served.gateway, { directory, root: 'shop', onWarning: () => undefined });
  onCleanup(() => watching.close());
  return served;
}

function write(path: string, text: string): void {
  mkdirSync(join(directory, path, '..'), { recursive: true });
  writeFileSync(join(directory, path), text);
}

const files = ({ url }: Pick<Served, 'url'>, ...argv: readonly string[]) =>
  runner.finish(['files', ...argv], { env: { TIDEMARK_URL: url } });

test('prints size, time and path of each entry, and the command that continues the list without loss', async () => {
  write('src/app.ts', 'x'.repeat(2048));
  write("it's.md", '');
  const served = await watched();
  const { code, stdout, stderr } = await files(served, '--path', "src,it's.md");
  expect([code, stdout.split('\n').map((line) => line.replace(/\d{4}-\S+Z/, 'TIME'))]).toEqual([
    0,
    ["      0 B  TIME  it's.md", '        -  TIME  src/', '  2.0 KiB  TIME  src/app.ts', ''],
  ]);
  const [, argv = ''] = /^3 entries of shop\. To follow the changes since then: tidemark (.*)$/m.exec(stderr) ?? [];
  expect(argv).toContain(String.raw`--path src --path 'it'\''s.md' --stream main --resume `);
  write('src/new.ts', 'export {};');
  const words = argv.replace(String.raw`'it'\''s.md'`, "it's.md").split(' ');
  const followed = await runner.finish([...words, '--count', '1', '--json'], { env: { TIDEMARK_URL: served.url } });
  expect(JSON.parse(followed.stdout.split('\n')[0] ?? '')).toMatchObject({ payload: { path: 'src/new.ts' } });
});

test('--json prints all pages as one object, also if there are more pages than the rate limit allows at once', async () => {
  for (let n = 0; n < 2500; n += 1) write(`d${n % 9}/${n}.txt`, '');
  const served = await watched({ limits: { commandBurst: 1, commandsPerSecond: 2 } });
  const { code, stdout } = await files(served, '--json', '--ext', '.txt');
  const list = JSON.parse(stdout) as { readonly entries: readonly FileEntry[]; readonly resumeAfter: Position };
  expect([code, new Set(list.entries.map(({ path }) => path)).size]).toEqual([0, 2500]);
  expect(list).toMatchObject({ stream: 'main', root: 'shop', unread: [], resumeAfter: { sequenceId: 0 } });
});

test('a directory that no node watches is refused with the names of those that are watched', async () => {
  const served = await watched();
  const { code, stderr } = await files(served, '--root', 'shp');
  expect([code, stderr]).toEqual([2, 'not_watched: No node watches "shp". The watched roots are shop.\n']);
});
