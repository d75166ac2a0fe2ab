/**
 * Estimates how busy the machine is, and makes time limits longer on a busy machine. The suite cannot ping a client, because
 * some tapes need a connection without any frame. So it reads how many processes want to run.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { TICK_MS, PacedClock } from '../runner/paced-clock.ts';

/** The suite itself counts as a running process while it reads the file, so one process is subtracted. */
const FREE = 1;
/** A tick takes at most this many times longer. So a time limit of 5 s never takes more than 100 s. */
const MOST = 20;

/** How many times longer a process takes than on an idle machine. 1 on systems without `/proc/loadavg`. */
export function slowness(loadavg: string, processors: number): number {
  const running = Number(/^(?:\S+ ){3}(\d+)\//.exec(loadavg)?.[1] ?? 0);
  return Math.min(MOST, Math.max(1, (running - FREE) / processors));
}

function readLoad(): string {
  try {
    return readFileSync('/proc/loadavg', 'utf8');
  } catch {
    return '';
  }
}

/** How busy this machine is now. */
function currentSlowness(): number {
  return slowness(readLoad(), cpus().length);
}

/**
 * Makes a clock whose ticks take longer while more processes want to run than there are processors.
 * @param slownessNow how many times longer a tick takes, at least 1
 */
export function loadClock(now: () => number, slownessNow: () => number = currentSlowness): PacedClock {
  return new PacedClock({
    now,
    // The clock waits for the answer to a ping or for the duration of a tick, whichever is longer.
    ping: () => new Promise((done) => setTimeout(done, TICK_MS * slownessNow())),
    onSlow: () => undefined,
  });
}
