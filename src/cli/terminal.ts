/** Writes data to stdout and messages to stderr. Colours are used only on a terminal that supports them (https://no-color.org). */
import { styleText } from 'node:util';
import { withoutCredentials } from './credential-mask.ts';

type Style = Parameters<typeof styleText>[0];

export function printStatus(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes a line of data. Rejects if the reader has closed the pipe (`| head`). */
export function print(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value));
}

/** Colours text for stdout, if stdout supports colours. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Colours text for stderr, if stderr supports colours. */
export function tint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

/** Makes untrusted text safe for a terminal by escaping control characters. */
export function plain(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what is replaced
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The number of characters of a server's message that are shown. */
const MOST_SHOWN = 4096;

/**
 * Makes a message of a server safe for a terminal, and cuts a long message. Credentials are masked before the cut, because the part of an
 * address that is left after the cut may not be recognised as an address with a password.
 */
export function plainMessage(text: string): string {
  const shown = withoutCredentials(text);
  return plain(shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown);
}

/** Formats rows as columns. Each column is as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, column) => Math.max(all[column] ?? 0, cell.length)),
    [],
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}
