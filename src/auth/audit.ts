/**
 * The audit log: records which connections, subscriptions, publications and other operations were allowed or denied. It contains no secrets
 * and no payloads.
 */

export interface AuditEntry {
  /**
   * The operation. An entry of the kind `connect` was denied before authentication: because of the Origin or Host header, the address, or a
   * credential in a wrong place (SEC-2, SEC-4, SEC-5). An entry of the kind `command` was denied because the client must authenticate
   * first.
   */
  readonly kind: 'connect' | 'authenticate' | 'command' | 'subscribe' | 'broadcast' | 'introspect' | 'disconnect';
  readonly outcome: 'allowed' | 'denied';
  readonly principal?: string;
  readonly remoteAddress?: string;
  readonly stream?: string;
  readonly event?: string;
  /** For `disconnect`: the id of the connection that the request names. */
  readonly connectionId?: string;
}

/** Receives one line of JSON. Returns `dropped` if the line could not be added to the log. */
export type AuditSink = (line: string) => unknown;

export class Audit {
  readonly #sink: AuditSink | undefined;

  #dropped = 0;

  constructor(sink?: AuditSink) {
    this.#sink = sink;
  }

  /** Number of entries that are missing from the log. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes an entry to the log. Never throws. */
  record(entry: AuditEntry): void {
    if (this.#sink === undefined) return;
    try {
      const outcome = this.#sink(JSON.stringify({ time: new Date().toISOString(), ...entry }));
      if (outcome === 'dropped') this.#dropped += 1;
    } catch {
      // The audited operation must not fail because of the log, so the error is only counted.
      this.#dropped += 1;
    }
  }
}
