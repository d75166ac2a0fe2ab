/**
 * Runs the generated exchanges as one check. fast-check generates the exchanges, the trace checks judge them,
 * and the smallest failing exchange is written as a tape.
 */
import * as fc from 'fast-check';
import type { ClauseId } from '../../generated/protocol.ts';
import { StarvedError, UnreachableError, UntestableError } from '../runner/context.ts';
import type { RunContext } from '../runner/context.ts';
import { RUNS_ALONE } from '../runner/starvation.ts';
import { StimulusError } from '../runner/stimulus.ts';
import type { CheckResult, Failure } from '../runner/verdict.ts';
import type { Frame } from '../trace/trace.ts';
import { exchangeTape } from './as-tape.ts';
import { exchanges } from './operation.ts';
import type { Operation } from './operation.ts';
import { CHECK, runExchange } from './run-exchange.ts';
import type { ExchangeRun } from './run-exchange.ts';

export const EXCHANGES = {
  id: CHECK,
  clauses: [
    'ENV-3',
    'ENV-4',
    'STR-2',
    'EVT-2',
    'SUB-2',
    'SUB-4',
    'RPL-2',
    'RPL-3',
    'RPL-4',
    'SYN-1',
  ] as readonly ClauseId[],
  why: 'No generated exchange makes the server break the contract.',
} as const;

export interface ExchangeOptions {
  readonly context: RunContext;
  /** Equal seeds generate equal exchanges. */
  readonly seed: number;
  readonly count: number;
}

export interface ExchangeResult {
  readonly check: CheckResult;
  /** The smallest failing exchange, as a tape. */
  readonly counterexample?: string;
}

/**
 * For how long new attempts to shrink a failing exchange may start, in milliseconds; `--time-scale` multiplies it.
 * Without a limit, shrinking takes very long when the server fails every exchange. An attempt that has started is
 * always completed: `interruptAfterTimeLimit` of fast-check would abandon the attempt, which could leave a connection
 * open.
 */
const SHRINK_MS = 20_000;

interface Found {
  readonly operations: readonly Operation[];
  readonly run: ExchangeRun;
}

/** Thrown to make fast-check shrink the exchange. */
class ViolationFound extends Error {
  override readonly name = 'ViolationFound';
}

/** Whether an error stops the whole check, instead of counting as a fault of the server. */
function stopsCheck(error: unknown): boolean {
  return [UntestableError, UnreachableError, StarvedError, StimulusError].some((each) => error instanceof each);
}

/** Runs an exchange, and runs it again if the machine was too busy for a valid result. */
async function runUntilCertain(run: () => Promise<ExchangeRun>): Promise<ExchangeRun> {
  for (let runs = 1; ; runs += 1)
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof StarvedError) || runs === RUNS_ALONE) throw error;
    }
}

/** Copies the frames of the exchange into the trace of the run, where they get new numbers. */
function adopt(run: ExchangeRun, { trace }: RunContext): ReadonlyMap<number, number> {
  const connections = new Map<number, number>([[0, 0]]);
  const numbers = new Map<number, number>();
  for (const { n, json: _json, connection, ...frame } of run.trace.frames as readonly Frame[]) {
    const mine = connections.get(connection) ?? trace.nextConnection();
    connections.set(connection, mine);
    if (frame.kind === 'mark') continue;
    numbers.set(n, trace.add({ ...frame, connection: mine }).n);
  }
  return numbers;
}

function failuresOf({ run }: Found, context: RunContext, seed: number): readonly Failure[] {
  const numbers = adopt(run, context);
  return run.violations.map(({ check, text, frames, clauses }) => ({
    text: `${check}: ${text} (${clauses.join(', ')}; --seed ${seed})`,
    frames: frames.flatMap((n) => numbers.get(n) ?? []),
  }));
}

export async function checkExchanges({ context, seed, count }: ExchangeOptions): Promise<ExchangeResult> {
  const began = context.now();
  let serial = 0;
  let found: Found | undefined;
  let shrinkUntil = Infinity;
  let stop: unknown;
  const property = fc.asyncProperty(exchanges, async (operations) => {
    if (stop !== undefined || context.now() > shrinkUntil) return;
    try {
      const run = await runUntilCertain(() => {
        serial += 1;
        return runExchange(operations, context, `workspace:${context.nonce}-x${serial}`);
      });
      if (run.violations.length === 0) return;
      if (found === undefined) shrinkUntil = context.now() + SHRINK_MS * context.timeScale;
      found = { operations, run };
    } catch (error) {
      if (!stopsCheck(error)) throw error;
      stop = error;
      return;
    }
    throw new ViolationFound('the exchange violates the contract');
  });
  await fc.check(property, { seed, numRuns: count });
  const base = {
    ...EXCHANGES,
    kind: 'generated',
    level: 'must',
    fired: serial,
    durationMs: Math.round(context.now() - began),
  } as const;
  if (found !== undefined) {
    const { violations } = found.run;
    const clauses = [...new Set(violations.flatMap((each) => each.clauses))];
    const why = violations[0]?.text ?? EXCHANGES.why;
    const counterexample = exchangeTape(found.operations, { id: `exchanges/seed-${seed >>> 0}`, clauses, why });
    return { check: { ...base, verdict: 'FAIL', failures: failuresOf(found, context, seed) }, counterexample };
  }
  if (stop !== undefined) {
    const reason = stop instanceof Error ? stop.message : 'The check was stopped.';
    const verdict =
      stop instanceof UntestableError ? 'UNTESTABLE' : stop instanceof StimulusError ? 'FAIL' : 'INCONCLUSIVE';
    const failures = verdict === 'FAIL' ? [{ text: reason, frames: [] }] : [];
    return { check: { ...base, verdict, reason, failures } };
  }
  return { check: { ...base, verdict: 'PASS', failures: [] } };
}
