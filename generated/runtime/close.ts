/**
 * What to do when a connection has ended (CON-6).
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { CloseClass, ProtocolSpec } from './wire.ts';

/** The members of the `data` of a `closing` push on which the client acts (CON-5). */
export interface ClosingNotice {
  readonly code: number;
  readonly retryAfterMs: number | undefined;
}

/**
 * The class of a private close code by its first two digits, so that codes of a newer contract can be classified too.
 */
const CLASS_BY_HUNDRED: Readonly<Record<number, CloseClass>> = {
  40: 'do-not-retry',
  41: 'refresh',
  42: 'retry-resume',
  43: 'retry-fresh',
};

/**
 * Close codes of RFC 6455 with which a server rejects the client itself, so that another attempt would fail too: 1008
 * policy violation (also from proxies), 1010 missing extension. After any other code (1000, 1001, 1006, 1009, 1011, 1012,
 * 1013 …) another attempt may succeed.
 */
const STANDARD_REFUSALS: ReadonlySet<number> = new Set([1008, 1010]);

export function classifyClose(code: number, spec: ProtocolSpec): CloseClass {
  if (STANDARD_REFUSALS.has(code)) return 'do-not-retry';
  return spec.closeCodes[code]?.class ?? CLASS_BY_HUNDRED[Math.floor(code / 100)] ?? 'retry-resume';
}

/** The contract's name of a close code, for error messages. */
export function closeName(code: number, spec: ProtocolSpec): string | undefined {
  return spec.closeCodes[code]?.name;
}
