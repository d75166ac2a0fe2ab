/** The audit log: accepted and rejected clients, and publications, without secrets and payloads. */

export interface AuditEntry {
  /** `connect`: rejected for its origin or host name (SEC-4); `command`: rejected because it needs authentication first (SEC-2). */
  readonly kind: 'connect' | 'authenticate' | 'command' | 'subscribe' | 'broadcast' | 'introspect';
  readonly outcome: 'allowed' | 'denied';
  readonly principal?: string;
  readonly remoteAddress?: string;
  readonly stream?: string;
  readonly event?: string;
}

/** Takes one line of JSON. */
export type AuditSink = (line: string) => void;

export class Audit {
  readonly #sink: AuditSink | undefined;

  constructor(sink?: AuditSink) {
    this.#sink = sink;
  }

  record(entry: AuditEntry): void {
    this.#sink?.(JSON.stringify({ time: new Date().toISOString(), ...entry }));
  }
}
