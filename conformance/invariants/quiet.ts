import type { Trace } from '../trace/trace.ts';

/** What the runner writes into the trace once every connection has had the time to be answered. */
export const QUIET_MARK = 'quiet';
/** In a trace that was taken elsewhere: how long an answer may be out at its end, in milliseconds. */
const GRACE_MS = 10_000;

/** The number of the frame before which everything has had the time to happen. */
export function quietFrame(trace: Trace): number {
  const mark = trace.frames.findLast(({ kind, text }) => kind === 'mark' && text === QUIET_MARK);
  if (mark !== undefined) return mark.n;
  const end = trace.frames.at(-1)?.at ?? 0;
  return trace.frames.findLast(({ at }) => at < end - GRACE_MS)?.n ?? 0;
}
