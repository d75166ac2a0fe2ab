/**
 * Prints the directory with the documentation of the contract in this clone, and writes it there first if a source has
 * changed.
 *
 *     node codegen/site/cached.ts
 *
 * A gateway in a clone runs this program in a separate process, so that no build is needed and the event loop of the
 * gateway is not blocked. The name of the directory is the digest of all sources of the pages, so gateways with
 * different sources use different directories.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/tidemark-docs');
const SOURCES = [
  'asyncapi.yaml',
  'docs/**/*.{md,svg}',
  'conformance/tapes/**/*.ndjson',
  'codegen/**/*.ts',
  'package-lock.json',
];
const UNUSED_MS = 86_400_000;

process.stdout.write(`${await cachedSite()}\n`);

async function cachedSite(): Promise<string> {
  const directory = join(CACHE, await digestOfSources());
  if (!(await markUsed(directory))) await render(directory);
  return directory;
}

/** @returns whether the directory exists */
async function markUsed(directory: string): Promise<boolean> {
  const now = new Date();
  return utimes(directory, now, now).then(
    () => true,
    () => false,
  );
}

async function digestOfSources(): Promise<string> {
  const files = globSync(SOURCES, {
    cwd: ROOT,
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.test.ts'],
  }).toSorted();
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(ROOT, file)));
  return hash.digest('hex').slice(0, 24);
}

/**
 * Writes the site beside the target and then renames it, so that no gateway sees an incomplete site. If several
 * processes write the same site, the first one keeps its copy, and the others remove theirs.
 */
async function render(directory: string): Promise<void> {
  // Load these modules only when needed, because the site usually exists already.
  const [{ stockSite }, { writeSite }] = await Promise.all([import('./build.ts'), import('./write.ts')]);
  await mkdir(CACHE, { recursive: true });
  const fresh = await mkdtemp(join(CACHE, 'new-'));
  await writeSite(await stockSite(), fresh);
  await rename(fresh, directory).catch(async (error: unknown) => {
    await rm(fresh, { recursive: true });
    if (!existsSync(directory)) throw error;
  });
  await removeUnused();
}

/**
 * Removes each site that no gateway has started to use within the last day. If an older gateway still needs the site, the gateway runs
 * this program again, and the site is written again. The directory is renamed first, so that no gateway finds an incomplete site.
 */
async function removeUnused(): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const path = join(CACHE, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs <= UNUSED_MS) continue;
    const removed = join(CACHE, `old-${process.pid}-${name}`);
    // Another process may be removing the same directory.
    await rename(path, removed).catch(() => undefined);
    await rm(removed, { recursive: true, force: true });
  }
}
