/** Finds the received message that is nearest to the expected one. */
import type { Json } from '../trace/json.ts';
import type { Bindings } from './bindings.ts';
import { match } from './matcher.ts';
import type { Difference } from './matcher.ts';

export interface Nearest<T> {
  readonly candidate: T;
  readonly differences: readonly Difference[];
}

/** A wrong `type` or `id` weighs more than any difference in `data`. */
const HEAVY: Readonly<Record<string, number>> = { '/type': 100, '/id': 30, '/data/event': 20 };

function distance(differences: readonly Difference[]): number {
  return differences.reduce((sum, { path }) => sum + (HEAVY[path] ?? 1), 0);
}

/** The nearest candidate (of equally near ones, the latest); undefined when there are none. */
export function nearest<T>(
  pattern: Json,
  candidates: readonly T[],
  valueOf: (candidate: T) => Json | undefined,
  bindings: Bindings,
): Nearest<T> | undefined {
  let best: Nearest<T> | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const { differences } = match(pattern, valueOf(candidate), bindings);
    const far = distance(differences);
    if (far > least) continue;
    best = { candidate, differences };
    least = far;
  }
  return best;
}
