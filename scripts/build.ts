/**
 * `npm run build`: compiles each of the five packages into its own dist/. `npm run build -- client` builds only the client.
 *
 * The gateway, the suite and the MCP server find files by paths relative to a module. Therefore their dist/ has the same layout as the
 * clone. Files that a module reads at run time (Lua scripts, pages, tapes, the contract) are copied to the same place under dist/.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { stockSite } from '../codegen/site/build.ts';
import { readRepository } from '../codegen/site/sources.ts';
import { writeCompressedSite } from '../codegen/site/write.ts';
import { ROOT } from './ci-counts.ts';

interface Copy {
  /** Glob patterns of files, relative to `from`. */
  readonly patterns: readonly string[];
  /** Directory below the root of the clone; the root itself by default. */
  readonly from?: string;
}

interface Package {
  readonly dist: string;
  readonly projects: readonly string[];
  /** Packages whose declarations are needed to compile this package. They are built first. */
  readonly needs?: readonly string[];
  /** Files that tsc ignores but that a module reads at run time. */
  readonly copies: readonly Copy[];
  /** Files that are copied to another path: by path in the clone, the path relative to `dist`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Writes further files into the directory of the package. */
  readonly write?: (dist: string) => Promise<void> | void;
}

/** The generated files, without the JSON Schemas in subdirectories: only the client package publishes these. */
const GENERATED = 'generated/*.{js,d.ts,json}';

/**
 * The libraries that the console uses. The package contains them, so that an operator need not install them. It must contain their licences
 * too.
 */
const CONSOLE_LIBRARIES: Readonly<Record<string, string>> = {
  'node_modules/preact/dist/preact.mjs': 'src/http/console/vendor/preact.js',
  'node_modules/preact/LICENSE': 'src/http/console/vendor/preact.LICENSE',
  'node_modules/uplot/dist/uPlot.esm.js': 'src/http/console/vendor/uplot.js',
  'node_modules/uplot/dist/uPlot.min.css': 'src/http/console/vendor/uplot.css',
  'node_modules/uplot/LICENSE': 'src/http/console/vendor/uplot.LICENSE',
};

const PACKAGES: Readonly<Record<string, Package>> = {
  codegen: {
    dist: 'codegen/dist',
    projects: ['codegen/tsconfig.build.json', 'codegen/site/browser/tsconfig.json'],
    copies: [
      { patterns: ['runtime/**/*.ts', 'python/runtime/*.py'], from: 'codegen' },
      { patterns: ['asyncapi.yaml'] },
    ],
    // From these texts, the package builds the documentation site of a user's own contract.
    write: (dist) => writeFileSync(join(dist, 'site/sources.json'), JSON.stringify(readRepository(ROOT))),
  },
  gateway: {
    dist: 'dist',
    projects: ['tsconfig.build.json', 'src/http/console/tsconfig.json'],
    needs: ['codegen'],
    copies: [{ patterns: ['asyncapi.yaml', 'src/**/*.{lua,html,css,svg,js}', GENERATED, 'docs/reference/**/*'] }],
    files: CONSOLE_LIBRARIES,
    write: async (dist) => writeCompressedSite(await stockSite(), join(dist, 'docs-site')),
  },
  conformance: {
    dist: 'conformance/dist',
    projects: ['conformance/tsconfig.build.json'],
    copies: [{ patterns: ['conformance/tapes/**/*', 'conformance/**/*.{json,ndjson,yaml,html,py}', GENERATED] }],
  },
  client: {
    dist: 'generated/dist',
    projects: ['tsconfig.client.json'],
    copies: [{ patterns: ['*.{js,d.ts}'], from: 'generated' }],
  },
  mcp: {
    dist: 'mcp/dist',
    projects: ['mcp/tsconfig.build.json'],
    needs: ['codegen'],
    copies: [{ patterns: [GENERATED] }],
  },
};

const NEVER = [
  '**/node_modules/**',
  '**/dist/**',
  '**/*.test.ts',
  '**/fixtures/**',
  '**/testing/**',
  '**/package.json',
  '**/tsconfig*.json',
];

const built = new Set<string>();
const asked = process.argv.slice(2);
const unknown = asked.find((name) => PACKAGES[name] === undefined);
if (unknown === undefined) for (const name of asked.length === 0 ? Object.keys(PACKAGES) : asked) await build(name);
if (unknown !== undefined) {
  process.stderr.write(`Unknown package ${unknown}. Usage: npm run build [-- ${Object.keys(PACKAGES).join('|')}]\n`);
  process.exitCode = 2;
}

async function build(name: string): Promise<void> {
  const found = PACKAGES[name];
  if (found === undefined || built.has(name)) return;
  built.add(name);
  for (const needed of found.needs ?? []) await build(needed);
  const dist = resolve(ROOT, found.dist);
  rmSync(dist, { recursive: true, force: true });
  for (const project of found.projects) compile(project);
  for (const { patterns, from = '.' } of found.copies) copy(patterns, resolve(ROOT, from), dist);
  for (const [source, target] of Object.entries(found.files ?? {})) {
    mkdirSync(dirname(resolve(dist, target)), { recursive: true });
    cpSync(resolve(ROOT, source), resolve(dist, target));
  }
  await found.write?.(dist);
}

function compile(project: string): void {
  const { status } = spawnSync('tsc', ['-p', project], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function copy(patterns: readonly string[], from: string, into: string): void {
  for (const entry of globSync([...patterns], { cwd: from, exclude: NEVER, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = resolve(entry.parentPath, entry.name);
    const target = resolve(into, source.slice(from.length + 1));
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    cpSync(source, target);
  }
}
