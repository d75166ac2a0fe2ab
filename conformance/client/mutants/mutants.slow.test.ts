import { expect, test } from 'vitest';
import { suite } from '../../testing/processes.ts';
import { LANGUAGES } from './patched-sdk.ts';

test.each(LANGUAGES)(
  'every client mutant in %s is killed, and the unchanged SDK passes',
  async (language) => {
    const { code, stdout } = await suite('client-mutants', '--language', language);
    expect(stdout).toMatch(/\b(\d+) of \1 client mutants killed by a check of their clause$/m);
    expect(code).toBe(0);
  },
  1_800_000,
);
