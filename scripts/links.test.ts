import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/** What links lead to in a clone only: sources, and the tapes and types that the reference names beside each message. */
const IN_A_CLONE = /^(?:src\/|generated\/types\.ts$|conformance\/tapes\/)/;

interface Manifest {
  readonly files: readonly { readonly path: string }[];
}

/** The paths that a package would hold. */
async function packed(directory: string): Promise<readonly string[]> {
  const argv = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = await promisify(execFile)('npm', argv, { cwd: directory });
  // A list of packages, or, from newer versions of npm, packages by name.
  const manifests = Object.values(JSON.parse(stdout) as Record<string, Manifest>);
  return manifests.flatMap(({ files }) => files.map(({ path }) => path));
}

/** Links to files; those within a page and to other places are left out. */
async function linksOf(directory: string, page: string): Promise<readonly { page: string; target: string }[]> {
  const text = await readFile(join(directory, page), 'utf8');
  const targets = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => ({ page, target: posix.join(posix.dirname(page), target) }));
}

test.each([
  ['tidemark', ROOT, 'docs/tutorials/first-events.md'],
  ['tidemark-client', join(ROOT, 'generated'), 'contract.json'],
])('the package %s holds every page that its pages link to', async (_name, directory, known) => {
  const files = await packed(directory);
  expect(files).toContain('README.md');
  expect(files).toContain(known);
  const pages = files.filter((path) => path.endsWith('.md') && !path.startsWith('dist/'));
  const links = (await Promise.all(pages.map((page) => linksOf(directory, page)))).flat();
  const holds = (target: string): boolean =>
    files.some((path) => path === target || path.startsWith(`${target.replace(/\/$/, '')}/`));
  expect(links.filter(({ target }) => !holds(target) && !IN_A_CLONE.test(target))).toEqual([]);
});
