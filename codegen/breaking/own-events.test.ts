import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareVersions, formatGithub, formatText } from './compatibility.ts';
import type { CompatibilityFinding } from './finding.ts';

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-own-breaking-'));
});
afterAll(() => rm(home, { recursive: true }));

const own = (required: string): string => `asyncapi: 3.0.0
info: { title: Acme events, version: 1.0.0 }
x-extends: tidemark
components:
  messages:
    build_finished:
      summary: A build ended.
      x-replay: { policy: latest-per-key, key: /payload/target }
      x-filterable: { targets: [/payload/target] }
      payload:
        type: object
        required: [${required}]
        properties: { target: { type: string }, ok: { type: boolean } }
`;

test('own-events documents are compared after the merge, and findings have lines of the documents themselves', async () => {
  const contract = join(home, 'own.yaml');
  await writeFile(contract, own('target'));
  const report = await compareVersions({ against: { name: 'v1', text: own('target, ok') }, contract });
  expect(breaking(report)).toMatchObject([
    { rule: 'required-removed', usedBy: ['event build_finished'], was: { line: 12 }, now: { line: 12 } },
  ]);
});

/** A document whose payload is in a second file, and which extends a third one. */
const SPLIT = own('target')
  .replace('x-extends: tidemark', 'x-extends: ../base.yaml')
  .replace(/payload:\n[^]*$/, 'payload: { $ref: ./schemas/build.json }\n');
const BASE = own('target').replace('build_finished', 'deployed');
const buildRequires = (...required: readonly string[]): string =>
  JSON.stringify({ type: 'object', required, properties: { target: { type: 'string' }, ok: { type: 'boolean' } } });

/** Writes the document and the files that it refers to. @returns the path of the document */
async function writeSplit(version: string, schema: string): Promise<string> {
  const directory = join(home, version);
  await mkdir(join(directory, 'api/schemas'), { recursive: true });
  await writeFile(join(directory, 'base.yaml'), BASE);
  await writeFile(join(directory, 'api/schemas/build.json'), schema);
  await writeFile(join(directory, 'api/events.yaml'), SPLIT);
  return join(directory, 'api/events.yaml');
}

const breaking = ({ findings }: { readonly findings: readonly CompatibilityFinding[] }): CompatibilityFinding[] =>
  findings.filter(({ severity }) => severity === 'breaking');

test('files that the older document refers to are read beside that document', async () => {
  const file = await writeSplit('old', buildRequires('target', 'ok'));
  const against = { name: 'old', text: SPLIT, file };
  expect((await compareVersions({ against, contract: file })).findings).toEqual([]);
  const contract = await writeSplit('new', buildRequires('target'));
  const report = await compareVersions({ against, contract });
  const [was, now] = ['old', 'new'].map((version) => join(home, version, 'api/schemas/build.json'));
  const pointer = '/required';
  expect(breaking(report)).toMatchObject([
    {
      rule: 'required-removed',
      summary: 'ok is now optional',
      usedBy: ['event build_finished'],
      was: { file: was, line: 1, pointer },
      now: { file: now, line: 1, pointer },
    },
  ]);
  expect(formatText(report)).toContain(
    `\n  old  ${was}:1 /required = ["target","ok"]\n  new  ${now}:1 /required = ["target"]\n`,
  );
  expect(formatGithub(report)).toContain(`file=${now},line=1,`);
  expect(formatGithub(report)).toContain('%0A/required (event build_finished)');
});

test('an older document from an address must not refer to other files', async () => {
  const contract = await writeSplit('new', buildRequires('target'));
  const alone = 'which is in another file, and only one file is read from an address. ';
  const name = 'https://acme.example/events.yaml';
  const compare = (text: string) => compareVersions({ against: { name, text }, contract });
  await expect(compare(SPLIT)).rejects.toThrow(`${name}:3 extends /x-extends: is ../base.yaml, ${alone}`);
  await expect(compare(SPLIT.replace('../base.yaml', 'tidemark'))).rejects.toThrow(
    `${name}:10 schema-ref /components/messages/build_finished/payload/$ref: refers to ./schemas/build.json, ${alone}`,
  );
});

test('recorded frames that are no longer valid are named below the change, also if it is in another file', async () => {
  const file = await writeSplit('lax', buildRequires('target'));
  const contract = await writeSplit('strict', buildRequires('target', 'ok'));
  const tapes = join(home, 'tapes');
  await mkdir(join(tapes, 'broadcast'), { recursive: true });
  const data = { event: 'build_finished', payload: { target: 'web' } };
  const lines = [
    { tape: 1, id: 'broadcast/build', clauses: ['BRD-1'], level: 'must', why: 'A build.', actors: { alice: {} } },
    { as: 'alice', send: { type: 'broadcast', id: '1', data } },
  ];
  await writeFile(join(tapes, 'broadcast/build.ndjson'), lines.map((line) => JSON.stringify(line)).join('\n'));
  const report = await compareVersions({ against: { name: 'lax', text: SPLIT, file }, contract, tapes });
  expect(breaking(report)).toMatchObject([{ rule: 'required-added', tapes: ['broadcast/build:2'] }]);
});
