/** Maps names of a contract, which may be any text, to names in Python. */

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import in ' +
    'is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/** Types that the generated module uses for members: in a class, a member with such a name would hide the type. */
const BUILT_IN: ReadonlySet<string> = new Set(['bool', 'float', 'int', 'object', 'str']);

/** Whether a class can have a member with this name. Python mangles names that begin with `__`. */
export function isMember(name: string): boolean {
  return /^[a-z_][A-Za-z0-9_]*$/.test(name) && !name.startsWith('__') && !KEYWORDS.has(name) && !BUILT_IN.has(name);
}

/** A string literal of Python. The escapes of JSON are also valid in Python. */
export function literal(text: string): string {
  return JSON.stringify(text);
}

/** Escapes text for a docstring, so that it can neither end the docstring nor contain an escape. */
export function docstring(text: string): string {
  const plain = text.replaceAll(/\p{Cc}/gu, ' ').trim();
  return plain.replaceAll('\\', '\\\\').replaceAll('"""', "'''").replace(/"$/, "'").replaceAll(/\s+/g, ' ');
}
