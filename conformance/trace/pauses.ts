/**
 * The pauses of a run: periods in which the machine was too busy, so that late frames are not a fault of the server.
 */
import type { Frame, Trace } from './trace.ts';

/** The start and end of a pause, in milliseconds since the run began. */
export interface Pause {
  readonly from: number;
  readonly to: number;
}

/**
 * `stalled`: the event loop of the suite was blocked. `busy`: the server answered no ping. The mark is written after
 * the pause, often after the frames that the pause delayed.
 */
const PAUSE_MARK = /^(?:stalled|busy) (\d+)$/;

export function isPauseMark({ kind, text }: Frame): boolean {
  return kind === 'mark' && PAUSE_MARK.test(text);
}

/** The pauses that the suite has marked in a trace. */
export function pausesOf({ frames }: Pick<Trace, 'frames'>): readonly Pause[] {
  const all = frames.filter(isPauseMark).map(({ at, text }) => {
    const ms = Number(PAUSE_MARK.exec(text)?.[1]);
    return { from: at - ms, to: at };
  });
  return merged(all);
}

/** The same pauses in order, without overlaps. */
export function merged(pauses: readonly Pause[]): readonly Pause[] {
  const result: Pause[] = [];
  for (const { from, to } of pauses.toSorted((left, right) => left.from - right.from)) {
    const last = result.at(-1);
    if (last === undefined || from > last.to) result.push({ from, to });
    else if (to > last.to) result[result.length - 1] = { from: last.from, to };
  }
  return result;
}
