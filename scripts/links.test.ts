import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { manifestOf, PACKAGE_DIRECTORIES } from './packages.ts';
import { ROOT } from './ci-counts.ts';

const execute = promisify(execFile);

async function trackedPages(): Promise<readonly string[]> {
  const { stdout } = await execute('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
    cwd: ROOT,
  });
  return stdout.split('\n').filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

/** Links to files, without links within a page or to other sites. */
function linksOf(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

test('every link of a page leads to a file of the repository', async () => {
  const pages = await trackedPages();
  expect(pages).toContain('README.md');
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter((target) => !existsSync(resolve(ROOT, posix.dirname(page), target)))
      .map((target) => `${page} → ${target}`),
  );
  expect(broken).toEqual([]);
});

test('every decision has a unique number, with which its title begins', async () => {
  const pages = (await trackedPages()).filter((page) => /^docs\/decisions\/\d/.test(page));
  const numbers = pages.map((page) => Number(posix.basename(page).slice(0, 4)));
  expect(numbers.length).toBeGreaterThan(0);
  expect(numbers).toEqual([...new Set(numbers)]);
  for (const [at, page] of pages.entries()) {
    expect(readFileSync(join(ROOT, page), 'utf8')).toMatch(new RegExp(`^# ${numbers[at]}\\. \\S`));
  }
});

describe('the packages', () => {
  test('have the same version, licence and home', () => {
    const facts = PACKAGE_DIRECTORIES.map((directory) => {
      const { name: _name, ...manifest } = manifestOf(directory);
      const { version, license, homepage, bugs, repository } = manifest;
      return { version, license, homepage, bugs, repository: repository.url };
    });
    expect(facts).toEqual(facts.map(() => facts[0]));
  });

  test('have the same licence text and a README each', () => {
    const licence = readFileSync(join(ROOT, 'LICENSE'), 'utf8');
    for (const directory of PACKAGE_DIRECTORIES) {
      expect(readFileSync(join(ROOT, directory, 'LICENSE'), 'utf8')).toBe(licence);
      expect(readFileSync(join(ROOT, directory, 'README.md'), 'utf8')).toContain(`# `);
    }
  });

  test('have keywords, and pin every dependency to one version', () => {
    for (const directory of PACKAGE_DIRECTORIES) {
      const { keywords, dependencies = {} } = manifestOf(directory);
      expect(keywords.length).toBeGreaterThan(2);
      for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });
});
