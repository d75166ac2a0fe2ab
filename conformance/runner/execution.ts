/** Runs the checks of a run in order, and gives the remaining checks a result when the target stops. */
import { TRACE_CHECKS } from '../invariants/checks.ts';
import { ownFaults } from '../invariants/frame-checks.ts';
import { EXCHANGES, checkExchanges } from '../exchanges/check.ts';
import type { ExchangeResult } from '../exchanges/check.ts';
import { isChosen } from '../tape/library.ts';
import { needsRepliesTo } from '../tape/rank.ts';
import type { Tape } from '../tape/tape.ts';
import { applicability } from '../target/needs.ts';
import type { Trace } from '../trace/trace.ts';
import { traceBefore, withoutEnds } from '../trace/outstanding.ts';
import { HarnessError } from './context.ts';
import { Attempts } from './attempts.ts';
import type { RunContext } from './context.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { judgeTrace } from './judge-trace.ts';
import type { Idle } from './judge-trace.ts';
// Import cycle of types only: run.ts declares the options that this file reads, and calls this file.
import type { RunOptions } from './run.ts';
import { runTape } from './run-tape.ts';
import { UnansweredCommands } from './unanswered-commands.ts';
import { queueDoubt } from './queue-age.ts';
import { SharedCommand } from './shared-command.ts';
import type { SharedPart } from './shared-command.ts';
import { isRepeatable, orderOf, stageOf } from './tape-order.ts';
import type { StageOfRun } from './tape-order.ts';
import { RUNS_ALONE, doubtSince, doubtfulResult, isLate } from './starvation.ts';
import type { Doubt } from './starvation.ts';
import { standstillFailure, standstillText, standstillTitle } from './standstill-text.ts';
import { skippedCheck } from './verdict.ts';
import type { CheckResult } from './verdict.ts';
import { StandstillDetector } from './standstill-detector.ts';
import type { Standstill } from './standstill-detector.ts';

interface Item {
  readonly index: number;
  readonly tape: Tape;
}

/** A tape to run again alone, and its first result. Without a first result, the target was restarted during the first run. */
interface Repeat extends Item {
  readonly first?: Performed;
}

/** The result of one run of a tape. */
interface Performed {
  readonly result: CheckResult;
  /** Why the result may not be valid; undefined if it is valid. */
  readonly doubt: Doubt | undefined;
}

/** Whether the tape could have another result if it runs again alone. */
function isUncertain(performed: Performed | undefined): boolean {
  return performed?.doubt !== undefined && isLate(performed.result);
}

function certain({ result, doubt }: Performed): CheckResult {
  return doubt === undefined ? result : doubtfulResult(result, doubt);
}

/** The run ends after this many restarts of the target, because every further tape may make the target crash or hang again. */
const MOST_STANDSTILLS = 5;
const NEVER_HAPPENED = 'the run had nothing for this check to examine';
const QUIET: readonly string[] = ['PASS', 'N/A', 'SKIPPED'];

/** Runs the parts of a run one after the other, and collects their results. */
export class Execution {
  readonly checks: CheckResult[] = [];
  readonly faults: string[] = [];
  readonly standstills: Standstill[] = [];
  counterexample: string | undefined;
  readonly #options: RunOptions;
  readonly #context: RunContext;
  readonly #detector: StandstillDetector;
  readonly #unanswered: UnansweredCommands;
  readonly #certain: Standstill[] = [];
  /** The tapes to run again alone: each was running when the target was restarted, or its failure is doubtful. */
  readonly #again = new Map<string, Repeat>();
  /** The causes of failures that repeated when a tape ran alone. */
  readonly #confirmed = new Set<string>();
  readonly #items = new Map<string, Item>();
  #over: string | undefined;
  readonly #attempts = new Attempts();

  constructor(options: RunOptions, context: RunContext) {
    this.#options = options;
    this.#context = context;
    this.#detector = new StandstillDetector(context);
    this.#unanswered = new UnansweredCommands(context.trace);
  }

  /**
   * The standstills that happened while a tape ran alone, because their cause is certain. If there are none, all
   * standstills.
   */
  get #reported(): readonly Standstill[] {
    return this.#certain.length > 0 ? this.#certain : this.standstills;
  }

  /** Sentences to show at the top of the report; empty when the target neither stopped nor left commands unanswered. */
  get headlines(): readonly string[] {
    return [...this.#reported.map((each) => standstillText(each)), ...this.#unanswered.headlines];
  }

  /** The headlines in a few words each. */
  get titles(): readonly string[] {
    return [...this.#reported.map((each) => standstillTitle(each)), ...this.#unanswered.titles];
  }

  #report(result: CheckResult): void {
    this.checks.push(result);
    this.#options.onResult?.(result);
  }

  /** Changes a result that was already reported. Only later was it clear that the check had made the target crash or hang. */
  #replace(id: string, change: (result: CheckResult) => CheckResult): void {
    const index = this.checks.findIndex((each) => each.id === id);
    const found = this.checks[index];
    if (found !== undefined) this.checks[index] = change(found);
  }

  /** Records a standstill once, even if several tapes detect it. */
  #note(standstill: Standstill): void {
    if (this.standstills.includes(standstill)) return;
    this.standstills.push(standstill);
    if (!standstill.restarted) this.#over = 'the server had stopped';
    else if (this.standstills.length >= MOST_STANDSTILLS)
      this.#over = `the server had stopped ${MOST_STANDSTILLS} times`;
    if (!standstill.restarted) this.#context.connections.cutAll();
    // A tape may have passed before its last frame made the server crash or hang. So replace the result of the tape.
    for (const id of new Set(standstill.suspects.map(({ check }) => check ?? ''))) {
      const item = this.#items.get(id);
      if (item === undefined || !this.checks.some((each) => each.id === id)) continue;
      if (standstill.restarted && this.#over === undefined) this.#again.set(id, item);
      this.#replace(id, (result) => standstillFailure(result, standstill));
    }
  }

  #skipReason(tape: Tape): string | undefined {
    if (this.#over !== undefined) return this.#over;
    return this.#options.keepGoing === true ? undefined : this.#unanswered.blocks(needsRepliesTo(tape));
  }

  /** @returns undefined after a fault of the suite itself */
  async #perform({ tape, index }: Item, context = this.#context): Promise<Performed | undefined> {
    const from = this.#context.now();
    const { id } = tape.header;
    const runs = this.#attempts.begin(id, this.#context.trace);
    const nonce = `${this.#context.nonce}${index.toString(36)}`;
    try {
      // A second run uses new streams and paths, because the first run may have left events.
      const result = await runTape(tape, context, runs === 1 ? nonce : `${nonce}_${runs}`);
      return {
        result,
        doubt: QUIET.includes(result.verdict) ? undefined : this.#doubt(result, from),
      };
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error;
      this.faults.push(error.message);
      return undefined;
    }
  }

  #doubt(result: CheckResult, from: number): Doubt | undefined {
    const { verdict, reason = '', id } = result;
    const { trace, profile } = this.#context;
    const limitMs = profile.welcome.limits.sendQueueAgeMs;
    // A check without a result, for example because the network failed, may get a result when it runs again.
    return (
      queueDoubt({ check: id, from, limitMs }, trace) ??
      doubtSince(from, this.#context, result) ??
      (verdict === 'INCONCLUSIVE' ? { reason, ifRepeated: 'proves nothing' } : undefined)
    );
  }

  /**
   * Runs a tape while no other tape runs. Repeats it until suite and target get enough processor time for a valid verdict.
   */
  async #performAlone(item: Item): Promise<CheckResult | undefined> {
    let performed = await this.#perform(item);
    for (let runs = 1; runs < RUNS_ALONE && isUncertain(performed); runs += 1) performed = await this.#perform(item);
    return performed === undefined ? undefined : certain(performed);
  }

  async #runTape(item: Item): Promise<void> {
    await this.#detector.idle();
    const { id } = item.tape.header;
    const reason = this.#skipReason(item.tape);
    if (reason !== undefined) return this.#report(skippedCheck(item.tape.header, reason));
    this.#items.set(id, item);
    const performed = await this.#perform(item);
    if (performed === undefined) return;
    const { result, doubt } = performed;
    const standstill = QUIET.includes(result.verdict) ? undefined : await this.#detector.look();
    if (standstill === undefined) {
      if (doubt !== undefined && isRepeatable(item.tape))
        return void this.#again.set(id, { ...item, first: performed });
      if (doubt !== undefined) return this.#report(doubtfulResult(result, doubt));
      this.#unanswered.note(result);
      return this.#report(result);
    }
    this.#note(standstill);
    if (standstill.restarted && this.#over === undefined) this.#again.set(id, item);
    else if (standstill.suspects.some(({ check }) => check === id)) this.#report(standstillFailure(result, standstill));
    else this.#report(skippedCheck(item.tape.header, 'the server stopped while it ran'));
  }

  /** The first result of a tape, if the tape need not run again: another tape, run alone, has confirmed the cause of its failure. */
  #known({ first }: Repeat): CheckResult | undefined {
    const cause = first?.result.cause?.text;
    return cause !== undefined && this.#confirmed.has(cause) ? first?.result : undefined;
  }

  /** Runs the tapes one at a time, so that it is certain which tape makes the target crash or hang. */
  async #runAgain(): Promise<void> {
    const items = [...this.#again.values()];
    this.#again.clear();
    for (const item of items) {
      const { id } = item.tape.header;
      const before = this.checks.findIndex((each) => each.id === id);
      if (before >= 0) this.checks.splice(before, 1);
      if (this.#over !== undefined) {
        this.#report(skippedCheck(item.tape.header, this.#over));
        continue;
      }
      const result = this.#known(item) ?? (await this.#performAlone(item));
      if (result === undefined) continue;
      const found = await this.#detector.look();
      if (found === undefined) {
        if (result.verdict === 'FAIL' && result.cause !== undefined) this.#confirmed.add(result.cause.text);
        this.#unanswered.note(result);
        this.#report(result);
        continue;
      }
      const standstill = { ...found, suspects: found.suspects.filter(({ check }) => check === id) };
      this.#certain.push(standstill);
      this.#note(standstill);
      this.#report(standstillFailure(result, standstill));
    }
  }

  /** Checks whether the last tape or exchange has made the target crash or hang. */
  async #settle(): Promise<void> {
    if (this.#over !== undefined) return;
    const standstill = await this.#detector.look();
    if (standstill !== undefined) this.#note(standstill);
    await this.#runAgain();
  }

  async runTapes(tapes: readonly Tape[], stage: StageOfRun): Promise<void> {
    const due = [...tapes.entries()]
      .map(([index, tape]) => ({ index, tape }))
      .filter(({ tape }) => stageOf(tape) === stage)
      .toSorted((left, right) => orderOf(left.tape) - orderOf(right.tape));
    if (due.length === 0) return;
    // These tapes stop the target on purpose and check that it stops, so a stopped target is no standstill here.
    if (stage === 'shutdown') return this.#shutDown(due);
    const limit = new ConcurrencyLimit(stage === 'calm' ? this.#options.jobs : 1, this.#context.clock);
    await Promise.all(due.map((item) => limit.run(() => this.#runTape(item))));
    await this.#settle();
  }

  /** Runs all tapes at the same time, because the target can be shut down only once. */
  async #shutDown(items: readonly Item[]): Promise<void> {
    const command = new SharedCommand();
    const able: (Item & { readonly shutdown: SharedPart })[] = [];
    for (const item of items) {
      const reason = this.#skipReason(item.tape);
      if (reason === undefined) able.push({ ...item, shutdown: command.join() });
      else this.#report(skippedCheck(item.tape.header, reason));
    }
    await Promise.all(able.map((each) => this.#shutDownBy(each)));
  }

  async #shutDownBy({ shutdown, ...item }: Item & { readonly shutdown: SharedPart }): Promise<void> {
    const context = { ...this.#context, shutdown };
    const performed = await this.#perform(item, context).finally(() => shutdown.leave());
    if (performed !== undefined) this.#report(certain(performed));
  }

  /** Whether the run has ended early, because the target crashed or hung and was not restarted, or was restarted too often. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Runs the generated exchanges if they were chosen. */
  async makeExchanges(): Promise<void> {
    const { only, exchanges: count, seed, keepGoing } = this.#options;
    if (count === 0 || !isChosen(EXCHANGES.id, only)) return;
    const reason =
      this.#over ??
      (keepGoing === true ? undefined : this.#unanswered.blocks(new Set(['subscribe', 'broadcast', 'sync'])));
    const { id, clauses, why } = EXCHANGES;
    const base = { id, clauses, why, kind: 'generated', level: 'must', failures: [], fired: 0, durationMs: 0 } as const;
    if (reason !== undefined) return this.#report({ ...base, verdict: 'SKIPPED', reason });
    const { check, counterexample } = await this.#runExchanges({ count, seed });
    this.counterexample = counterexample;
    const standstill = check.verdict === 'PASS' ? undefined : await this.#detector.look();
    if (standstill !== undefined) this.#note({ ...standstill, suspects: [] });
    this.#report(standstill === undefined ? check : standstillFailure(check, { ...standstill, suspects: [] }));
  }

  /**
   * Runs the exchanges, and repeats them if there was no result because the machine was busy or the network failed.
   */
  async #runExchanges(options: { readonly count: number; readonly seed: number }): Promise<ExchangeResult> {
    for (let runs = 1; ; runs += 1) {
      const { nonce } = this.#context;
      const context = { ...this.#context, nonce: runs === 1 ? nonce : `${nonce}_${runs}` };
      const done = await checkExchanges({ ...options, context });
      if (done.check.verdict !== 'INCONCLUSIVE' || runs === RUNS_ALONE) return done;
    }
  }

  /**
   * The trace that the checks examine. It ends where the target stopped for good. Two kinds of broken connections are not
   * the fault of the server, so their ends are left out: those that broke during a standstill, which is reported separately,
   * and those of a tape run that was repeated.
   */
  #judgedTrace(): Trace {
    const { trace } = this.#context;
    const end = this.standstills.find(({ restarted }) => !restarted);
    const part = end === undefined ? trace : traceBefore(trace, end.from);
    const repeated = this.#attempts.repeated(part);
    return withoutEnds(
      part,
      ({ n, connection }) => repeated.has(connection) || this.standstills.some(({ from, to }) => n >= from && n <= to),
    );
  }

  judgeTrace(): void {
    const { only } = this.#options;
    const judged = judgeTrace(this.#judgedTrace(), TRACE_CHECKS, ({ needs = [] }) => this.#idle(needs));
    // With `--only`, an invariant that was not chosen is reported only if it failed.
    for (const result of judged) if (isChosen(result.id, only) || result.verdict === 'FAIL') this.#report(result);
    this.faults.push(...ownFaults(this.#context.trace));
  }

  #idle(needs: readonly string[]): Idle {
    const applies = applicability(needs, this.#context);
    if (applies.verdict !== 'applies') return applies;
    const reason = this.#over ?? this.#unanswered.headlines[0];
    if (reason !== undefined) return { verdict: 'SKIPPED', reason: `${NEVER_HAPPENED}: ${reason}` };
    // A user's own tapes need not cause everything that the checks examine. So a check that had nothing to examine is N/A
    // for these tapes.
    return { verdict: this.#options.library === 'own' ? 'N/A' : 'VACUOUS', reason: NEVER_HAPPENED };
  }
}
