import { describe, expect, test } from 'vitest';
import { CLAUSES } from '../../../generated/protocol.ts';
import { suite } from '../../testing/processes.ts';
import { LANGUAGES, checkPatches, listClientMutants } from './patched-sdk.ts';

describe.each(LANGUAGES)('the client mutants in %s', (language) => {
  test('can all be made from the current sources of the SDK', async () => {
    const mutants = await listClientMutants(language);
    expect(mutants.length).toBeGreaterThanOrEqual(25);
    for (const mutant of mutants) await checkPatches(language, mutant);
  });

  test('break every clause that clients must satisfy', async () => {
    const broken = new Set((await listClientMutants(language)).map(({ clause }) => clause));
    const kept = Object.entries(CLAUSES).flatMap(([id, { observable }]) => (observable === 'server' ? [id] : []));
    expect(kept.filter((clause) => !broken.has(clause))).toEqual([]);
  });

  test('include one that swaps two events, which only the check of the order detects', async () => {
    const { stdout } = await suite('client-mutants', '--language', language, '--only', 'swaps-events', '--json');
    expect(JSON.parse(stdout)).toMatchObject([{ outcome: 'killed', by: ['invariants/handed-over-in-order'] }]);
  }, 900_000);

  test('are killed by a check of their clause', async () => {
    const { code, stdout } = await suite('client-mutants', '--language', language, '--sample', '3', '--seed', '2');
    expect(stdout).toContain('3 of 3 client mutants killed by a check of their clause');
    expect(code).toBe(0);
  }, 900_000);
});

test('a text that the SDK does not contain exactly once is an error that names file and text', async () => {
  const mutant = {
    name: 'x',
    clause: 'CLI-1',
    what: '',
    patches: [{ file: 'client.ts', find: 'no such', replace: '' }],
  };
  await expect(checkPatches('typescript', mutant)).rejects.toThrow(
    /client\.ts must contain this text exactly once.*no such/,
  );
});
