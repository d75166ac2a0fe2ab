/** Finds the name that a misspelt name was meant to be. */

/** @returns the first name that differs from the wanted name by one typing error; undefined if there is none. */
export function likelyName(wanted: string, names: readonly string[]): string | undefined {
  return names.find((name) => name !== wanted && isTypingError(wanted, name));
}

/** One typing error: one or two adjacent characters are missing, added, changed or swapped. */
function isTypingError(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const same = start + end;
  return Math.max(a.length, b.length) - same <= 2 && same >= shorter / 2;
}
