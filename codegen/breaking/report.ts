/** The result of comparing two contracts. */
import type { CompatibilityFinding, Severity } from './finding.ts';
import type { BrokenFrame } from './tapes.ts';

export interface TapeSummary {
  readonly tapes: number;
  /** Number of frames that are valid in the old contract. */
  readonly frames: number;
  readonly broken: readonly BrokenFrame[];
}

export interface CompatibilityReport {
  readonly against: string;
  readonly contract: string;
  /** Number of findings of each severity. */
  readonly counts: Readonly<Record<Severity, number>>;
  readonly findings: readonly CompatibilityFinding[];
  /** Absent if no tapes were given. */
  readonly tapes?: TapeSummary;
}
