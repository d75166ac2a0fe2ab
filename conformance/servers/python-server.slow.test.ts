import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PYTHON_PROGRAM } from '../../scripts/python.ts';

test('the Python server passes its own tests', async () => {
  const { stderr } = await promisify(execFile)(
    PYTHON_PROGRAM,
    ['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'],
    {
      cwd: join(import.meta.dirname, 'python'),
    },
  );
  expect(stderr).toMatch(/\nOK\n$/);
}, 900_000);
