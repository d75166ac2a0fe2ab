/** Starts the process of a watcher, and evaluates its reports. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FromSubject, Sighting, ToSubject, Use } from './subject.ts';
import type { WatcherName } from './watchers.ts';
import type { Expected } from './work.ts';

/** How the expected changes were reported. */
export interface Outcome {
  /** The number of expected changes that were neither reported nor included in a reported loss. */
  readonly missing: number;
  /** The number of expected changes that were not reported, but were included in a reported loss. */
  readonly lost: number;
  /** The time from each change to its report, in milliseconds, sorted. */
  readonly latencies: readonly number[];
  /** The time from the last change to the last report of an expected change, in milliseconds. */
  readonly lateMs: number;
  readonly cpuMs: number;
  /** The longest time for which the main loop of the process was blocked, in milliseconds. */
  readonly standstillMs: number;
  readonly use: Use;
}

const POLL_MS = 250;
const PATIENCE_MS = 60_000;
/** If no report arrives for this time, in milliseconds, the remaining changes count as not reported. */
const QUIET_MS = 10_000;
/** The clocks of two processes differ by less than this, in milliseconds. */
const CLOCK_MS = 2;

export class Subject {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(watcher: WatcherName): Promise<{ readonly subject: Subject; readonly use: Use }> {
    const child = fork(join(import.meta.dirname, 'subject.ts'), [watcher], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [use] = (await once(child, 'message')) as [FromSubject];
    return { subject: new Subject(child), use };
  }

  /**
   * Starts to watch a directory. @returns the time until the watcher was ready, in milliseconds, and the resources that the process had
   * used by then
   */
  async watch(directory: string): Promise<{ readonly readyMs: number; readonly use: Use }> {
    const began = performance.now();
    const use = await this.#ask({ kind: 'watch', directory });
    return { readyMs: performance.now() - began, use };
  }

  /** Waits until every expected change has been reported, or no more reports arrive. */
  async outcomeOf(work: () => Promise<readonly Expected[]> | readonly Expected[]): Promise<Outcome> {
    const before = await this.#report();
    const expected = await work();
    const waiting = new Map(expected.map((each) => [keyOf(each), each]));
    const latencies: number[] = [];
    const losses: string[] = [];
    const worked = Math.max(...expected.map(({ at, until = at }) => until));
    let last = worked;
    let use: Use = before;
    let standstillMs = 0;
    let quietSince = performance.now();
    const deadline = performance.now() + PATIENCE_MS;
    while (waiting.size > 0 && performance.now() < deadline && performance.now() - quietSince < QUIET_MS) {
      await delay(POLL_MS);
      const report = await this.#report();
      use = report;
      standstillMs = Math.max(standstillMs, report.standstillMs);
      losses.push(...report.losses);
      if (report.sightings.length > 0) quietSince = performance.now();
      for (const sighting of report.sightings) {
        const change = waiting.get(keyOf(sighting));
        if (change === undefined || sighting.at < change.at - CLOCK_MS) continue;
        waiting.delete(keyOf(sighting));
        latencies.push(Math.max(0, sighting.at - change.at));
        last = Math.max(last, sighting.at);
      }
    }
    const lost = [...waiting.values()].filter(({ path }) =>
      losses.some((each) => each === '' || path.startsWith(`${each}/`)),
    );
    return {
      missing: waiting.size - lost.length,
      lost: lost.length,
      latencies: latencies.toSorted((left, right) => left - right),
      lateMs: last - worked,
      cpuMs: use.cpuMs - before.cpuMs,
      standstillMs,
      use,
    };
  }

  async end(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #report(): Promise<Extract<FromSubject, { kind: 'report' }>> {
    const report = await this.#ask({ kind: 'report' });
    if (report.kind !== 'report') throw new Error(`the subject sent ${report.kind} for a report`);
    return report;
  }

  async #ask(message: ToSubject): Promise<FromSubject> {
    const answered = once(this.#child, 'message') as Promise<[FromSubject]>;
    this.#child.send(message);
    const [answer] = await answered;
    return answer;
  }
}

function keyOf({ path, change }: Pick<Sighting, 'path' | 'change'>): string {
  return `${change} ${path}`;
}
