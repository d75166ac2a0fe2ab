/** A whole run: the probe, then the tapes, then the frame checks and the invariants on the trace of the run. */
import type { TargetConfig } from '../target/config.ts';
import { isChosen } from '../tape/library.ts';
import type { Level, Tape } from '../tape/tape.ts';
import { TRACE_VERSION, Trace } from '../trace/trace.ts';
import { Connections } from './connections.ts';
import type { Profile } from '../target/profile.ts';
import type { RunContext } from './context.ts';
import { Execution } from './execution.ts';
import { endRun } from './run-end.ts';
import { PROBE, WelcomeError, makeNonce, probe } from './probe.ts';
import { judgeRun, skippedCheck } from './verdict.ts';
import type { CheckResult, Outcome } from './verdict.ts';
import { PingConnection } from './ping-connection.ts';
import { PacedClock } from './paced-clock.ts';
import { StallDetector } from './stall-detector.ts';

export interface RunOptions {
  readonly config: TargetConfig;
  readonly tapes: readonly Tape[];
  /** Globs of check ids, separated by commas; only these checks run. */
  readonly only?: string;
  /** `must` skips checks of level `should`. */
  readonly level: Level;
  /** Ids of checks that are expected to fail. */
  readonly knownFailing: ReadonlySet<string>;
  readonly timeScale: number;
  /** Number of tapes that run at the same time. */
  readonly jobs: number;
  /** How many exchanges to generate, and their seed. */
  readonly exchanges: number;
  readonly seed: number;
  /**
   * Whether the suite's tapes or a user's own tapes run. The suite's tapes cause everything that trace checks examine;
   * a user's own tapes need not.
   */
  readonly library: 'suite' | 'own';
  /** If set, checks also run if they depend on a command that the target has never answered. */
  readonly keepGoing?: true;
  readonly onResult?: (result: CheckResult) => void;
}

export interface Run {
  readonly config: TargetConfig;
  /** The seed of its exchanges. */
  readonly seed: number;
  /** Undefined when no valid `welcome` arrived. */
  readonly profile: Profile | undefined;
  readonly scope: 'everything' | 'a part';
  readonly nonce: string;
  readonly checks: readonly CheckResult[];
  readonly harnessFaults: readonly string[];
  /** Facts that are more important than any single check, such as that the target stopped. */
  readonly headlines: readonly string[];
  /** The smallest failing exchange, as a tape. */
  readonly counterexample?: string;
  readonly outcome: Outcome;
  readonly trace: Trace;
  readonly durationMs: number;
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
 * @throws {WelcomeError} when the `welcome` of the server is missing or wrong.
 */
export async function openTarget(options: Pick<RunOptions, 'config' | 'timeScale'>): Promise<Target> {
  const { config, timeScale } = options;
  const began = performance.now();
  const now = (): number => performance.now() - began;
  const trace = new Trace({ trace: TRACE_VERSION, startedAt: new Date().toISOString(), target: config.url }, now);
  const mark = (text: string): void => {
    trace.add({ actor: 'runner', connection: 0, dir: '>>', kind: 'mark', text });
  };
  const watch = new StallDetector(now, (ms) => mark(`stalled ${ms}`));
  const pingConnection = new PingConnection({ config, now });
  const clock = new PacedClock({ now, ping: () => pingConnection.ping(), onSlow: (ms) => mark(`busy ${ms}`) });
  const connections = new Connections();
  const isConnectedSince = (from: number): boolean => pingConnection.isOpenSince(from);
  const bare = { config, trace, watch, clock, isConnectedSince, timeScale, now, nonce: makeNonce(), connections };
  const close = (): void => {
    watch.close();
    clock.close();
    pingConnection.close();
    connections.cutAll();
  };
  try {
    return { context: { ...bare, profile: await probe(bare) }, close };
  } catch (error) {
    close();
    throw error;
  }
}

export function chosenTapes({ tapes, only, level }: Pick<RunOptions, 'tapes' | 'only' | 'level'>): readonly Tape[] {
  return tapes.filter(({ header }) => isChosen(header.id, only) && (level === 'should' || header.level === 'must'));
}

/** The result of a run that ends because the `welcome` is missing or wrong: only the faults of the `welcome`. */
function welcomeRun(options: RunOptions, { failure, trace }: WelcomeError): Run {
  const skipped = chosenTapes(options).map(({ header }) => skippedCheck(header, 'no valid welcome arrived'));
  const checks: readonly CheckResult[] = [
    {
      id: PROBE,
      kind: 'frames',
      clauses: ['CON-2'],
      level: 'must',
      why: 'The first message of a connection is a welcome that matches the contract.',
      verdict: 'FAIL',
      failures: [failure],
      fired: 1,
      durationMs: 0,
    },
    ...skipped,
  ];
  const title = failure.text.split(':')[0] ?? '';
  return {
    config: options.config,
    seed: options.seed,
    profile: undefined,
    scope: options.only === undefined ? 'everything' : 'a part',
    nonce: '',
    checks,
    harnessFaults: [],
    headlines: [`${title}: nothing else can be checked until the welcome is right`],
    outcome: judgeRun(checks, [], [title]),
    trace,
    durationMs: Math.round(trace.frames.at(-1)?.at ?? 0),
  };
}

/** @throws {UnreachableError | NotAGatewayError} in the same cases as {@link openTarget}. */
export async function run(options: RunOptions): Promise<Run> {
  try {
    return await runChecks(options);
  } catch (error) {
    if (error instanceof WelcomeError) return welcomeRun(options, error);
    throw error;
  }
}

async function runChecks(options: RunOptions): Promise<Run> {
  const { config, only, knownFailing } = options;
  const { context, close } = await openTarget(options);
  const { trace, profile, nonce, now } = context;
  try {
    const chosen = chosenTapes(options);
    const execution = new Execution(options, context);
    await execution.runTapes(chosen, 'calm');
    await execution.makeExchanges();
    await execution.runTapes(chosen, 'control');
    if (!execution.isOver) await endRun(context);
    await execution.runTapes(chosen, 'shutdown');
    execution.judgeTrace();
    const checks = execution.checks
      .map((each): CheckResult => (knownFailing.has(each.id) ? { ...each, known: true } : each))
      .toSorted((left, right) => (left.id < right.id ? -1 : 1));
    const { faults: harnessFaults, counterexample } = execution;
    return {
      config,
      seed: options.seed,
      profile,
      scope: only === undefined ? 'everything' : 'a part',
      nonce,
      checks,
      harnessFaults,
      ...(counterexample === undefined ? {} : { counterexample }),
      headlines: execution.headlines,
      outcome: judgeRun(checks, harnessFaults, execution.titles),
      trace,
      durationMs: Math.round(now()),
    };
  } finally {
    close();
  }
}
