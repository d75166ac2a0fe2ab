/**
 * The program of a process that watches one directory with one watcher. It reports the seen changes and the used resources to the
 * benchmark.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { WATCHERS } from './watchers.ts';
import type { Change, WatcherName } from './watchers.ts';

export interface Sighting {
  readonly path: string;
  readonly change: Change;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Use {
  /** User and system time of the process so far, in milliseconds. */
  readonly cpuMs: number;
  /** Resident memory of the process in bytes: the current value, and the maximum so far. */
  readonly residentBytes: number;
  readonly peakBytes: number;
  /** The longest time for which the main loop was blocked since the last report, in milliseconds. */
  readonly standstillMs: number;
}

export type ToSubject = { readonly kind: 'watch'; readonly directory: string } | { readonly kind: 'report' };

export type FromSubject =
  | ({ readonly kind: 'started' | 'ready' } & Use)
  | ({ readonly kind: 'report'; readonly sightings: readonly Sighting[]; readonly losses: readonly string[] } & Use);

let sightings: Sighting[] = [];
let losses: string[] = [];

function use(): Use {
  const { user, system } = process.cpuUsage();
  return {
    cpuMs: (user + system) / 1000,
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    standstillMs: loop.max / 1e6,
  };
}

function send(message: FromSubject): void {
  process.send?.(message);
}

const loop = monitorEventLoopDelay({ resolution: 5 });
loop.enable();

process.on('message', (message: ToSubject) => {
  if (message.kind === 'watch') {
    const listener = {
      onChange: (path: string, change: Change) =>
        void sightings.push({ path, change, at: performance.timeOrigin + performance.now() }),
      onLoss: (path: string) => void losses.push(path),
    };
    void begin(message.directory, listener).then(() => send({ kind: 'ready', ...use() }));
    return;
  }
  send({ kind: 'report', sightings, losses, ...use() });
  sightings = [];
  losses = [];
  loop.reset();
});
process.on('disconnect', () => process.exit());
const begin = await WATCHERS[process.argv[2] as WatcherName]();
send({ kind: 'started', ...use() });
