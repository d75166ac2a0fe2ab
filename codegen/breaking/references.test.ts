/** A contract in several files is compared as one document. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { shopWith } from '../testing/shop.ts';
import { compareVersions, formatGithub } from './compatibility.ts';

const directory = mkdtempSync(join(tmpdir(), 'tidemark-breaking-references-'));
afterAll(() => rmSync(directory, { recursive: true }));

const split = shopWith({ '/components/schemas/OrderLine': { $ref: './line.yaml' } }).text;

function write(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

const line = (tag: string): string =>
  `type: object\nadditionalProperties: false\nrequired: [tag]\ndescription: One article.\nproperties: { tag: { type: ${tag}, description: What kind. } }\n`;

test('a change in a referenced file is found, and splitting a contract into files is not a change', async () => {
  write('line.yaml', line('string'));
  const contract = write('shop.yaml', split);
  const whole = { name: 'whole.yaml', text: shopWith({}).text, file: join(directory, 'whole.yaml') };
  expect((await compareVersions({ against: whole, contract })).findings).toEqual([]);

  write('line.yaml', line('boolean'));
  const report = await compareVersions({ against: whole, contract });
  const breaking = report.findings.filter(({ severity }) => severity === 'breaking');
  expect(breaking).not.toEqual([]);
  for (const { was, now } of breaking) {
    expect(was).not.toHaveProperty('file');
    expect(now).toMatchObject({ file: join(directory, 'line.yaml'), line: 5 });
  }
  expect(formatGithub(report)).toContain(`::error file=${join(directory, 'line.yaml')},line=5,title=`);
});

test('an older version from an address must be one file', async () => {
  write('line.yaml', line('string'));
  const contract = write('shop.yaml', split);
  await expect(compareVersions({ against: { name: 'v1', text: split }, contract })).rejects.toThrow(
    /^v1:\d+ reference \/components\/schemas\/OrderLine\/\$ref: refers to \.\/line\.yaml, which is in another file, and only one file is read/,
  );
  const file = join(directory, 'shop.yaml');
  expect((await compareVersions({ against: { name: 'v1', text: split, file }, contract })).findings).toEqual([]);
});
