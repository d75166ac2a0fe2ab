/** Runs a single tape against a server, for tests of the runner. */
import { run } from '../runner/run.ts';
import type { Run } from '../runner/run.ts';
import type { CheckResult } from '../runner/verdict.ts';
import { parseTape } from '../tape/parse.ts';
import type { Tape } from '../tape/tape.ts';
import type { TargetConfig } from '../target/config.ts';

export interface Steps {
  /** Steps of a tape in which alice is connected. */
  readonly steps: readonly string[];
  readonly timeScale: number;
}

/** @returns the result of the tape */
export async function judgeSteps(url: string, { steps, timeScale }: Steps): Promise<CheckResult | undefined> {
  const header = `{"tape":1,"id":"ping/steps","clauses":["ENV-3"],"level":"must","why":"A command gets one reply.","actors":{"alice":{}}}`;
  const tape = parseTape([header, '{"as":"alice","open":{}}', ...steps].join('\n'), 'steps.ndjson');
  return (await judgeTape(url, { tape, control: {}, timeScale })).check;
}

export interface Trial {
  readonly tape: Tape;
  readonly control: TargetConfig['control'];
  readonly timeScale: number;
}

/** Runs only this tape. @returns its result, and the run */
export async function judgeTape(
  url: string,
  { tape, control, timeScale }: Trial,
): Promise<{ readonly run: Run; readonly check: CheckResult | undefined }> {
  const whole = await run({
    config: {
      url,
      httpUrl: url.replace(/^ws/, 'http'),
      stimulus: { port: 'none' },
      credentials: {},
      control,
      without: [],
      claims: [],
    },
    tapes: [tape],
    only: tape.header.id,
    level: 'must',
    knownFailing: new Set(),
    timeScale,
    jobs: 1,
    exchanges: 0,
    seed: 1,
    library: 'own',
  });
  return { run: whole, check: whole.checks.find(({ id }) => id === tape.header.id) };
}
