/** State that all checks of a run share. */
import type { TargetConfig } from '../target/config.ts';
import type { Profile } from '../target/profile.ts';
import type { Trace } from '../trace/trace.ts';
// Import cycle of types only: the context contains the connections of a run, and each connection refers to the context.
import type { Connections } from './connections.ts';
import type { SharedPart } from './shared-command.ts';
import type { Cause } from './verdict.ts';
import type { PacedClock } from './paced-clock.ts';
import type { StallDetector } from './stall-detector.ts';

/** How long a reply may take, in milliseconds, before `--time-scale` multiplies it. A busy target gets more time (`paced-clock.ts`). */
export const PATIENCE_MS = 5000;

export interface RunContext {
  readonly config: TargetConfig;
  readonly trace: Trace;
  readonly watch: StallDetector;
  readonly clock: PacedClock;
  /** Whether the ping connection has been open since this time. If so, the target has not been restarted since then. */
  readonly isConnectedSince: (from: number) => boolean;
  readonly profile: Profile;
  readonly timeScale: number;
  /** Milliseconds since the run began. */
  readonly now: () => number;
  /** A string in all paths, ids and stream names of this run, so that other runs on the same server do not affect it. */
  readonly nonce: string;
  readonly connections: Connections;
  /** Set for tapes that shut the target down. All of them share one shutdown. */
  readonly shutdown?: SharedPart;
}

/** Thrown if the target cannot be reached, so that its conformance is unknown. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** Thrown if the check cannot run with this configuration. */
export class UntestableError extends Error {
  override readonly name = 'UntestableError';
  readonly failureCause: Cause | undefined;

  constructor(message: string, failureCause?: Cause) {
    super(message);
    this.failureCause = failureCause;
  }
}

/** Thrown if the runner got too little CPU time. */
export class StarvedError extends Error {
  override readonly name = 'StarvedError';
}

/** Thrown if the suite itself does something that the contract does not allow, which is a bug in the suite. */
export class HarnessError extends Error {
  override readonly name = 'HarnessError';
}
