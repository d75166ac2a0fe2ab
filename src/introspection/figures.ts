/** Helpers for the reports of a node. */

/** Counts names in a `Map`, because clients choose these names, and a plain object already has members such as `constructor`. */
export function countNames(counts: Map<string, number>, names: Iterable<string>): void {
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
}

export function time(ms: number): string {
  return new Date(ms).toISOString();
}
