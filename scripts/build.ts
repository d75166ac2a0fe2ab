/**
 * `npm run build`: the sources to dist/, the client to generated/dist/.
 *
 * dist/ has the shape of the clone, so that a path that a module builds from its own place means the same in both: whatever
 * a module reads beside itself (Lua scripts, pages, templates, tapes, the contract) is copied to the same place under dist/.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ROOT } from './report.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly imports: Readonly<Record<string, string>>;
}

const DIST = resolve(ROOT, 'dist');
const CLIENT_DIST = resolve(ROOT, 'generated/dist');
/** What tsc neither reads nor writes, but a module at run time does. */
const ASSETS = [
  'asyncapi.yaml',
  'src/**/*.{lua,html,css,svg,js}',
  'codegen/template/**/*',
  'codegen/runtime/**/*.ts',
  'conformance/tapes/**/*',
  'conformance/**/*.{json,ndjson,yaml,html,py}',
  'generated/**/*.{js,d.ts,json}',
  'docs/reference/**/*',
];
const NEVER = [
  '**/node_modules/**',
  '**/dist/**',
  '**/*.test.ts',
  '**/fixtures/**',
  '**/testing/**',
  'generated/package.json',
];

for (const directory of [DIST, CLIENT_DIST]) rmSync(directory, { recursive: true, force: true });
compile('tsconfig.build.json');
compile('src/http/console/tsconfig.json');
copy(ASSETS, DIST, ROOT);
writeScope();
compile('tsconfig.client.json');
copy(['*.{js,d.ts}'], CLIENT_DIST, resolve(ROOT, 'generated'));
copy(['LICENSE'], CLIENT_DIST, ROOT);

function compile(project: string): void {
  const { status } = spawnSync('tsc', ['-p', project], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function copy(patterns: readonly string[], into: string, from: string): void {
  for (const entry of globSync([...patterns], { cwd: from, exclude: NEVER, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = resolve(entry.parentPath, entry.name);
    const target = resolve(into, source.slice(from.length + 1));
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    cpSync(source, target);
  }
}

/** dist/ is a package scope of its own: `#emit` and its like name the compiled files there, and the sources in a clone. */
function writeScope(): void {
  const { name, version, type, imports } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as Manifest;
  const compiled = Object.fromEntries(
    Object.entries(imports).map(([key, path]) => [key, path.replace(/\.ts$/, '.js')]),
  );
  writeFileSync(
    resolve(DIST, 'package.json'),
    `${JSON.stringify({ name, version, type, imports: compiled }, null, 2)}\n`,
  );
}
