/**
 * The credential of a client, and its source. The client sends the credential in the first command, `authenticate`,
 * because a WHATWG WebSocket cannot set headers. The address must not contain it, because proxies and servers log
 * addresses (SEC-2).
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */

/** `data` of `authenticate`. */
export type Credential = { readonly token: string } | { readonly apiKey: string };

/**
 * A fixed token, or a function that fetches a valid token. The function is called before each connection and before the
 * present token expires.
 */
export type TokenSource = string | (() => string | Promise<string>);

export interface CredentialOptions {
  readonly token?: TokenSource | undefined;
  readonly apiKey?: string | undefined;
}

export class Credentials {
  #source: TokenSource | undefined;
  readonly #apiKey: string | undefined;

  constructor({ token, apiKey }: CredentialOptions) {
    if (token !== undefined && apiKey !== undefined) throw new TypeError('Give either a token or an apiKey, not both.');
    this.#source = token;
    this.#apiKey = apiKey;
  }

  /** Whether the next attempt can use a new credential. */
  get renewable(): boolean {
    return typeof this.#source === 'function';
  }

  /** The credential for the next connection; undefined for a client without one. @throws the error of the token function. */
  async fetch(): Promise<Credential | undefined> {
    if (this.#source !== undefined)
      return { token: typeof this.#source === 'function' ? await this.#source() : this.#source };
    return this.#apiKey === undefined ? undefined : { apiKey: this.#apiKey };
  }

  /** Uses an accepted token for later connections, unless there is a token function. */
  adopt(token: string): void {
    if (typeof this.#source !== 'function') this.#source = token;
  }
}

/**
 * The address to connect to, as `ws:` or `wss:`.
 * @throws {TypeError} when the address is invalid or contains a credential. A gateway would reject such an address with
 * status 400, which WebSocket clients cannot see. The error does not contain the address, because the address may contain a credential.
 */
export function readUrl(url: string | URL, credentialParameters: readonly string[]): string {
  const text = String(url).replace(/^\s*http/i, 'ws');
  // The error of `new URL` would contain the address.
  if (!/^\s*wss?:/i.test(text) || !URL.canParse(text))
    throw new TypeError('The url is not valid; it must begin with ws:, wss:, http: or https:.');
  const parsed = new URL(text);
  const secret = [...parsed.searchParams.keys()].find((name) => credentialParameters.includes(name.toLowerCase()));
  if (secret !== undefined || parsed.username !== '' || parsed.password !== '') {
    const where = secret === undefined ? 'the user part' : `the parameter "${secret}"`;
    throw new TypeError(`The url contains a credential in ${where}. Use the "token" or "apiKey" option instead.`);
  }
  parsed.hash = '';
  return parsed.href;
}
