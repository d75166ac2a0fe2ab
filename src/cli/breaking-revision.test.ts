/** Runs `tidemark breaking` against revisions of a real Git repository whose contracts consist of several files. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { run } from '../../codegen/testing/compile.ts';
import { shopWith } from '../../codegen/testing/shop.ts';
import { CliRunner } from '../testing/cli-process.ts';

let home: string;
let runner: CliRunner;

const ownEvents = (base: string, event: string, payload: string): string => `asyncapi: 3.0.0
info: { title: Acme events, version: 1.0.0 }
x-extends: ${base}
components:
  messages:
    ${event}: { summary: It happened., payload: ${payload} }
`;
const requires = (...required: readonly string[]): string =>
  JSON.stringify({ type: 'object', required, properties: { target: { type: 'string' }, ok: { type: 'boolean' } } });
const line = (type: string): string =>
  `type: object\nadditionalProperties: false\nrequired: [tag]\ndescription: One article.\nproperties: { tag: { type: ${type}, description: What kind. } }\n`;

/** The files of the revision `v1`. */
const FILES: Readonly<Record<string, string>> = {
  'base.yaml': ownEvents('tidemark', 'deployed', requires('target')),
  'api/events.yaml': ownEvents('../base.yaml', 'built', '{ $ref: ./schemas/build.json }'),
  'api/schemas/build.json': requires('target', 'ok'),
  'shop/shop.yaml': shopWith({ '/components/schemas/OrderLine': { $ref: './line.yaml' } }).text,
  'shop/line.yaml': line('string'),
  'api/inline.yaml': ownEvents('tidemark', 'built', requires('target')),
  'api/gone.yaml': ownEvents('tidemark', 'built', '{ $ref: ./schemas/gone.json }'),
  'api/outside.yaml': ownEvents('tidemark', 'built', '{ $ref: ../../outside.json }'),
  'api/half.yaml': ownEvents('tidemark', 'built', '{ $ref: ./schemas/half.json }'),
  'api/schemas/half.json': '{"type": [',
};

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, 'repository', name)), { recursive: true });
    await writeFile(join(home, 'repository', name), text);
  }
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-cli-revision-'));
  runner = new CliRunner(join(home, 'repository'));
  await write(FILES);
  for (const argv of [
    ['init', '-q'],
    ['add', '.'],
    ['commit', '-qm', 'first'],
    ['tag', 'v1'],
  ]) {
    const git = ['git', '-c', 'user.name=a', '-c', 'user.email=a@localhost', ...argv];
    const { code, output } = await run(git, { cwd: join(home, 'repository') });
    if (code !== 0) throw new Error(`${git.join(' ')} failed: ${output}`);
  }
  // These files exist only in the working tree or outside the repository, so they must not be read for the older version.
  await write({ 'api/schemas/gone.json': requires('target'), '../outside.json': requires('target') });
  await write({ 'api/new.yaml': ownEvents('tidemark', 'built', requires('target')) });
});
afterEach(() => runner.close());
afterAll(() => rm(home, { recursive: true }));

const compare = (against: string, contract: string, cwd = '.') =>
  runner.finish(['breaking', '--against', against, '--contract', contract], { cwd: join(home, 'repository', cwd) });

test('an own-events document and the files that it refers to are read from the same revision', async () => {
  await write(FILES);
  const same = 'events.yaml do not differ on the wire.\n';
  for (const [against, cwd] of [
    ['v1', '.'],
    ['HEAD:api/events.yaml', '.'],
    ['v1:./events.yaml', 'api'],
    [':api/events.yaml', 'api'],
  ] as const) {
    const contract = cwd === '.' ? 'api/events.yaml' : 'events.yaml';
    expect(await compare(against, contract, cwd)).toMatchObject({ code: 0, stdout: expect.stringContaining(same) });
  }
  await write({
    'api/schemas/build.json': requires('target'),
    'base.yaml': ownEvents('tidemark', 'deployed', requires()),
  });
  const changed = await compare('v1', 'api/events.yaml');
  expect(changed).toMatchObject({ code: 3, stderr: '' });
  expect(changed.stdout).toContain('BREAKING required-removed: ok is now optional');
  expect(changed.stdout).toContain('BREAKING required-removed: target is now optional');
});

test('a contract in several files is read from one revision', async () => {
  await write(FILES);
  expect(await compare('v1', 'shop/shop.yaml')).toMatchObject({ code: 0 });
  await write({ 'shop/line.yaml': line('boolean') });
  const { code, stdout } = await compare('v1:shop/shop.yaml', 'shop/shop.yaml');
  expect({ code, stdout }).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('BREAKING enum-added: only the values [true,false] are now valid'),
  });
  expect(stdout).toContain('old  v1:shop/line.yaml:5 /properties/tag/type = "string"');
  expect(stdout).toMatch(/new {2}\S*repository\/shop\/line\.yaml:5 \/properties/);
});

test('the report names the file that was read, by its path from the top of the repository', async () => {
  await write({ ...FILES, 'api/inline.yaml': ownEvents('tidemark', 'built', requires()) });
  for (const [against, contract, cwd] of [
    ['v1', 'api/inline.yaml', '.'],
    ['v1', 'inline.yaml', 'api'],
    ['v1:./inline.yaml', 'inline.yaml', 'api'],
  ] as const) {
    const { code, stdout } = await compare(against, contract, cwd);
    expect({ code, old: /old {2}(\S+)/.exec(stdout)?.[1] }).toEqual({ code: 3, old: 'v1:api/inline.yaml:6' });
  }
});

test('an empty name is not the index: it is refused', async () => {
  for (const against of ['', ' '])
    expect(await compare(against, 'api/inline.yaml')).toEqual({
      code: 2,
      stdout: '',
      stderr: '--against is empty. Give a file, an http(s) address, REF, or REF:PATH.\n',
    });
});

test('a file that exists but cannot be read is not taken for a revision', async () => {
  await symlink('loop', join(home, 'repository', 'loop'));
  expect(await compare('loop', 'api/inline.yaml')).toEqual({
    code: 2,
    stdout: '',
    stderr: '--against: loop cannot be read: too many symbolic links encountered, ELOOP.\n',
  });
});

test('a revision is read if no file can have its name', async () => {
  await write(FILES);
  for (const against of [`v1${'^{}'.repeat(100)}`, 'v1:api/inline.yaml'])
    expect(await compare(against, 'api/inline.yaml')).toMatchObject({ code: 0 });
});

test('a reference that the revision cannot resolve is reported with its line and the reason', async () => {
  const refused = async (against: string): Promise<string> => {
    const { code, stdout, stderr } = await compare(against, 'api/new.yaml');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    return stderr;
  };
  const at = 'schema-ref /components/messages/built/payload/$ref: refers to';
  expect(await refused('v1:api/gone.yaml')).toBe(
    `v1:api/gone.yaml:6 ${at} ./schemas/gone.json, which cannot be read: path 'api/schemas/gone.json' exists on disk, but not in 'v1'. ` +
      'Correct the path, or compare with another revision.\n',
  );
  expect(await refused('v1:api/outside.yaml')).toBe(
    `v1:api/outside.yaml:6 ${at} ../../outside.json, which is outside the repository. Compare with a local file instead.\n`,
  );
  expect(await refused('v1:api/half.yaml')).toMatch(/^v1:api\/schemas\/half\.json:1 yaml \(top\): .*\n$/);
});
