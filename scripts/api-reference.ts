/**
 * `npm run docs:api`: writes docs/api/, the reference of the exports for host programs and clients, from the
 * docstrings. With `--check`, it writes nothing, and fails if a page is outdated.
 *
 * TypeDoc uses the JavaScript API of TypeScript, which TypeScript 7 does not have. Therefore the script installs TypeDoc with its own
 * TypeScript 6 into a separate directory, once for each version of TypeDoc.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './processes.ts';
import { ROOT } from './ci-counts.ts';

const TOOLS = ['typedoc@0.28.20', 'typedoc-plugin-markdown@4.14.1', 'typescript@6.0.3'] as const;
const HOME = resolve(ROOT, 'node_modules/.cache/tidemark', TOOLS.join('+'));
const TARGET = resolve(ROOT, 'docs/api');

interface Part {
  readonly folder: string;
  readonly title: string;
  readonly entryPoints: readonly string[];
}

const PARTS: readonly Part[] = [
  {
    folder: 'host',
    title: 'Host programs: the package tidemark',
    entryPoints: [
      'src/gateway.ts',
      'src/errors.ts',
      'src/catalogue/built-contract.ts',
      'src/sources/watched-directory.ts',
      'src/broker/redis/redis-broker.ts',
      'src/auth/configured-authenticator.ts',
      'src/auth/key-file.ts',
      'src/auth/scope.ts',
    ],
  },
  {
    folder: 'client',
    title: 'Clients: the package tidemark-client',
    entryPoints: [
      'generated/client.ts',
      'generated/mirror.ts',
      'generated/streams.ts',
      'generated/runtime/diagnose.ts',
    ],
  },
];

await installTools();
const written = await mkdtemp(join(tmpdir(), 'tidemark-api-'));
try {
  for (const part of PARTS) await document(part);
  if (process.argv.includes('--check')) await check();
  else {
    await rm(TARGET, { recursive: true, force: true });
    await cp(written, TARGET, { recursive: true });
    console.log(`docs/api: ${(await pagesBelow(TARGET)).length} pages.`);
  }
} finally {
  await rm(written, { recursive: true });
}

async function installTools(): Promise<void> {
  if (existsSync(join(HOME, 'node_modules/.bin/typedoc'))) return;
  await mkdir(HOME, { recursive: true });
  await writeFile(join(HOME, 'package.json'), '{ "private": true }\n');
  await run(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--save-exact', ...TOOLS], {
    cwd: HOME,
  });
}

async function document({ folder, title, entryPoints }: Part): Promise<void> {
  const tsconfig = join(HOME, `tsconfig.${folder}.json`);
  const files = entryPoints.map((path) => resolve(ROOT, path));
  const compilerOptions = { typeRoots: [resolve(ROOT, 'node_modules/@types')] };
  await writeFile(
    tsconfig,
    JSON.stringify({ extends: resolve(ROOT, 'tsconfig.json'), compilerOptions, files, include: [] }),
  );
  const options = {
    tsconfig,
    name: title,
    entryPoints: files,
    out: join(written, folder),
    plugin: [join(HOME, 'node_modules/typedoc-plugin-markdown/dist/index.js')],
    readme: 'none',
    router: 'module',
    disableSources: true,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    useCodeBlocks: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    validation: { notExported: false },
  };
  const file = join(HOME, `typedoc.${folder}.json`);
  await writeFile(file, JSON.stringify(options));
  await run([process.execPath, join(HOME, 'node_modules/typedoc/bin/typedoc'), '--options', file], { cwd: ROOT });
}

async function check(): Promise<void> {
  const pages = new Set([...(await pagesBelow(written)), ...(await pagesBelow(TARGET))]);
  const read = (folder: string, page: string): Promise<string | undefined> =>
    readFile(join(folder, page), 'utf8').catch(() => undefined);
  const stale: string[] = [];
  for (const page of pages) if ((await read(written, page)) !== (await read(TARGET, page))) stale.push(page);
  for (const page of stale) console.error(`docs/api/${page} is outdated: it differs from the docstrings.`);
  if (stale.length > 0) console.error('Run `npm run docs:api` and commit the result.');
  process.exitCode = stale.length > 0 ? 3 : 0;
}

async function pagesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
