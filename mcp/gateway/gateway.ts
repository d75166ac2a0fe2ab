/**
 * The gateway behind an MCP server, used with one credential: its WebSocket client, which is created on first use, and its HTTP operations.
 * What a caller may do depends only on the scopes of the credential; this class makes no further checks.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../generated/client.ts';
import type { TidemarkClient } from '../../generated/client.ts';
import { orAbort } from '../../src/agents/abort.ts';
import { connectionFailureText } from '../../src/cli/handshake.ts';
import { call, secretOf, unreachable, webSocketUrl } from '../../src/cli/remote.ts';
import type { Call, RemoteOptions } from '../../src/cli/remote.ts';

/** How long a call waits for an unreachable gateway, in milliseconds. It is longer than a restart of the gateway takes. */
const PATIENCE_MS = 10_000;

export interface GatewayOptions extends RemoteOptions {
  /** How long a call waits for an unreachable gateway, in milliseconds; default 10,000. */
  readonly patienceMs?: number;
}

export class Gateway {
  readonly url: string;
  readonly #options: GatewayOptions;
  readonly #patienceMs: number;
  #client: TidemarkClient | undefined;

  /** @throws {CliError} if the address is invalid or the credential cannot be read */
  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.url = webSocketUrl(options.url);
    secretOf(options);
  }

  /**
   * Returns a client that is connected, so that it can send commands. If the gateway is unreachable, waits for it.
   * @throws {CliError} if no gateway answers in time; {TidemarkError} or {ConnectionError} if the gateway refuses the credential; the
   * reason of the signal, if it is aborted
   */
  async connected(signal: AbortSignal): Promise<TidemarkClient> {
    signal.throwIfAborted();
    const client = this.#open();
    if (client.state === 'open' && client.welcome !== undefined) return client;
    const settled = new AbortController();
    const late = sleep(this.#patienceMs, undefined, { signal: settled.signal }).then(() => this.#reportAway());
    try {
      await orAbort(Promise.race([client.connect(), late]), signal);
    } finally {
      settled.abort();
    }
    return client;
  }

  /** Performs one HTTP operation (OPS). @throws {CliError} */
  call(operation: Call): Promise<unknown> {
    return call(this.#options, operation);
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  /**
   * Returns the current client, or creates one. A closed client is replaced: if the gateway refused its credential, the credential may have
   * been renewed since then.
   */
  #open(): TidemarkClient {
    if (this.#client !== undefined && this.#client.state !== 'closed') return this.#client;
    const { apiKey, token } = secretOf(this.#options);
    const credential = apiKey === undefined ? {} : { apiKey };
    this.#client = createClient({
      url: this.url,
      // Pass a function, so that the token file is read again for each connection.
      ...(token === undefined ? credential : { token: () => secretOf(this.#options).token ?? '' }),
    });
    return this.#client;
  }

  async #reportAway(): Promise<never> {
    throw unreachable(this.#options.url, await connectionFailureText(this.url));
  }
}
