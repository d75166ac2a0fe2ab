import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Mutant } from './host.ts';
import type { RightTrial } from './matrix.ts';
import { isProof, killOf, matrixOf, matrixText } from './matrix.ts';
import type { Check, Judgement } from './suite.ts';

const mutant: Mutant = { name: 'deaf', clause: 'ENV-3', what: 'nothing is answered' };

function judged(
  ...checks: readonly (readonly [id: string, verdict: string, clause?: string, level?: 'must' | 'should'])[]
): Judgement {
  const all = checks.map(([id, verdict, clause = 'ENV-3', level = 'must']): Check => ({
    id,
    verdict,
    clauses: [clause],
    level,
  }));
  return { exit: all.some(({ verdict }) => verdict === 'FAIL') ? 3 : 0, checks: all, text: '' };
}

describe('a mutant', () => {
  test('is killed only by a MUST check of the clause that it breaks', () => {
    const outcome = (...judgements: readonly Judgement[]): string => killOf({ mutant, judgements }).outcome;
    expect(outcome(judged(['ping/echo', 'FAIL']))).toBe('killed');
    expect(outcome(judged(['ping/echo', 'VACUOUS']))).toBe('survived');
    expect(outcome(judged(['ping/echo', 'FAIL', 'SUB-1']))).toBe('strayed');
    expect(outcome(judged(['ping/echo', 'FAIL', 'ENV-3', 'should']))).toBe('strayed');
    expect(outcome(judged(['ping/echo', 'PASS'], ['sync/x', 'INCONCLUSIVE', 'SYN-1']))).toBe('survived');
    expect(outcome(judged(['ping/echo', 'PASS']), judged(['ping/echo', 'FAIL']))).toBe('killed');
    expect(outcome({ ...judged(['ping/echo', 'FAIL']), exit: 1 })).toBe('broke');
  });

  test('is unjudged if a check of its clause had too little processor time', () => {
    const judgements = [judged(['ping/echo', 'PASS'], ['ping/other', 'INCONCLUSIVE'])];
    expect(killOf({ mutant, judgements })).toMatchObject({ outcome: 'unjudged', by: ['ping/other'] });
    expect(isProof(matrixOf({ checks: [], clauses: [] }, [{ mutant, judgements }], []), 'sample')).toBe(false);
  });

  test('of a SHOULD clause is killed by a warning of a SHOULD check', () => {
    const of = (clause: string): string =>
      killOf({ mutant: { ...mutant, clause }, judgements: [judged(['heartbeat/x', 'WARN', clause, 'should'])] })
        .outcome;
    expect([of('MUL-8'), of('ENV-3')]).toEqual(['killed', 'survived']);
  });

  test('survives, with the reason, when the suite cannot start', () => {
    const judgements = [{ exit: 5, checks: [], text: 'no welcome came' }];
    expect(killOf({ mutant, judgements })).toEqual({ mutant, outcome: 'survived', by: ['no welcome came'], red: [] });
  });
});

describe('a matrix', () => {
  const right: RightTrial = {
    variant: { name: 'shuffled', what: '', setup: 'open', deviation: [] },
    judgement: judged(['ping/echo', 'PASS']),
  };

  test('is a proof when every mutant is killed, every check kills one, and every correct server passes', () => {
    const matrix = matrixOf(
      { checks: ['ping/echo'], clauses: ['ENV-3'] },
      [{ mutant, judgements: [judged(['ping/echo', 'FAIL'])] }],
      [right],
    );
    expect(isProof(matrix, 'whole')).toBe(true);
    expect(matrixText(matrix, 1, 'whole')).toMatch(
      /1 of 1 mutants killed.*1 of 1 correct servers pass; 0 checks killed nothing$/,
    );
  });

  test('lists checks that kill nothing after a whole run, but not after a sample', () => {
    const checks = judged(
      ['ping/echo', 'FAIL'],
      ['ping/idle', 'PASS'],
      ['ping/other', 'N/A'],
      ['sync/x', 'FAIL', 'SYN-1'],
    );
    const all = ['ping/echo', 'ping/idle', 'ping/other', 'ping/unseen', 'sync/x'];
    const matrix = matrixOf({ checks: all, clauses: ['ENV-3'] }, [{ mutant, judgements: [checks] }], []);
    // `sync/x` fails only for a mutant of another clause. That failure does not show that `sync/x` tests its own clause.
    expect(matrix.idle).toEqual(['ping/idle', 'ping/unseen', 'sync/x']);
    expect(matrix.unused).toEqual(['ping/other']);
    expect([isProof(matrix, 'whole'), isProof(matrix, 'sample')]).toEqual([false, true]);
  });

  test('lists every check that killed a mutant when only a few mutants were chosen', () => {
    const checks = ['ping/a', 'ping/b', 'ping/c', 'ping/d', 'ping/mine'];
    const judgements = [judged(...checks.map((id) => [id, 'FAIL'] as const))];
    const matrix = matrixOf({ checks, clauses: ['ENV-3'] }, [{ mutant, judgements }], []);
    expect(matrixText(matrix, 0, 'sample')).toContain(checks.join(' '));
    expect(matrixText(matrix, 0, 'sample')).not.toContain('correct servers');
    expect(matrixText(matrix, 0, 'whole')).toContain('ping/d and 1 more');
  });

  test('lists clauses that no mutant breaks', () => {
    const suite = { checks: ['ping/echo'], clauses: ['ENV-3', 'SUB-1'] };
    const matrix = matrixOf(suite, [{ mutant, judgements: [judged(['ping/echo', 'FAIL'])] }], [right]);
    expect([isProof(matrix, 'whole'), isProof(matrix, 'sample')]).toEqual([false, true]);
    expect(matrixText(matrix, 1, 'whole')).toContain('clauses that no mutant breaks: SUB-1');
  });

  test('lists correct servers that failed, also when the suite could not start', () => {
    const failed = matrixOf(
      { checks: [], clauses: [] },
      [],
      [
        { ...right, judgement: judged(['ping/echo', 'FAIL']) },
        { ...right, judgement: { exit: 5, checks: [], text: 'nobody answers' } },
      ],
    );
    expect(failed.failed.map(({ by }) => by)).toEqual([['ping/echo'], ['nobody answers']]);
    expect(isProof(failed, 'sample')).toBe(false);
  });
});

describe('the suite', () => {
  test('kills a sample of mutants, and passes a sample of correct servers', async () => {
    const main = fileURLToPath(new URL('../command/main.ts', import.meta.url));
    const only = 'sequence-skips,scope-unchecked,heartbeats-anywhere';
    const child = spawn(process.execPath, [main, 'mutants', '--jobs', '1', '--only', only], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(stdout).toContain('2 of 2 mutants killed by a check of their clause; 1 of 1 correct servers pass');
    expect(code).toBe(0);
  }, 480_000);
});
