/** `tidemark docs build`: a directory for a web host, with a team's own events. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { CliRunner } from '../testing/cli-process.ts';

const home = mkdtempSync(join(tmpdir(), 'tidemark-docs-build-'));
const runner = new CliRunner(home);

afterEach(() => runner.close());
afterAll(() => rmSync(home, { recursive: true }));

const OWN = `asyncapi: 3.0.0
info: { title: Acme events, version: 1.0.0 }
x-extends: tidemark
components:
  messages:
    build_finished:
      summary: A build ended.
      payload: { type: object, required: [ok], properties: { ok: { type: boolean } } }
`;

test("writes a page and a Markdown twin for each name, including those of a team's own events", async () => {
  writeFileSync(join(home, 'acme.yaml'), OWN);
  const { code, stdout } = await runner.finish(['docs', 'build', '--contract', 'acme.yaml', '--out', 'site', '--json']);
  const { files } = JSON.parse(stdout) as { readonly files: readonly string[] };
  expect([code, files]).toEqual([0, expect.arrayContaining(['index.html', 'llms.txt', 'assets/site.js'])]);
  for (const name of [
    'events/build_finished',
    'commands/subscribe',
    'errors/filter_not_applicable',
    'close-codes/4201',
  ])
    for (const path of [`${name}.html`, `${name}.md`]) expect(files).toContain(path);
  expect(readFileSync(join(home, 'site/events/build_finished.md'), 'utf8')).toContain('A build ended.');
});

test('refuses a contract that cannot be read, and writes nothing', async () => {
  const { code, stderr } = await runner.finish(['docs', 'build', '--contract', 'none.yaml', '--out', 'empty']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('none.yaml')]);
});
