import type { Trace } from '../trace/trace.ts';

/** The runner writes this mark into the trace when every connection has had time to receive its replies. */
export const QUIET_MARK = 'quiet';
/** In a trace without this mark, a command needs a reply only if it was sent at least this long before the end, in milliseconds. */
const GRACE_MS = 10_000;

/** The number of a frame. The server has had time to reply to every command that was sent before this frame. */
export function quietFrame(trace: Trace): number {
  const mark = trace.frames.findLast(({ kind, text }) => kind === 'mark' && text === QUIET_MARK);
  if (mark !== undefined) return mark.n;
  const end = trace.frames.at(-1)?.at ?? 0;
  return trace.frames.findLast(({ at }) => at < end - GRACE_MS)?.n ?? 0;
}
