/** What a check of a trace comes to, at levels 1 and 3. */
import type { ClauseId } from '../../generated/protocol.ts';
import { read } from './reading.ts';
import type { Reading } from './reading.ts';
import type { Frame, Trace } from './trace.ts';

export interface Violation {
  readonly clauses: readonly ClauseId[];
  readonly text: string;
  /** The fewest frames that prove it, ascending. */
  readonly frames: readonly number[];
}

export interface Finding {
  readonly violations: readonly Violation[];
  /** How often there was something to judge. */
  readonly fired: number;
}

export interface TraceCheck {
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly why: string;
  /** Without these (see `runner/needs.ts`) what it judges cannot happen at all. */
  readonly needs?: readonly string[];
  readonly judge: (trace: Trace) => Finding;
}

/** Collects what an invariant finds. */
export interface Report {
  /** Something was there to be judged. */
  fire(): void;
  violate(text: string, ...frames: readonly (Frame | undefined)[]): void;
}

/** A statement about the whole history. Violations are of its first clause unless it says otherwise. */
export interface Invariant {
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly why: string;
  readonly needs?: readonly string[];
  readonly look: (reading: Reading, report: Report) => void;
}

/** A server that is wrong once is often wrong a thousand times; a few of them say as much. */
const MOST_VIOLATIONS = 20;

export function checkOf({ id, clauses, why, needs = [], look }: Invariant): TraceCheck {
  const judge = (trace: Trace): Finding => {
    const violations: Violation[] = [];
    let fired = 0;
    look(read(trace), {
      fire: () => {
        fired += 1;
      },
      violate: (text, ...frames) => {
        if (violations.length >= MOST_VIOLATIONS) return;
        const numbers = frames.flatMap((frame) => (frame === undefined ? [] : [frame.n]));
        violations.push({ clauses, text, frames: [...new Set(numbers)].toSorted((a, b) => a - b) });
      },
    });
    return { violations, fired };
  };
  return { id, clauses, why, needs, judge };
}
