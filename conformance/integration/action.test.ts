/**
 * Tests the composite action: runs its script as a GitHub runner would, but with the suite in this repository instead
 * of the package.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { serveFailing } from '../testing/failing-server.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly { readonly run?: string; readonly env?: object }[];
  };
}

test('writes reports, shows each cause as an annotation, and exits as the suite does', async () => {
  const { inputs, runs } = parse(readFileSync(path('../action/action.yml'), 'utf8')) as Action;
  const [step] = runs.steps;
  expect(runs.using).toBe('composite');
  expect(Object.keys(step?.env ?? {})).toEqual(Object.keys(inputs).map((name) => name.toUpperCase()));
  const cwd = mkdtempSync(join(tmpdir(), 'action-'));
  const silent = await serveFailing({});
  const script = spawn('bash', ['-e', '-o', 'pipefail', '-c', step?.run ?? 'false'], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      TIDEMARK: `${process.execPath} ${path('../../bin/tidemark.js')}`,
      URL: silent.url,
      CONFIG: '',
      VERSION: inputs['version']?.default,
      ARGUMENTS: '--time-scale 0.2 --only ping/*',
      DIRECTORY: inputs['directory']?.default,
      GITHUB_STEP_SUMMARY: join(cwd, 'summary.md'),
    },
  });
  let stdout = '';
  script.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  const [code] = (await once(script, 'close')) as [number | null];
  await silent.stop();
  expect(code).toBe(3);
  expect(stdout).toMatch(/^::error title=no welcome within 1000 ms%3A nothing arrived::FAIL probe\/welcome: .*%0A/m);
  expect(readFileSync(join(cwd, 'summary.md'), 'utf8')).toContain('### 1. no welcome within 1000 ms: nothing arrived');
  for (const file of ['conformance.xml', 'conformance.html', 'conformance.ctrf.json', 'conformance.md'])
    expect(readFileSync(join(cwd, 'conformance-report', file), 'utf8')).toContain('probe/welcome');
});
