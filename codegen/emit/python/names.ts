/** Python's names for what a contract may call anything. */

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import in ' +
    'is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/** Types by which the generated module describes members: in a class, a member of that name would hide them. */
const BUILT_IN: ReadonlySet<string> = new Set(['bool', 'float', 'int', 'object', 'str']);

/** Whether a class can have a member of that name: Python changes names that begin with `__`. */
export function isMember(name: string): boolean {
  return /^[a-z_][A-Za-z0-9_]*$/.test(name) && !name.startsWith('__') && !KEYWORDS.has(name) && !BUILT_IN.has(name);
}

/** A string literal of Python; JSON's escapes are Python's, too. */
export function literal(text: string): string {
  return JSON.stringify(text);
}

/** A docstring's text: nothing in it can end the docstring or be read as an escape. */
export function docstring(text: string): string {
  const plain = text.replaceAll(/\p{Cc}/gu, ' ').trim();
  return plain.replaceAll('\\', '\\\\').replaceAll('"""', "'''").replace(/"$/, "'").replaceAll(/\s+/g, ' ');
}
