/** Finds the received message that is nearest to the expected one. */
import type { Json } from '../trace/json.ts';
import type { Bindings } from './bindings.ts';
import { match } from './matcher.ts';
import type { Difference } from './matcher.ts';

export interface Nearest<T> {
  readonly candidate: T;
  readonly differences: readonly Difference[];
}

/** How much a difference at these pointers counts. A wrong `type` or `id` counts more than any other difference. */
const HEAVY: Readonly<Record<string, number>> = { '/type': 100, '/id': 30, '/data/event': 20 };

function distance(differences: readonly Difference[]): number {
  return differences.reduce((sum, { path }) => sum + (HEAVY[path] ?? 1), 0);
}

/** Finds the nearest candidate, or the latest of several equally near candidates. Undefined if there are no candidates. */
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
