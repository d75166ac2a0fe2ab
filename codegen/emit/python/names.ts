/** Python's names for what a contract may call anything. */

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import in ' +
    'is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/** What the generated module imports or what the language defines: a class of that name would hide it. */
const TAKEN: ReadonlySet<string> = new Set(
  'Any Literal Mapping NotRequired Sequence TypedDict Union bool dict float int list object str tuple type'.split(' '),
);

export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name);
}

/** The class of a schema: its own name where Python can use it. */
export function className(schema: string): string {
  const cleaned = schema.replaceAll(/[^A-Za-z0-9_]+(.)?/g, (_, next: string | undefined) => (next ?? '').toUpperCase());
  const begun = /^[A-Za-z_]/.test(cleaned) ? cleaned : `_${cleaned}`;
  return KEYWORDS.has(begun) || TAKEN.has(begun) ? `${begun}_` : begun;
}

/** A string literal of Python; JSON's escapes are Python's, too. */
export function literal(text: string): string {
  return JSON.stringify(text);
}

/** A docstring's text: nothing in it can end the docstring or be read as an escape. */
export function docstring(text: string): string {
  return text.trim().replaceAll('\\', '\\\\').replaceAll('"""', "'''").replace(/"$/, "'").replaceAll(/\s+/g, ' ');
}
