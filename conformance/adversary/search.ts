/**
 * The adversary: for each operation, searches for the input that costs the server most. During the search, a well-behaved client, the
 * neighbour, measures how long it has to wait for replies.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { NeighbourThread } from '../hostile/neighbour-thread.ts';
import { hostileContextOf, readFeatures } from '../hostile/run.ts';
import { Unreachable } from '../hostile/wire.ts';
import type { RunOptions } from '../hostile/run.ts';
import type { HostileContext } from '../hostile/steps.ts';
import { deepPath, limitsOf } from './attack.ts';
import type { Attack, AttackedOperation, Command, Limits, Prepared } from './attack.ts';
import { climbHill } from './hill-climbing.ts';
import type { Evaluated } from './hill-climbing.ts';
import type { Input } from './input.ts';
import { Meter } from './meter.ts';
import type { Cost } from './meter.ts';
import { Random } from './random.ts';
import { AttackSession } from './session.ts';
import type { Replies } from './session.ts';

export interface SearchOptions extends Pick<RunOptions, 'target' | 'credential' | 'patienceMs'> {
  readonly operations: readonly AttackedOperation[];
  /** Number of inputs to try per operation; if undefined, only the inputs of `start` are tried. */
  readonly evaluations: number | undefined;
  readonly seed: number;
  /**
   * How often each of the costliest inputs is measured again, because other work on the machine can cause a single long
   * wait.
   */
  readonly repeats: number;
  readonly pid: number | undefined;
  /** Inputs from which the search of an operation starts, such as the worst ones of an earlier search. */
  readonly start: (operation: string) => readonly Input[];
  readonly onResult: (result: SearchResult) => void;
}

/** A cost, and how the server replied. If it refused most of an input, the cost says little about the operation. */
export interface Measured extends Cost {
  readonly replies: Replies;
}

export interface SearchResult {
  readonly operation: string;
  readonly evaluations: number;
  /** The costliest inputs; each was repeated, and its cost is the median. */
  readonly worst: readonly Evaluated<Measured>[];
  /** The neighbour's longest wait for a reply during an input, in milliseconds: percentiles of all inputs. */
  readonly waits: { readonly p50: number; readonly p99: number; readonly max: number };
  /** The faults of the server. */
  readonly faults: readonly string[];
}

/** How many inputs to keep per operation. */
const KEPT = 3;
/**
 * The time limit for a reply, in milliseconds, unless the user sets a longer one. It is long, because a search provokes
 * long waits and the machine may be busy.
 */
const SEARCH_PATIENCE_MS = 60_000;
/** How many connections fill the histories. There are several, because the server limits the commands of each connection. */
const FILLERS = 20;

/** @throws {Unreachable} when no ordinary client can connect */
export async function search(options: SearchOptions): Promise<void> {
  const known = hostileContextOf({ ...options, patienceMs: Math.max(options.patienceMs, SEARCH_PATIENCE_MS) });
  const found = await readFeatures(known);
  const limits = limitsOf(found.limits);
  const context = { ...known, limits };
  const nonce = randomBytes(6).toString('hex');
  const neighbour = new NeighbourThread({ context, nonce, publish: 'none' });
  try {
    await neighbour.ready();
    const prepared = await prepareStreams(context, { nonce, limits, canPublish: found.has.has('broadcast') });
    const meter = new Meter({ neighbour, pid: options.pid });
    for (const operation of options.operations)
      options.onResult(await new Search({ options, operation, context, limits, prepared, meter }).run());
    await neighbour.finish();
  } finally {
    await neighbour.end();
  }
}

/**
 * Fills the histories of streams to which hostile clients will subscribe: one with deep paths, one with many keys, one with large
 * payloads.
 */
async function prepareStreams(
  context: HostileContext,
  { nonce, limits, canPublish }: { readonly nonce: string; readonly limits: Limits; readonly canPublish: boolean },
): Promise<Prepared> {
  const streams = ['deep', 'keys', 'large'].map((name) => `session:hostile-${nonce}-${name}`);
  if (!canPublish) return { streams };
  const [deep = '', keys = '', large = ''] = streams;
  const perFiller = Math.max(1, Math.floor(limits.commandBurst * 0.9));
  for (let filler = 0; filler < FILLERS; filler += 1) {
    const session = await AttackSession.open(context);
    await session.send(Array.from({ length: perFiller }, (_, at) => past(filler * perFiller + at)));
    session.close();
  }
  return { streams };

  function past(number: number): Command {
    const file = { path: deepPath(100, number), root: 'r', changeType: 'modify', fileType: 'file' };
    const entity = { id: `e${number}`, entityType: 'function', name: 'n'.repeat(100) };
    const data = [
      { stream: deep, event: 'file_change', payload: file },
      { stream: keys, event: 'entity_created', payload: entity },
      { stream: large, event: 'adversary.event', payload: { text: 'x'.repeat(16_384) } },
    ][number % 3];
    return { type: 'broadcast', data: data ?? {} };
  }
}

/** The first of all equal inputs. */
function distinct(ranked: readonly Evaluated<Measured>[]): readonly Evaluated<Measured>[] {
  const first = new Map<string, Evaluated<Measured>>();
  for (const each of ranked) {
    const key = JSON.stringify(each.input);
    if (!first.has(key)) first.set(key, each);
  }
  return [...first.values()];
}

interface SearchParts {
  readonly options: SearchOptions;
  readonly operation: AttackedOperation;
  readonly context: HostileContext;
  readonly limits: Limits;
  readonly prepared: Prepared;
  readonly meter: Meter;
}

class Search {
  readonly #parts: SearchParts;
  readonly #waits: number[] = [];
  readonly #faults = new Set<string>();
  #refilledAt = 0;

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  async run(): Promise<SearchResult> {
    const { operation, options } = this.#parts;
    const start = options.start(operation.name);
    const ranked = await climbHill<Measured>({
      genes: operation.genes,
      start,
      evaluations: options.evaluations ?? start.length,
      random: new Random(options.seed),
      evaluate: (input) => this.#evaluate(input),
      rank: ({ cpuMs, waitMs }) => cpuMs ?? waitMs,
    });
    const worst: Evaluated<Measured>[] = [];
    for (const { input } of distinct(ranked).slice(0, KEPT)) worst.push({ input, cost: await this.#confirm(input) });
    const sorted = this.#waits.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const waits = { p50: at(0.5), p99: at(0.99), max: at(1) };
    return { operation: operation.name, evaluations: ranked.length, worst, waits, faults: [...this.#faults] };
  }

  async #evaluate(input: Input): Promise<Measured> {
    const { operation, context, limits, prepared, meter } = this.#parts;
    const attack = operation.attack(input, limits, prepared);
    await wait(Math.max(0, this.#refilledAt - performance.now()));
    const session = await AttackSession.open(context);
    try {
      await session.prepare(attack);
      const startedAt = performance.now();
      const cost = await meter.measure(() => session.strike(attack));
      this.#waits.push(cost.waitMs);
      this.#spend(attack, cost.cpuMs ?? performance.now() - startedAt);
      return { ...cost, replies: session.replies };
    } catch (cause) {
      if (!(cause instanceof Unreachable)) throw cause;
      throw new Unreachable(`${operation.name} ${JSON.stringify(input)}: ${cause.message}`, { cause });
    } finally {
      for (const fault of session.faults) this.#faults.add(fault);
      session.close();
    }
  }

  /**
   * Notes when the server accepts as many requests again as before an attack. HTTP requests count against the rate of a principal or an
   * address, so it would refuse an input that follows earlier. Commands count against the rate of their own connection (OPS-6).
   */
  #spend({ requests }: Attack, workMs: number): void {
    if (requests.length === 0) return;
    const { commandsPerSecond, commandCostMs } = this.#parts.limits;
    const tokens = requests.length + workMs / commandCostMs;
    this.#refilledAt = performance.now() + (tokens / commandsPerSecond) * 1000;
  }

  /** Measures an input several times, and returns the median cost. */
  async #confirm(input: Input): Promise<Measured> {
    const costs: Measured[] = [];
    for (let round = 0; round < this.#parts.options.repeats; round += 1) costs.push(await this.#evaluate(input));
    const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
    const known = costs.flatMap(({ cpuMs }) => (cpuMs === undefined ? [] : [cpuMs]));
    return {
      waitMs: median(costs.map(({ waitMs }) => waitMs)),
      cpuMs: known.length === 0 ? undefined : median(known),
      residentBytes: costs.at(-1)?.residentBytes,
      replies: costs.at(-1)?.replies ?? {},
    };
  }
}
