/**
 * Searches for the costliest input by hill climbing: it changes the costliest known inputs, and keeps a changed input
 * that costs more. One input in ten is random, so that the search can leave a local maximum.
 */
import { inputOf, mutate, randomInput } from './input.ts';
import type { Gene, Input } from './input.ts';
import type { Random } from './random.ts';

export interface Evaluated<Cost> {
  readonly input: Input;
  readonly cost: Cost;
}

export interface HillClimbingOptions<Cost> {
  readonly genes: readonly Gene[];
  /** Known inputs from which the search starts. */
  readonly start: readonly Input[];
  readonly evaluations: number;
  readonly random: Random;
  readonly evaluate: (input: Input) => Promise<Cost>;
  /** The number that the search maximises, computed from a cost. */
  readonly rank: (cost: Cost) => number;
}

/** How many of the costliest inputs the search changes. */
const SUMMITS = 6;
/** One of this many inputs is random. */
const FRESH = 10;

/** @returns every evaluated input, the costliest first */
export async function climbHill<Cost>(options: HillClimbingOptions<Cost>): Promise<readonly Evaluated<Cost>[]> {
  const { genes, start, evaluations, random, evaluate, rank } = options;
  const corners = [inputOf(genes, ({ max }) => max), inputOf(genes, ({ min }) => min)];
  const pending = [...start.map((input) => inputOf(genes, ({ name, min }) => input[name] ?? min)), ...corners];
  const known: Evaluated<Cost>[] = [];
  for (let count = 0; count < evaluations; count += 1) {
    const parents = known.slice(0, SUMMITS);
    const isFresh = parents.length === 0 || random.below(FRESH) === 0;
    const input =
      pending.shift() ?? (isFresh ? randomInput(genes, random) : mutate(genes, random.pick(parents).input, random));
    const evaluated = { input, cost: await evaluate(input) };
    const at = known.findIndex(({ cost }) => rank(cost) < rank(evaluated.cost));
    known.splice(at < 0 ? known.length : at, 0, evaluated);
  }
  return known;
}
