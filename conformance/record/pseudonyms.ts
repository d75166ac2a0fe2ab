/**
 * Replaces secrets before a capture is written. Each known secret is replaced by the same name wherever it occurs, so
 * that the capture still shows which client used which credential.
 */
import { CREDENTIAL_PARAMETERS } from '../../generated/protocol.ts';
import { textAt, tryParse } from '../trace/json.ts';
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

function isAuthenticate(text: string): boolean {
  const json = tryParse(text);
  return json === undefined ? /["']authenticate["']/.test(text) : textAt(json, 'type') === 'authenticate';
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
    for (const each of [apiKey, cookie]) if (typeof each === 'string') this.learn(each);
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
    if (!isAuthenticate(text)) return;
    let name = '';
    for (const [, , content = '', colon] of text.matchAll(QUOTED))
      if (colon !== undefined) name = content;
      else if (name !== 'type' && name !== 'id') this.learn(unescaped(content));
  }

  /** Replaces every known secret in a text. */
  hide(text: string): string {
    return this.#known.replaceIn(text);
  }
}
