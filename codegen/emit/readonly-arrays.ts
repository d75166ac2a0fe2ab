/** `T[]` → `readonly T[]` in TypeScript as prettier writes it, at any depth. */

export function readonlyArrays(source: string): string {
  let text = source;
  let mask = maskOf(text);
  for (let at = mask.indexOf('[]'); at !== -1; at = mask.indexOf('[]', at)) {
    const start = elementStart(mask, at);
    const array = `readonly ${text.slice(start, at)}[]`;
    // Another array around it: its element needs brackets.
    const isElement = mask.startsWith('[]', at + 2);
    const written = isElement ? `(${array})` : array;
    text = text.slice(0, start) + written + text.slice(at + 2);
    mask = maskOf(text);
    at = start + written.length;
  }
  return text;
}

/** The same text with every comment and every string literal blanked out: brackets in them mean nothing. */
function maskOf(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, (each) => '_'.repeat(each.length));
}

const OPENING: Readonly<Record<string, string>> = { ')': '(', '}': '{' };

/** Where the type before `end` begins: a name, a literal, or what stands in brackets. */
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
