/** A whole run: the probe, the tapes, then levels 1 and 3 over the one trace. */
import { TRACE_CHECKS } from '../invariants/checks.ts';
import { ownFaults } from '../invariants/frame-checks.ts';
import type { Finding, TraceCheck } from '../trace/finding.ts';
import type { TargetConfig } from '../target/config.ts';
import { EXCHANGES, checkExchanges } from '../exchanges/check.ts';
import { isChosen } from '../tape/library.ts';
import type { Level, Tape } from '../tape/tape.ts';
import { TRACE_VERSION, Trace } from '../trace/trace.ts';
import { Connections } from './connections.ts';
import { HarnessError } from './context.ts';
import type { Profile } from '../target/profile.ts';
import type { RunContext } from './context.ts';
import { finale } from './finale.ts';
import { applicability } from '../target/needs.ts';
import { makeNonce, probe } from './probe.ts';
import { runTape } from './run-tape.ts';
import { judgeRun } from './verdict.ts';
import type { CheckResult, Outcome } from './verdict.ts';
import { SelfWatch } from './watch.ts';

export interface RunOptions {
  readonly config: TargetConfig;
  readonly tapes: readonly Tape[];
  /** Globs of check ids, separated by commas. */
  readonly only?: string;
  /** `must` skips checks of level `should`. */
  readonly level: Level;
  /** Ids that are expected to fail. */
  readonly knownFailing: ReadonlySet<string>;
  readonly timeScale: number;
  /** Tapes at a time. */
  readonly jobs: number;
  /** How many exchanges to generate (level 4), and their seed. */
  readonly exchanges: number;
  readonly seed: number;
  /** Whose tapes run. Those of the suite cause everything that the trace checks look at; the user's own need not. */
  readonly library: 'suite' | 'own';
  readonly onResult?: (result: CheckResult) => void;
}

export interface Run {
  readonly config: TargetConfig;
  readonly profile: Profile;
  readonly scope: 'everything' | 'a part';
  readonly nonce: string;
  readonly checks: readonly CheckResult[];
  readonly harnessFaults: readonly string[];
  /** The smallest failing exchange, as a tape. */
  readonly counterexample?: string;
  readonly outcome: Outcome;
  readonly trace: Trace;
  readonly durationMs: number;
}

/** The verdict of a trace check that had nothing to check. */
export interface Idle {
  readonly verdict: 'VACUOUS' | 'N/A' | 'UNTESTABLE';
  readonly reason: string;
}

const NEVER_HAPPENED = 'what it looks at never happened';

/** Checks a finished trace: one result per check of levels 1 and 3. */
export function judgeTrace(
  trace: Trace,
  checks: readonly TraceCheck[],
  idleVerdict: (check: TraceCheck) => Idle,
): readonly CheckResult[] {
  return checks.map((check) => {
    const { id, clauses, why, judge } = check;
    const began = performance.now();
    const finding: Finding = judge(trace);
    const { violations, fired } = finding;
    const idle = violations.length === 0 && fired === 0;
    return {
      id,
      kind: id.startsWith('frames/') ? 'frames' : 'invariant',
      clauses,
      level: 'must',
      why,
      ...(idle ? idleVerdict(check) : { verdict: violations.length > 0 ? 'FAIL' : 'PASS' }),
      failures: violations.map(({ text, frames, clauses: broken }) => ({
        text: `${text} (${broken.join(', ')})`,
        frames,
      })),
      fired,
      durationMs: Math.round(performance.now() - began),
    };
  });
}

async function inParallel<T>(
  items: readonly T[],
  jobs: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      const item = items[index];
      if (item !== undefined) await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** Tapes with control commands run after all others, those that shut the target down last. */
const STAGES = ['calm', 'control', 'shutdown'] as const;

function stageOf({ header }: Tape): (typeof STAGES)[number] {
  if (header.needs.includes('control:shutdown')) return 'shutdown';
  return header.needs.some((each) => each.startsWith('control:')) ? 'control' : 'calm';
}

/** The results of the parts of a run. */
class Course {
  readonly checks: CheckResult[] = [];
  readonly faults: string[] = [];
  counterexample: string | undefined;
  readonly #options: RunOptions;
  readonly #context: RunContext;

  constructor(options: RunOptions, context: RunContext) {
    this.#options = options;
    this.#context = context;
  }

  #tell(result: CheckResult): void {
    this.checks.push(result);
    this.#options.onResult?.(result);
  }

  async #runTape(tape: Tape, index: number): Promise<void> {
    const { nonce } = this.#context;
    try {
      this.#tell(await runTape(tape, this.#context, `${nonce}${index.toString(36)}`));
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error;
      this.faults.push(error.message);
    }
  }

  async runTapes(tapes: readonly Tape[], stage: (typeof STAGES)[number]): Promise<void> {
    const due = [...tapes.entries()].filter(([, tape]) => stageOf(tape) === stage);
    const jobs = stage === 'calm' ? this.#options.jobs : 1;
    await inParallel(due, jobs, ([index, tape]) => this.#runTape(tape, index));
  }

  /** Runs level 4 if it was chosen. */
  async makeExchanges(): Promise<void> {
    const { only, exchanges: count, seed } = this.#options;
    if (count === 0 || !isChosen(EXCHANGES.id, only)) return;
    const { check, counterexample } = await checkExchanges({ context: this.#context, count, seed });
    this.counterexample = counterexample;
    this.#tell(check);
  }

  judgeTrace(): void {
    const { only, library } = this.#options;
    const judged = judgeTrace(this.#context.trace, TRACE_CHECKS, ({ needs = [] }) => {
      const applies = applicability(needs, this.#context);
      if (applies.verdict !== 'applies') return applies;
      // The user's own tapes need not cause everything that the checks look at.
      return { verdict: library === 'own' ? 'N/A' : 'VACUOUS', reason: NEVER_HAPPENED };
    });
    // With --only, vacuous invariants are left out, but failed ones are reported.
    for (const result of judged) if (isChosen(result.id, only) || result.verdict === 'FAIL') this.#tell(result);
    this.faults.push(...ownFaults(this.#context.trace));
  }
}

export interface Target {
  readonly context: RunContext;
  /** Cuts every connection of the run. */
  readonly close: () => void;
}

/**
 * Connects to a target and reads its `welcome`.
 * @throws {UnreachableError} when nothing answers.
 * @throws {NotAGatewayError} when another kind of server answers.
 */
export async function openTarget(options: Pick<RunOptions, 'config' | 'timeScale'>): Promise<Target> {
  const { config, timeScale } = options;
  const began = performance.now();
  const now = (): number => performance.now() - began;
  const trace = new Trace({ trace: TRACE_VERSION, startedAt: new Date().toISOString(), target: config.url }, now);
  const onStall = (ms: number): void => {
    trace.add({ actor: 'runner', connection: 0, dir: '>>', kind: 'mark', text: `stalled ${ms}` });
  };
  const watch = new SelfWatch(now, onStall);
  const connections = new Connections();
  const bare = { config, trace, watch, timeScale, now, nonce: makeNonce(), connections };
  const close = (): void => {
    watch.close();
    connections.cutAll();
  };
  try {
    return { context: { ...bare, profile: await probe(bare) }, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** @throws {UnreachableError | NotAGatewayError} as {@link openTarget}. */
export async function run(options: RunOptions): Promise<Run> {
  const { config, tapes, only, level, knownFailing } = options;
  const { context, close } = await openTarget(options);
  const { trace, profile, nonce, now } = context;
  try {
    const chosen = tapes.filter(
      ({ header }) => isChosen(header.id, only) && (level === 'should' || header.level === 'must'),
    );
    const course = new Course(options, context);
    await course.runTapes(chosen, 'calm');
    await course.makeExchanges();
    await course.runTapes(chosen, 'control');
    await finale(context);
    await course.runTapes(chosen, 'shutdown');
    course.judgeTrace();
    const checks = course.checks
      .map((each): CheckResult => (knownFailing.has(each.id) ? { ...each, known: true } : each))
      .toSorted((left, right) => (left.id < right.id ? -1 : 1));
    const { faults: harnessFaults, counterexample } = course;
    return {
      config,
      profile,
      scope: only === undefined ? 'everything' : 'a part',
      nonce,
      checks,
      harnessFaults,
      ...(counterexample === undefined ? {} : { counterexample }),
      outcome: judgeRun(checks, harnessFaults),
      trace,
      durationMs: Math.round(now()),
    };
  } finally {
    close();
  }
}
