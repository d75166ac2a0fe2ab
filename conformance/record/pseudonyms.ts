/**
 * Replaces secrets before a capture is written. Each known secret is replaced by the same name wherever it occurs, so
 * that the capture still shows which client used which credential.
 */
import { CREDENTIAL_PARAMETERS } from '../../generated/protocol.ts';
import { isObject, tryParse } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';

/** Shorter strings are not treated as secrets: replacing them would garble other words. */
const SHORTEST = 6;

/** Names of parameters and members that hold credentials, in lower case. */
const SECRET_NAMES: ReadonlySet<string> = new Set([...CREDENTIAL_PARAMETERS, 'password', 'secret']);

export class Pseudonyms {
  readonly #known = new Map<string, string>();

  learn(secret: string): void {
    if (secret.length >= SHORTEST && !this.#known.has(secret))
      this.#known.set(secret, `secret-${this.#known.size + 1}`);
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

  #learnMembers(value: Json): void {
    if (Array.isArray(value)) for (const each of value as readonly Json[]) this.#learnMembers(each);
    if (!isObject(value)) return;
    for (const [name, each] of Object.entries(value)) {
      if (typeof each === 'string' && SECRET_NAMES.has(name.toLowerCase())) this.learn(each);
      else this.#learnMembers(each);
    }
  }

  /** Learns the secrets of an `authenticate` command. Payloads of events are not searched. */
  learnMessage(text: string): void {
    const json = tryParse(text);
    if (isObject(json) && json['type'] === 'authenticate') this.#learnMembers(json['data'] ?? null);
  }

  /** Replaces every known secret in a text. */
  hide(text: string): string {
    let hidden = text;
    for (const [secret, name] of this.#known) {
      const escaped = JSON.stringify(secret).slice(1, -1);
      for (const form of new Set([secret, escaped, encodeURIComponent(secret)])) hidden = hidden.replaceAll(form, name);
    }
    return hidden;
  }
}
