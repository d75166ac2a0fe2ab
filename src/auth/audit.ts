/** The audit log: accepted and rejected clients, and publications, without secrets and payloads. */

export interface AuditEntry {
  /** `connect`: rejected for its origin or host name (SEC-4); `command`: rejected because it needs authentication first (SEC-2). */
  readonly kind: 'connect' | 'authenticate' | 'command' | 'subscribe' | 'broadcast' | 'introspect' | 'disconnect';
  readonly outcome: 'allowed' | 'denied';
  readonly principal?: string;
  readonly remoteAddress?: string;
  readonly stream?: string;
  readonly event?: string;
  /** The connection that was to be ended. */
  readonly connectionId?: string;
}

/** Takes one line of JSON; returns `dropped` when the line is not in the log. */
export type AuditSink = (line: string) => unknown;

export class Audit {
  readonly #sink: AuditSink | undefined;

  #dropped = 0;

  constructor(sink?: AuditSink) {
    this.#sink = sink;
  }

  /** Entries that are not in the log. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Never throws. */
  record(entry: AuditEntry): void {
    if (this.#sink === undefined) return;
    try {
      const outcome = this.#sink(JSON.stringify({ time: new Date().toISOString(), ...entry }));
      if (outcome === 'dropped') this.#dropped += 1;
    } catch {
      // A fault of the log must not make the audited operation fail.
      this.#dropped += 1;
    }
  }
}
