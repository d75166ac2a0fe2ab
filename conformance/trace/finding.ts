/** The result of a check that reads a trace: a frame check or an invariant. */
import type { ClauseId } from '../../generated/protocol.ts';
import { read } from './reading.ts';
import type { Reading } from './reading.ts';
import type { Frame, Trace } from './trace.ts';

export interface Violation {
  readonly clauses: readonly ClauseId[];
  readonly text: string;
  /** Numbers of the frames that prove the violation, ascending; as few as possible. */
  readonly frames: readonly number[];
}

export interface Finding {
  readonly violations: readonly Violation[];
  /** Messages or fields that the suite does not know, but that a server of a later minor version may send (ENV-4). */
  readonly warnings?: readonly Violation[];
  /** How often the check was applied. */
  readonly fired: number;
}

export interface TraceCheck {
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly why: string;
  /** Conditions of the target (see `target/needs.ts`) without which the check can never apply. */
  readonly needs?: readonly string[];
  readonly judge: (trace: Trace) => Finding;
}

/** Collects the findings of an invariant. */
export interface Report {
  /** Counts one application of the invariant. */
  fire(): void;
  violate(text: string, ...frames: readonly (Frame | undefined)[]): void;
  /**
   * Records a message or field that the suite does not know, but that a server of a later minor version may send
   * (ENV-4).
   */
  warn(text: string, ...frames: readonly (Frame | undefined)[]): void;
}

/** A property of the whole trace. */
export interface Invariant {
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly why: string;
  readonly needs?: readonly string[];
  readonly check: (reading: Reading, report: Report) => void;
}

/** How many violations are kept, because a wrong server often repeats the same violation a thousand times. */
const MOST_VIOLATIONS = 20;

export function checkOf({ id, clauses, why, needs = [], check }: Invariant): TraceCheck {
  const judge = (trace: Trace): Finding => {
    const violations: Violation[] = [];
    const warnings: Violation[] = [];
    const put = (list: Violation[], text: string, frames: readonly (Frame | undefined)[]): void => {
      if (list.length >= MOST_VIOLATIONS) return;
      const numbers = frames.flatMap((frame) => (frame === undefined ? [] : [frame.n]));
      list.push({ clauses, text, frames: [...new Set(numbers)].toSorted((a, b) => a - b) });
    };
    let fired = 0;
    check(read(trace), {
      fire: () => {
        fired += 1;
      },
      violate: (text, ...frames) => put(violations, text, frames),
      warn: (text, ...frames) => put(warnings, text, frames),
    });
    return { violations, warnings, fired };
  };
  return { id, clauses, why, needs, judge };
}
