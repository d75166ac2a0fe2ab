/** An input of the search: a few numbers that describe what a hostile client sends. */
import type { Random } from './random.ts';

/** One dimension of the inputs of an operation: whole numbers from `min` to `max`, both included. */
export interface Gene {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

export type Input = Readonly<Record<string, number>>;

export function inputOf(genes: readonly Gene[], valueOf: (gene: Gene) => number): Input {
  return Object.fromEntries(genes.map((gene) => [gene.name, clamp(gene, valueOf(gene))]));
}

function clamp({ min, max }: Gene, value: number): number {
  return Math.min(max, Math.max(min, Math.round(value)));
}

/** Makes a random input. Values are spread evenly over their orders of magnitude: 1 to 10 is chosen as often as 1,000 to 10,000. */
export function randomInput(genes: readonly Gene[], random: Random): Input {
  return inputOf(genes, ({ min, max }) => min - 1 + (max - min + 2) ** random.unit());
}

/** Changes up to three values: to a bound, to a random value, to half or twice the present value, or by 1. */
export function mutate(genes: readonly Gene[], input: Input, random: Random): Input {
  const changed: Record<string, number> = { ...input };
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    const gene = random.pick(genes);
    const value = changed[gene.name] ?? gene.min;
    const candidates = [gene.min, gene.max, value / 2, value * 2, value - 1, value + 1];
    const other = random.below(4) === 0 ? randomInput([gene], random)[gene.name] : random.pick(candidates);
    changed[gene.name] = clamp(gene, other ?? value);
  }
  return changed;
}
