import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PYTHON_PROGRAM } from '../scripts/python.ts';

const PYRIGHT = createRequire(import.meta.url).resolve('pyright');
const CLIENT = fileURLToPath(new URL('../generated/python/tidemark_client', import.meta.url));

test('pyright finds no fault in the Python client, in strict mode', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pyright-'));
  const project = join(directory, 'pyrightconfig.json');
  // In the configuration of pyright, paths must be relative to the configuration file.
  const include = [relative(directory, CLIENT)];
  writeFileSync(project, JSON.stringify({ include, typeCheckingMode: 'strict', pythonVersion: '3.11' }));
  const { stdout } = spawnSync(process.execPath, [PYRIGHT, '-p', project, '--pythonpath', PYTHON_PROGRAM], {
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/^0 errors, 0 warnings/m);
  expect(stdout).not.toContain('No source files found');
}, 600_000);
