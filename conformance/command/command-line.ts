/** Command lines that a report shows, so that a user can copy them into a POSIX shell. */

/** One word of a command line, in quotation marks if the shell would change it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** An option with its value; undefined if the option was not given, or has its default value. */
export function option<Value extends string | number>(
  name: string,
  value: Value | undefined,
  usual?: Value,
): string | undefined {
  return value === undefined || value === usual ? undefined : `--${name} ${quoted(String(value))}`;
}

export function commandLine(...parts: readonly (string | undefined)[]): string {
  return ['npx tidemark conformance', ...parts].filter((part) => part !== undefined).join(' ');
}
