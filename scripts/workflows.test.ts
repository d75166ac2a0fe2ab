/** The workflow files of the public CI, which do not run here. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHROMIUM, TOOLS } from './tools.ts';

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

const DIRECTORY = new URL('../.github/workflows/', import.meta.url);

/** The commands of each job that runs the whole CI. */
const JOBS = readdirSync(DIRECTORY).flatMap((file) => {
  const { jobs } = parse(readFileSync(new URL(file, DIRECTORY), 'utf8')) as Workflow;
  const commands = Object.entries(jobs).map(([name, { steps }]) => [name, steps.map(({ run = '' }) => run)] as const);
  return commands.filter(([, lines]) => lines.includes('bash .ci/run'));
});

describe('a job of the public CI that runs everything', () => {
  test.each(JOBS)('%s installs every program that the tests need', (_name, lines) => {
    const installed = lines.filter((line) => line.includes('apt-get install')).flatMap((line) => line.split(' '));
    const wanted = TOOLS.filter((tool) => tool !== CHROMIUM).map(({ debianPackage }) => debianPackage);
    expect(wanted.filter((each) => !installed.includes(each))).toEqual([]);
  });

  test('exists, for changes and for releases', () => {
    expect(JOBS.map(([name]) => name).toSorted()).toEqual(['everything', 'publish']);
  });
});
