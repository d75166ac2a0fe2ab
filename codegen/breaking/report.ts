/** What the gate returns. */
import type { CompatibilityFinding, Severity } from './finding.ts';
import type { BrokenFrame } from './tapes.ts';

export interface TapeSummary {
  readonly tapes: number;
  /** Frames that fitted the old contract. */
  readonly frames: number;
  readonly broken: readonly BrokenFrame[];
}

export interface GateReport {
  readonly against: string;
  readonly contract: string;
  /** How many findings of each severity. */
  readonly counts: Readonly<Record<Severity, number>>;
  readonly findings: readonly CompatibilityFinding[];
  /** Absent where no tapes were given. */
  readonly tapes?: TapeSummary;
}
