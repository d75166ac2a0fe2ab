/** The waits of a client, and their limits. */
import type { Bounds, ClientStep } from './tape.ts';
import type { Moment, ClientTapeState, Wait } from './tape-state.ts';

/**
 * A client may act this many milliseconds too late, because timers and processes are late on a busy machine. Tapes choose
 * their limits so that a client that ignores a limit is later by more than this.
 */
const LATE_MS = 3_000;
/**
 * How much too early a client may act, because timers count whole milliseconds, and some fire one millisecond too early. A
 * lower limit is multiplied by `share`, then reduced by `ms`.
 */
const EARLY = { share: 0.97, ms: 3 };

/**
 * The program must certainly have run for this share of a lower limit before the client acted. Otherwise the client may have
 * decided to act at once, but got no processor time to do so. Half is enough, because a client that ignores the limit waits
 * for less than half of it.
 */
const PROVEN_SHARE = 0.5;

/** @param since when the wait began */
export function waitOf({ at, provenAt }: Moment, since: number, { programTime }: ClientTapeState): Wait {
  const ms = at - since;
  const pausedMs = programTime.pausedMs(since, at);
  return { ms, pausedMs, provenMs: Math.max(0, provenAt === undefined ? ms - pausedMs : provenAt - since) };
}

/** @param what for example "the client reconnected after" */
export function checkWait(
  bounds: Bounds | undefined,
  { ms, pausedMs, provenMs }: Wait,
  what: string,
  { step, state }: { readonly step: ClientStep; readonly state: ClientTapeState },
): void {
  if (bounds === undefined) return;
  const { least = 0, most } = bounds;
  const passed = `${what} ${Math.round(ms)} ms`;
  if (ms < least * EARLY.share - EARLY.ms)
    state.fail({ line: step.line, text: `${passed}; at least ${least} ms were expected` });
  if (most !== undefined && ms > most + LATE_MS * state.options.timeScale) {
    const text = `${passed}; at most ${most} ms were expected`;
    if (ms - pausedMs > most + LATE_MS * state.options.timeScale) state.fail({ line: step.line, text, late: true });
    // On a busy machine a correct client may act late.
    state.doubts.push(`${text}, but the program had no processor time for ${Math.round(pausedMs)} ms`);
  }
  if (provenMs < least * PROVEN_SHARE)
    state.doubts.push(`${passed}, but the program has certainly run for only ${Math.round(provenMs)} ms of that time`);
}

export function sumOf(waits: readonly Wait[]): Wait {
  const sum = (pick: (wait: Wait) => number): number => waits.reduce((all, each) => all + pick(each), 0);
  return {
    ms: sum(({ ms }) => ms),
    pausedMs: sum(({ pausedMs }) => pausedMs),
    provenMs: sum(({ provenMs }) => provenMs),
  };
}
