/** A name that was meant to be another one. */

/** @returns the one of the names that differs from the wanted one by a slip of the finger. */
export function findSlip(wanted: string, names: readonly string[]): string | undefined {
  return names.find((name) => name !== wanted && isSlip(wanted, name));
}

/** One or two neighbouring characters left out, added, changed or swapped. */
function isSlip(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const same = start + end;
  return Math.max(a.length, b.length) - same <= 2 && same >= shorter / 2;
}
