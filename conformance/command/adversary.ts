/** `tidemark conformance hostile --search`: searches for the costliest input of each operation. */
import { writeFileSync } from 'node:fs';
import { ATTACKED } from '../adversary/attacked-operations.ts';
import type { Evaluated } from '../adversary/hill-climbing.ts';
import { keptText, readKept, startsOf } from '../adversary/kept-inputs.ts';
import { search } from '../adversary/search.ts';
import type { Measured, SearchResult } from '../adversary/search.ts';
import type { RunOptions } from '../hostile/run.ts';
import type { Target } from '../hostile/wire.ts';
import { EXIT } from '../runner/verdict.ts';
import { UsageError, print } from './terminal.ts';

export interface AdversaryFlags {
  readonly url: Target;
  readonly credential: RunOptions['credential'];
  readonly patience: number;
  /** How many inputs to try per operation; with 0, only the costliest inputs of earlier searches are replayed. */
  readonly search?: number;
  readonly operation: readonly string[];
  readonly seed: number;
  readonly pid?: number;
  readonly worst?: string;
  readonly maxLatency: number;
  readonly json?: true;
}

/**
 * How often each of the worst inputs is measured again, because other work on the machine can distort one measurement.
 */
const REPEATS = 5;
/** A search with fewer inputs per operation than this is only a trial, so it measures its worst inputs again only once. */
const LONG_SEARCH = 100;

/**
 * @returns the exit code: 3 if, for some input, the median wait of a well-behaved client exceeded `maxLatency`, or if
 * the server sent something that it must not send
 * @throws {UsageError} for an operation that does not exist
 */
export async function searchWorst(flags: AdversaryFlags): Promise<number> {
  const operations = ATTACKED.filter(({ name }) => flags.operation.length === 0 || flags.operation.includes(name));
  const unknown = flags.operation.find((name) => !ATTACKED.some((each) => each.name === name));
  if (unknown !== undefined)
    throw new UsageError(
      `--operation ${unknown}: there is no such operation; use one of ${ATTACKED.map(({ name }) => name).join(', ')}.`,
    );
  const results: SearchResult[] = [];
  await search({
    target: flags.url,
    credential: flags.credential,
    patienceMs: flags.patience,
    operations,
    evaluations: flags.search === 0 ? undefined : flags.search,
    repeats: flags.search === 0 || flags.search === undefined || flags.search >= LONG_SEARCH ? REPEATS : 1,
    seed: flags.seed,
    pid: flags.pid,
    start: startsOf(readKept()),
    onResult: (result) => {
      results.push(result);
      // Write after each operation, so that a search that ends early keeps its results.
      if (flags.worst !== undefined) writeFileSync(flags.worst, keptText(results));
      print(flags.json === true ? JSON.stringify(result) : textOf(result));
    },
  });
  return results.some((result) => hasFinding(result, flags.maxLatency)) ? EXIT.findings : EXIT.ok;
}

function hasFinding({ worst, faults }: SearchResult, maxLatency: number): boolean {
  return faults.length > 0 || worst.some(({ cost }) => cost.waitMs > maxLatency);
}

function textOf({ operation, evaluations, waits, worst, faults }: SearchResult): string {
  return [
    `${operation}: ${evaluations} inputs; a well-behaved client beside it (the neighbour) waited p50 ${waits.p50} ms, p99 ${waits.p99} ms, max ${waits.max} ms`,
    ...worst.map(costText),
    ...faults.map((fault) => `    FAIL ${fault}`),
  ].join('\n');
}

function costText({ input, cost }: Evaluated<Measured>): string {
  const cpu = cost.cpuMs === undefined ? '' : `, processor ${cost.cpuMs} ms`;
  return `    wait ${cost.waitMs} ms${cpu}  ${JSON.stringify(input)}  replies ${JSON.stringify(cost.replies)}`;
}
