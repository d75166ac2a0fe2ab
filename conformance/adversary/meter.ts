/**
 * Measures what an input costs: how long another client, the neighbour, has to wait during the input. If the process id of the server is
 * given, also measures the server's resident memory and the processor time of its main thread. Unlike the wait, the processor time does
 * not depend on other work on the machine.
 */
import { readFileSync } from 'node:fs';
import type { NeighbourThread } from '../hostile/neighbour-thread.ts';
import { worstBetween } from '../hostile/latency.ts';
import { Unreachable } from '../hostile/wire.ts';

export interface Cost {
  /** The neighbour's longest wait, in milliseconds. */
  readonly waitMs: number;
  /** Processor time of the server's main thread, in milliseconds; undefined if its process id is not given. */
  readonly cpuMs: number | undefined;
  /** Resident memory of the server after the input, in bytes; undefined if its process id is not given. */
  readonly residentBytes: number | undefined;
}

export interface MeterOptions {
  readonly neighbour: NeighbourThread;
  /** Process id of the server. Linux only: the figures are read from /proc (proc(5)). */
  readonly pid: number | undefined;
}

/**
 * How long the neighbour may wait, in milliseconds. The limit is long, because a search provokes long waits and the
 * machine may be busy.
 */
const PATIENCE_MS = 60_000;

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The first number in `schedstat` is the processor time in nanoseconds. */
function cpuMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

function residentBytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

export class Meter {
  readonly #options: MeterOptions;

  constructor(options: MeterOptions) {
    this.#options = options;
  }

  /** @throws {Unreachable} when the server does not answer its neighbour within a minute */
  async measure(act: () => Promise<void>): Promise<Cost> {
    const { neighbour, pid } = this.#options;
    const from = now();
    const before = pid === undefined ? 0 : cpuMs(pid);
    await act();
    const answered = await neighbour.fence(PATIENCE_MS);
    if (!answered)
      throw new Unreachable(`The server did not answer a well-behaved client within ${PATIENCE_MS / 1000} s.`);
    // `splice` also empties the list of samples, because the next input needs only new samples.
    const waitMs = worstBetween(neighbour.samples.splice(0), from, now());
    return {
      waitMs,
      cpuMs: pid === undefined ? undefined : Math.round((cpuMs(pid) - before) * 10) / 10,
      residentBytes: pid === undefined ? undefined : residentBytes(pid),
    };
  }
}
