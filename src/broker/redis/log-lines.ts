/** Selects lines that were read from the log of a stream. */
import type { Line, StreamState } from './line.ts';

/** The lines before the sequenceId `floor`, in ascending order. */
export function below(lines: readonly Line[], floor: number): readonly Line[] {
  return lines.filter((line) => line.sequenceId < floor).toSorted((a, b) => a.sequenceId - b.sequenceId);
}

/**
 * Returns the lines that were published. If a script failed after its first write, the log may have an entry after the newest position of
 * the state, which was not published. The log may also have several entries with one sequenceId; only the last of them was published.
 */
export function linesUpTo(state: StreamState, lines: readonly Line[]): readonly Line[] {
  const byNumber = new Map<number, Line>();
  for (const line of lines) {
    if (line.epoch === state.epoch && line.sequenceId <= state.sequenceId) byNumber.set(line.sequenceId, line);
  }
  return byNumber.size === lines.length
    ? lines
    : [...byNumber.values()].toSorted((a, b) => a.sequenceId - b.sequenceId);
}

/** The newest line, and the lines before it without a hole. */
export function contiguous(lines: readonly Line[]): readonly Line[] {
  let start = lines.length - 1;
  while (start > 0 && lines[start - 1]?.sequenceId === (lines[start]?.sequenceId ?? 0) - 1) start -= 1;
  return lines.slice(Math.max(start, 0));
}
