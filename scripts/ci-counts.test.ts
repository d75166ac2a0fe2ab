import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT, countsOfVitest } from './ci-counts.ts';

/** Runs vitest on these test files. @returns its report */
async function reportOn(files: Readonly<Record<string, string>>): Promise<unknown> {
  const directory = mkdtempSync(resolve(tmpdir(), 'tidemark-counts-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(resolve(directory, name), text);
  const report = resolve(directory, 'report.json');
  const vitest = resolve(ROOT, 'node_modules/vitest/vitest.mjs');
  const options = ['run', '--root', directory, '--globals', '--reporter', 'json', '--outputFile', report];
  await once(spawn(process.execPath, [vitest, ...options], { stdio: 'ignore' }), 'exit');
  return JSON.parse(readFileSync(report, 'utf8'));
}

test('a test file that does not load counts as one failure, beside the failed tests of other files', async () => {
  const report = await reportOn({
    'mixed.test.js': `
      test('passes', () => undefined);
      describe('failures', () => {
        test('one', () => { throw new Error('one'); });
        test('two', () => { throw new Error('two'); });
      });`,
    'unloaded.test.js': "throw new Error('This file does not load.');",
    'hook.test.js': `
      beforeAll(() => { throw new Error('This hook fails.'); });
      test('does not run', () => undefined);`,
  });
  expect(countsOfVitest(report)).toEqual({ passed: 1, failed: 4 });
});
