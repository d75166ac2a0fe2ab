/** Counts the runs of each tape, and remembers which connections belong to runs that were repeated. */
import type { Trace } from '../trace/trace.ts';

interface Attempt {
  readonly runs: number;
  /** The number of the first frame of the last run. */
  readonly from: number;
}

export class Attempts {
  readonly #attempts = new Map<string, Attempt>();

  /** Called before each run of a tape. @returns how many times the tape was run, including this run */
  begin(id: string, trace: Trace): number {
    const runs = (this.#attempts.get(id)?.runs ?? 0) + 1;
    this.#attempts.set(id, { runs, from: trace.frames.length + 1 });
    return runs;
  }

  /** The connections of all runs that were repeated. The results of these runs do not count. */
  repeated({ frames }: Trace): ReadonlySet<number> {
    const found = frames.filter(({ check, n }) => {
      const attempt = check === undefined ? undefined : this.#attempts.get(check);
      return attempt !== undefined && attempt.runs > 1 && n < attempt.from;
    });
    return new Set(found.map(({ connection }) => connection));
  }
}
