/** Runs the checks of a mutant's clause against the mutant. */
import { CLIENT_CHECKS } from '../checks.ts';
import { loadClientTapes } from '../library.ts';
import { runAgainstClient } from '../run.ts';
import { killOf } from '../../mutants/matrix.ts';
import type { Kill } from '../../mutants/matrix.ts';
import type { Judgement } from '../../mutants/suite.ts';
import { patchedClient } from './patched-sdk.ts';
import type { ClientMutant, Language } from './patched-sdk.ts';

/** The ids of the checks of a clause, as a value for `only`. */
function checksOf(clause: string): string {
  const all = [...loadClientTapes().map(({ header }) => header), ...CLIENT_CHECKS];
  return all
    .filter(({ clauses }) => clauses.some((each) => each === clause))
    .map(({ id }) => id)
    .join(',');
}

export interface TrialOptions {
  readonly language: Language;
  /** Number of tapes that run at the same time. */
  readonly jobs: number;
}

async function judge(options: TrialOptions, mutant: ClientMutant | undefined): Promise<Judgement> {
  const { language, jobs } = options;
  const client = await patchedClient(language, mutant);
  try {
    const { outcome, checks } = await runAgainstClient({
      command: client.command,
      env: client.env,
      tapes: loadClientTapes(),
      ...(mutant === undefined ? {} : { only: checksOf(mutant.clause), stopAtFailure: true }),
      knownFailing: new Set(),
      timeScale: 1,
      jobs,
    });
    return { exit: outcome.exit, checks, text: outcome.text };
  } finally {
    await client.remove();
  }
}

/** Runs the checks of the mutant's clause. The mutant is killed when one of them fails. */
export async function tryMutant(mutant: ClientMutant, options: TrialOptions): Promise<Kill> {
  return killOf({ mutant, judgements: [await judge(options, mutant)] });
}

/** Runs all checks against the unchanged SDK, copied like a mutant. It must pass: otherwise a failing mutant proves nothing. */
export function tryUnchanged(options: TrialOptions): Promise<Judgement> {
  return judge(options, undefined);
}
