/**
 * Checks whether the target still works. A tape that gets no answer does not prove that the target has stopped. A
 * target that sends no `welcome` on new connections has stopped, and one of the last frames is the cause.
 */
import { HANDSHAKE_MARK, isFromServer, outstanding, traceBefore } from '../trace/outstanding.ts';
import type { Frame } from '../trace/trace.ts';
import { Connection, typeOf } from './connection.ts';
import { PATIENCE_MS, UnreachableError } from './context.ts';
import type { RunContext } from './context.ts';

/** How long a supervisor may take to restart the target, in milliseconds before `--time-scale`. */
const RETURN_MS = 10_000;
const POLL_MS = 250;
/** The frame that stops a server may be older than the server's last frame, but at most by this many milliseconds. */
const WINDOW_MS = 1000;
/** When a server stops, the ends of all its connections are detected within this time, in milliseconds. */
const BURST_MS = 250;
/** If a correct server closed connections because the suite stalled, it may cut them up to this many milliseconds later. */
const GIVEN_UP_MS = 15_000;
const SHOWN_FRAMES = 6;
export const CHECK = 'liveness';

export interface Standstill {
  /** `stopped`: no connections are accepted. `silent`: connections are accepted, but nothing is answered. */
  readonly kind: 'stopped' | 'silent';
  /** Whether the target answered again, because it was restarted. */
  readonly restarted: boolean;
  /** The numbers of the first and the last frame that belong to the standstill. */
  readonly from: number;
  readonly to: number;
  /** The last frames that the target had not answered, the likely cause first. */
  readonly suspects: readonly Frame[];
  /** The last frames before the standstill. */
  readonly last: readonly Frame[];
}

type Greeting = 'greeted' | 'nobody' | 'silence';

export class StandstillDetector {
  readonly #context: RunContext;
  #checking: Promise<Standstill | undefined> | undefined;
  /** The number of the first frame that has not been examined yet. */
  #seen = 1;

  constructor(context: RunContext) {
    this.#context = context;
  }

  /** Checks whether the target has stopped, or was restarted since the last call. Concurrent calls share one result. */
  look(): Promise<Standstill | undefined> {
    this.#checking ??= this.#look().finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  /** Resolves when no check is running. */
  async idle(): Promise<void> {
    await this.#checking;
  }

  async #greet(timeoutMs: number): Promise<Greeting> {
    const options = { actor: 'liveness', spec: {}, check: CHECK, timeoutMs };
    const connection = new Connection(this.#context, options);
    try {
      if ((await connection.open(options)) !== undefined) return 'greeted';
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      return /ECONNREFUSED|ENOENT|EHOSTUNREACH/.test(error.message) ? 'nobody' : 'silence';
    }
    const welcome = await connection.find((frame) => typeOf(frame) === 'welcome', timeoutMs);
    await connection.end({ code: 1000 }, timeoutMs);
    return welcome === undefined ? 'silence' : 'greeted';
  }

  async #look(): Promise<Standstill | undefined> {
    const { timeScale, trace, clock } = this.#context;
    const from = this.#seen;
    const to = trace.frames.length;
    const first = await this.#greet(PATIENCE_MS * timeScale);
    if (first === 'greeted') {
      const broken = this.#restart(from, to);
      this.#seen = trace.frames.length + 1;
      return broken === undefined ? undefined : this.#describe('stopped', broken, 'restarted');
    }
    const isLate = clock.limit(RETURN_MS * timeScale);
    let last: Greeting = first;
    while (last !== 'greeted' && !isLate()) {
      await new Promise((done) => {
        setTimeout(done, POLL_MS);
      });
      const next = await this.#greet((RETURN_MS / 4) * timeScale);
      // `nobody` (no connection is accepted) replaces an earlier `silence`, because connections may be cut while the port is being closed.
      last = next === 'silence' ? last : next;
    }
    const restarted = last === 'greeted';
    const end = this.#end(from, to);
    const stopped = this.#restart(from, trace.frames.length);
    this.#seen = trace.frames.length + 1;
    // A pause without broken connections is not a restart, because the machine may have been busy.
    if (restarted && stopped === undefined) return undefined;
    return this.#describe(last === 'silence' ? 'silent' : 'stopped', stopped ?? end, restarted ? 'restarted' : 'gone');
  }

  /** The number of the first frame after the last frame that the target sent. */
  #end(from: number, to: number): number {
    const last = this.#context.trace.frames
      .slice(0, to)
      .findLast((frame) => isFromServer(frame) && frame.check !== CHECK);
    return Math.max(last?.n ?? 0, from - 1) + 1;
  }

  /**
   * The number of the frame that reports the first broken connection, if the whole target stopped. A fault on a single connection
   * breaks only connections with an unanswered frame. If idle connections are broken as well, the target has stopped.
   */
  #restart(from: number, to: number): number | undefined {
    const { trace } = this.#context;
    const ends = trace.frames
      .slice(from - 1, to)
      .filter((frame) => frame.kind === 'close' && frame.dir === '<<' && !isFromServer(frame));
    const [first] = ends;
    if (first === undefined || this.#stillRuns(first.at)) return undefined;
    const busy = new Set(outstanding(traceBefore(trace, first.n)).map(({ connection }) => connection));
    const left = new Set(
      trace.frames.filter(({ kind, dir }) => kind === 'close' && dir === '>>').map(({ connection }) => connection),
    );
    const burst = ends.filter(({ at, connection }) => at <= first.at + BURST_MS && !left.has(connection));
    return burst.some(({ connection }) => !busy.has(connection)) ? first.n : undefined;
  }

  /**
   * Whether the target still runs although connections broke. If the suite stalled for a long time before, a correct
   * server closed its connections with 4203, and cut them when the suite did not answer the close (CON-4).
   */
  #stillRuns(brokenAt: number): boolean {
    const { isConnectedSince, watch, profile } = this.#context;
    const stalledMs = watch.longestStallMs(brokenAt - GIVEN_UP_MS, brokenAt);
    return isConnectedSince(brokenAt) || stalledMs > profile.welcome.heartbeatIntervalMs;
  }

  #describe(kind: Standstill['kind'], from: number, fate: 'restarted' | 'gone'): Standstill {
    const { trace } = this.#context;
    const at = trace.frames[Math.max(0, from - 2)]?.at ?? 0;
    // Use the whole trace: the suite may read the last frames of the server only after it has detected the end of another
    // connection.
    const suspects = outstanding(trace).filter(
      (frame) => frame.at >= at - WINDOW_MS && (kind === 'silent' || frame.n < from) && frame.check !== CHECK,
    );
    const open = suspects.filter(({ kind: what }) => what !== 'mark');
    const tried = this.#failedHandshakes(kind, from);
    const sent = trace.frames
      .slice(0, from - 1)
      .filter(({ dir, check, kind: what }) => dir === '>>' && check !== CHECK && what !== 'mark');
    const likely = open.length > 0 ? open : tried.length > 0 ? tried : sent.slice(-1);
    return {
      kind,
      restarted: fate === 'restarted',
      from,
      to: trace.frames.length,
      suspects: likely,
      last: sent.slice(-SHOWN_FRAMES),
    };
  }

  /**
   * The handshakes that may have stopped the server. They are recorded when they fail: if the server stops, together with the
   * ends of its connections; if it is silent, after their time limit, the first handshake first.
   */
  #failedHandshakes(kind: Standstill['kind'], from: number): readonly Frame[] {
    const { frames } = this.#context.trace;
    const failed = frames.filter(
      ({ n, text, check }) =>
        n >= from && text.startsWith(HANDSHAKE_MARK) && !/ECONNREFUSED/.test(text) && check !== CHECK,
    );
    const first = kind === 'silent' ? failed[0] : frames[from - 1];
    return failed.filter(({ at }) => first !== undefined && at <= first.at + BURST_MS);
  }
}
