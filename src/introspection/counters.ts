/** Counts that outlive connections, for health and metrics (OPS-1). */

/** Replays since the start. */
export class ReplayStats {
  warm = 0;
  resume = 0;
  /** Resumes that ended in a gap. */
  failed = 0;
  /** Events replayed. */
  events = 0;
}
