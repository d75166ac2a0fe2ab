/**
 * `npm run release`: checks that a release is consistent, builds the five packages and lists what npm would publish.
 * `--tag vX.Y.Z` also compares the version with the tag. Nothing is published without `--publish`.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { manifestOf, PACKAGE_DIRECTORIES } from './packages.ts';
import { run } from './processes.ts';
import { ROOT } from './ci-counts.ts';

interface PublishedFile {
  readonly path: string;
}

interface Published {
  readonly name: string;
  readonly version: string;
  readonly size: number;
  readonly files: readonly PublishedFile[];
}

const { values } = parseArgs({ options: { tag: { type: 'string' }, publish: { type: 'boolean', default: false } } });
const { version, homepage } = manifestOf('.');

const faults = await findFaults();
// A dry run continues in spite of faults, to show what would be published.
if (values.publish && faults.length > 0) refuse();

await run(['npm', 'run', '--silent', 'build'], { cwd: ROOT, timeoutMs: 300_000 });
// The optional packages come first, because messages of the gateway ask users to install them.
for (const directory of PACKAGE_DIRECTORIES.toReversed()) await publish(directory);
if (faults.length > 0) refuse();
if (!values.publish) console.log(`\n${version} is ready. Nothing was published; see docs/guides/release.md.`);

function refuse(): never {
  console.error(`\n${version} cannot be released yet:`);
  for (const fault of faults) console.error(`- ${fault}`);
  process.exit(3);
}

async function findFaults(): Promise<readonly string[]> {
  const found: string[] = [];
  const contract = parse(readFileSync(resolve(ROOT, 'asyncapi.yaml'), 'utf8')) as { info: { version: string } };
  if (contract.info.version !== version)
    found.push(`asyncapi.yaml has version ${contract.info.version}, but package.json has ${version}`);
  for (const directory of PACKAGE_DIRECTORIES) {
    const other = manifestOf(directory);
    if (other.version !== version)
      found.push(`${other.name} has version ${other.version}, but tidemark has ${version}`);
  }
  if (values.tag !== undefined && values.tag !== `v${version}`)
    found.push(`the tag is ${values.tag}, but must be v${version}`);
  if (!readFileSync(resolve(ROOT, 'CHANGELOG.md'), 'utf8').includes(`\n## [${version}]`))
    found.push(`CHANGELOG.md has no section "## [${version}]"; rename "Unreleased" and add the date`);
  if ((await run(['git', 'status', '--porcelain'], { cwd: ROOT })) !== '')
    found.push('there are uncommitted changes; commit them first');
  if (values.publish && new URL(homepage).hostname.endsWith('.example'))
    found.push(`homepage is the placeholder ${homepage}; set homepage, bugs and repository of every package first`);
  return found;
}

async function publish(directory: string): Promise<void> {
  const flags = values.publish ? ['--provenance', '--access', 'public'] : ['--dry-run'];
  const output = await run(['npm', 'publish', '--json', '--ignore-scripts', ...flags], {
    cwd: resolve(ROOT, directory),
    timeoutMs: 300_000,
  });
  const report = JSON.parse(output) as Published | Readonly<Record<string, Published>>;
  const [{ name, size, files }] = 'files' in report ? [report as Published] : (Object.values(report) as [Published]);
  const folders = Map.groupBy(files, ({ path }) =>
    path
      .split('/')
      .slice(0, path.startsWith('dist/') ? 2 : 1)
      .join('/'),
  );
  console.log(`\n${name}@${version}  ${Math.ceil(size / 1024)} KiB packed, ${files.length} files`);
  for (const [folder, held] of folders) console.log(`  ${folder}${held.length > 1 ? ` (${held.length} files)` : ''}`);
}
