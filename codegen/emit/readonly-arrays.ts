/** Replaces `T[]` by `readonly T[]` at any depth, in TypeScript that prettier has formatted. */

export function readonlyArrays(source: string): string {
  let text = source;
  let mask = maskOf(text);
  for (let at = mask.indexOf('[]'); at !== -1; at = mask.indexOf('[]', at)) {
    const start = elementStart(mask, at);
    const array = `readonly ${text.slice(start, at)}[]`;
    // If this array is the element of another array, its type needs parentheses.
    const isElement = mask.startsWith('[]', at + 2);
    const written = isElement ? `(${array})` : array;
    text = text.slice(0, start) + written + text.slice(at + 2);
    mask = maskOf(text);
    at = start + written.length;
  }
  return text;
}

/** A copy of the text with comments and string literals blanked out, because their brackets have no meaning. */
function maskOf(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, (each) => '_'.repeat(each.length));
}

const OPENING: Readonly<Record<string, string>> = { ')': '(', '}': '{' };

/** The start index of the type that ends at `end`. The type is a name, a literal, or a bracketed type. */
function elementStart(mask: string, end: number): number {
  const close = mask[end - 1] ?? '';
  const open = OPENING[close];
  if (open === undefined) return end - (/[\w$]*$/.exec(mask.slice(0, end))?.[0].length ?? 0);
  let depth = 0;
  for (let at = end - 1; at >= 0; at -= 1) {
    if (mask[at] === close) depth += 1;
    if (mask[at] === open) depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`There is no ${open} before the ${close} at ${end - 1} of the types.`);
}
