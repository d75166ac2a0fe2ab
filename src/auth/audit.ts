/** The audit log: who was let in, who was refused, who published (as facts, without secrets or payloads). */

export interface AuditEntry {
  /** `connect`: refused at the door for where it came from (SEC-4); `command`: one that needs a credential first (SEC-2). */
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
