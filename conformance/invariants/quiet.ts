import type { Trace } from '../trace/trace.ts';

/** The note that the runner writes into the trace after every connection has had time for its replies. */
export const QUIET_MARK = 'quiet';
/** For a trace from another recorder: how long before its end a command must have been sent to need a reply, in milliseconds. */
const GRACE_MS = 10_000;

/** The number of the frame before which every command has had time for its reply. */
export function quietFrame(trace: Trace): number {
  const mark = trace.frames.findLast(({ kind, text }) => kind === 'mark' && text === QUIET_MARK);
  if (mark !== undefined) return mark.n;
  const end = trace.frames.at(-1)?.at ?? 0;
  return trace.frames.findLast(({ at }) => at < end - GRACE_MS)?.n ?? 0;
}
