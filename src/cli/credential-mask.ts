/**
 * Removes credentials from messages, because messages end in logs. A credential is the user part of an address (`ws://ana:secret@h`), or the
 * value of a parameter or an option that has the name of a credential. Messages quote the arguments and variables of the command: each of
 * these values is masked as a whole, because a password may contain any character, and the value of every option (`--password=secret`) is
 * masked. The rest of a message may come from a server or a file, so it is masked word by word, in time proportional to its length.
 *
 * `ana:secret@h` without a scheme is not masked: scopes (`subscribe:file_change@main`) and principals (`user:ana@example.org`) have this form.
 */
import { CREDENTIAL_PARAMETERS } from '../../generated/protocol.ts';

/** The names of credentials. `-` and `_` are alike, as users mix them up. */
const NAMES = CREDENTIAL_PARAMETERS.map((name) => name.replaceAll(/[-_]/g, '[-_]')).join('|');
/** A parameter of an address, in its query or its fragment: `?token=…`, `#token=…`. */
const PARAMETER = new RegExp(`([?&#](?:${NAMES})=)[^&#]*`, 'gi');
/** An option with its value: `--api-key=…`. */
const OPTION = new RegExp(`(?<![\\w-])(--?(?:${NAMES})=).*`, 'is');
/** Characters after a word that may belong to the sentence. */
const PUNCTUATION = '\'")]},.;:';

/**
 * The message with `…` in the place of each credential.
 * @param given the values that the message may quote; by default, the arguments and variables of this command
 */
export function withoutCredentials(message: string, given: readonly string[] = givenValues()): string {
  let shown = message;
  for (const [value, replacement] of maskedValues(given)) shown = shown.replaceAll(value, () => replacement);
  return shown.replaceAll(/\S+/g, maskedWord);
}

/**
 * The text with `…` in the place of the user part of an address. A password may contain `/`, `?` and `@`, so the user part ends at the last
 * `@`. The path of a file may contain an `@`, too, but `file:///` has no user part.
 */
export function withoutUserPart(text: string): string {
  const end = text.lastIndexOf('@');
  for (let at = text.indexOf('://'); at >= 0 && at < end; at = text.indexOf('://', at + 3))
    if (!text.startsWith('file:///', at - 4)) return `${text.slice(0, at + 3)}…${text.slice(end)}`;
  return text;
}

function givenValues(): readonly string[] {
  const variables = Object.entries(process.env).filter(([name]) => name.startsWith('TIDEMARK_'));
  return [...process.argv.slice(2), ...variables.map(([, value = '']) => value)];
}

/** The values that change when they are masked, the longest first, because a value may contain another one. */
function maskedValues(given: readonly string[]): readonly (readonly [value: string, replacement: string])[] {
  return given
    .flatMap((each) => {
      // An unknown option is quoted with its value. Any unknown option may be meant for a credential, for example `--password`.
      const [option, value] = /^(-[^=]*=)(.*)$/s.exec(each)?.slice(1) ?? [];
      return option === undefined || value === undefined ? [each] : [each, value];
    })
    .map((each) => [each, masked(each.replace(/^(-[^=]*=).*$/s, '$1…'))] as const)
    .flatMap(([value, shown]) => [[value, shown] as const, [inJson(value), inJson(shown)] as const])
    .filter(([value, shown]) => value !== shown)
    .toSorted(([a], [b]) => b.length - a.length);
}

/** The text as it appears in a JSON string. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function maskedWord(word: string): string {
  let end = word.length;
  while (end > 0 && PUNCTUATION.includes(word.charAt(end - 1))) end -= 1;
  return `${masked(word.slice(0, end))}${word.slice(end)}`;
}

function masked(text: string): string {
  return withoutUserPart(text).replace(OPTION, '$1…').replaceAll(PARAMETER, '$1…');
}
