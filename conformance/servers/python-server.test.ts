import { join } from 'node:path';
import { expect, test } from 'vitest';
import { typeFaults } from '../../scripts/python.ts';

test('mypy --strict accepts the Python server, its mutants and its tests', async () => {
  expect(await typeFaults(['.'], { cwd: join(import.meta.dirname, 'python') })).toBe('');
}, 240_000);
