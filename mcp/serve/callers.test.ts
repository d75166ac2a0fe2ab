import { expect, test } from 'vitest';
import { CliError } from '../../src/cli/exit.ts';
import { readCallers } from './callers.ts';

test('a file of callers that cannot be read is wrong usage, and is named', async () => {
  const failure = await readCallers('/nowhere/callers.json').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CliError);
  expect(failure).toMatchObject({ exitCode: 2, message: expect.stringContaining('--callers /nowhere/callers.json') });
});
