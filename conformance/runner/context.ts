/** What all checks of a run share. */
import type { TargetConfig } from '../target/config.ts';
import type { Profile } from '../target/profile.ts';
import type { Trace } from '../trace/trace.ts';
// Cycle of types: the context lists the connections of a run, each of which knows the context.
import type { Connection } from './connection.ts';
import type { SelfWatch } from './watch.ts';

/** How long an ordinary answer may take, in milliseconds, before `--time-scale`. */
export const PATIENCE_MS = 5000;

export interface RunContext {
  readonly config: TargetConfig;
  readonly trace: Trace;
  readonly watch: SelfWatch;
  readonly profile: Profile;
  readonly timeScale: number;
  /** Milliseconds since the run began. */
  readonly now: () => number;
  /** Distinguishes this run's paths, ids and streams on a server that others use too. */
  readonly nonce: string;
  /** Every connection of the run: they stay open until its end, so that late frames are seen. */
  readonly connections: Connection[];
}

/** The target cannot be reached, or went away: nothing is said about its conformance. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** The suite was given no means to test this. */
export class UntestableError extends Error {
  override readonly name = 'UntestableError';
}

/** The runner itself did not get to run. */
export class StarvedError extends Error {
  override readonly name = 'StarvedError';
}

/** The suite did something that the contract does not allow. */
export class HarnessError extends Error {
  override readonly name = 'HarnessError';
}
