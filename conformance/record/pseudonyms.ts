/**
 * Replaces secrets before a capture is written. Each known secret is replaced by the same name wherever it occurs, so
 * that the capture still shows which client used which credential.
 */
import { COMMANDS, CREDENTIAL_PARAMETERS } from '../../generated/protocol.ts';
import { textAt, tryParse } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { KnownSecrets } from '../trace/known-secrets.ts';

/** Shorter strings are not treated as secrets: replacing them would garble other words. */
const SHORTEST = 6;

/** Names of parameters that hold credentials, in lower case. */
const SECRET_NAMES: ReadonlySet<string> = new Set([...CREDENTIAL_PARAMETERS, 'password', 'secret']);

/**
 * A string in double or single quotation marks, even without its end, and a following colon if the string is a member's
 * name.
 */
const QUOTED = /(["'])((?:(?!\1)[^\\]|\\.)*)(?:\1|\\?$)(\s*:)?/gs;

function unescaped(text: string): string {
  const parsed = tryParse(`"${text}"`);
  return typeof parsed === 'string' ? parsed : text;
}

/** Whether the text is a command of the contract other than `authenticate`. */
function isOtherCommand(json: Json | undefined): boolean {
  const type = textAt(json, 'type');
  return type !== undefined && type !== 'authenticate' && Object.hasOwn(COMMANDS, type);
}

/**
 * The text in which to search for secrets: a message that is or resembles an `authenticate` command. A message that was
 * converted to JSON twice is a JSON string, and its content is searched.
 */
function searchedPart(text: string): string | undefined {
  const json = tryParse(text);
  if (typeof json === 'string') return searchedPart(json);
  if (isOtherCommand(json)) return undefined;
  // JSON is written again, because the word itself may have escapes.
  return /authenticate/i.test(json === undefined ? text : JSON.stringify(json)) ? text : undefined;
}

/** The values of a `cookie` header (RFC 6265 §4.2.1). A pair without a name is only a value. */
function cookieValues(header: string): readonly string[] {
  return header.split(';').map((pair) =>
    pair
      .slice(pair.indexOf('=') + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1'),
  );
}

export class Pseudonyms {
  readonly #known = new KnownSecrets();

  learn(secret: string): void {
    if (secret.length >= SHORTEST) this.#known.add(secret, `secret-${this.#known.size + 1}`);
  }

  /** Learns the secrets in the headers of a request. */
  learnHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>): void {
    const { authorization, 'x-api-key': apiKey, cookie } = headers;
    if (typeof authorization === 'string') this.learn(authorization.replace(/^\S+\s+/, ''));
    if (typeof apiKey === 'string') this.learn(apiKey);
    if (typeof cookie === 'string') for (const value of cookieValues(cookie)) this.learn(value);
  }

  /** Learns the secrets in a query string. Clients must not send secrets there, but may do so by mistake. */
  learnQuery(query: URLSearchParams): void {
    for (const [name, value] of query) if (SECRET_NAMES.has(name.toLowerCase())) this.learn(value);
  }

  /**
   * Learns the strings of an `authenticate` command, except its `type` and `id`. A client that is being debugged may send
   * the command in an invalid form, or with a secret in a member of another name. Other messages are not searched.
   */
  learnMessage(text: string): void {
    let name = '';
    for (const [, , content = '', colon] of searchedPart(text)?.matchAll(QUOTED) ?? [])
      if (colon !== undefined) name = content;
      else if (name !== 'type' && name !== 'id') this.learn(unescaped(content));
  }

  /** Replaces every known secret in a text. */
  hide(text: string): string {
    return this.#known.replaceIn(text);
  }
}
