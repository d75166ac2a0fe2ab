/** Makes pieces of TypeScript text for several emitters. */

/**
 * The origin named at the top of generated files in this repository. Files generated in other projects name another
 * origin.
 */
export const ORIGIN = 'asyncapi.yaml by `npm run generate`';

/**
 * The first lines of every generated source file. They are line comments, because a block comment would become the
 * docstring of the first declaration.
 */
export function banner(what: string): string {
  return `// ${what}\n// Generated from ${ORIGIN}. Do not edit: change the contract and generate again.\n`;
}

export function doc(text: string, indent = ''): string {
  const lines = text.trim().replaceAll('*/', '*∕').split('\n');
  if (lines.length === 1) return `${indent}/** ${lines[0] ?? ''} */`;
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`].join('\n');
}

/** A string in single quotes. */
export function quote(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** A property name, quoted if necessary. Unquoted, `__proto__` would set the prototype. */
export function key(name: string): string {
  if (name === '__proto__') return "['__proto__']";
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name);
}

/** A plain value as an expression on one line. Undefined members are omitted. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.length === 0) return '{}';
  return `{ ${members.map(([name, member]) => `${key(name)}: ${literal(member)}`).join(', ')} }`;
}

/** A union, one member per line. */
export function union(name: string, members: readonly string[], text: string): string {
  const value = members.length === 0 ? ' never' : members.map((member) => `\n  | ${member}`).join('');
  return `${doc(text)}\nexport type ${name} =${value};\n`;
}
