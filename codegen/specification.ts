/** What the AsyncAPI parser says of a contract, without the echo: one fault there has dozens of consequences. */
import { toPointer } from './source.ts';
import type { Finding, Source } from './source.ts';

/** The version of AsyncAPI that our own contract is written in. */
export const ASYNCAPI = '3.0.0';
/** The versions that we read. */
const READABLE: readonly unknown[] = [ASYNCAPI, '3.1.0'];

/** What of the parser's findings is read here. */
export interface Diagnostic {
  readonly code: string | number;
  readonly message: string;
  readonly path: readonly (string | number)[];
  readonly severity: number;
}

/** The parser's severities: 0 is an error, 1 a warning; the rest is advice. */
const WARNING = 1;

/** Rule `asyncapi`. Everything else that could be said of a file of another version is a consequence. */
export function checkVersion(source: Source): Finding[] {
  const version = isObject(source.value) ? source.value['asyncapi'] : undefined;
  if (READABLE.includes(version)) return [];
  const text =
    version === undefined
      ? `is no AsyncAPI document. Begin it with \`asyncapi: ${ASYNCAPI}\`.`
      : `this is AsyncAPI ${typeof version === 'string' ? version : JSON.stringify(version)}; ${READABLE.join(' or ')} is needed. Convert the contract.`;
  const path = version === undefined ? [] : ['asyncapi'];
  return [{ rule: 'asyncapi', pointer: toPointer(path), line: source.lineOf(path) ?? 1, text }];
}

/**
 * One finding for each place, at the places that the file has: the parser follows references, and finds what is wrong in
 * a schema again wherever the schema is used. Of a place and one inside it, the inner one is the fault, as the outer one
 * is wrong by it.
 */
export function specificationFindings(source: Source, diagnostics: readonly Diagnostic[]): Finding[] {
  const faults = diagnostics.filter(({ severity }) => severity <= WARNING);
  const written = faults.filter(({ path }) => isWritten(source.value, path));
  const findings = new Map<string, Finding>();
  for (const { code, message, path } of written.length > 0 ? written : faults) {
    const pointer = toPointer(path);
    if (findings.has(pointer)) continue;
    const text = code === UNCAUGHT ? uncaught(message) : `${message}${/[.?]$/.test(message) ? '' : '.'} ${CORRECT}`;
    findings.set(pointer, { rule: String(code), pointer, line: source.lineOf(path), text });
  }
  const all = [...findings.values()];
  return all.filter(({ pointer }) => !all.some((other) => other.pointer.startsWith(`${pointer}/`)));
}

/** What the parser says of an error of its own, which holds the error's stack. */
const UNCAUGHT = 'uncaught-error';
const CORRECT = `Correct it as the AsyncAPI ${ASYNCAPI} specification asks.`;

function uncaught(message: string): string {
  const reason = /message: (.*?)(?:, stack:|$)/m.exec(message)?.[1] ?? 'it gives no reason';
  return `cannot be read by the AsyncAPI parser, which failed: ${reason}. Take parts out until it can be, and ${CORRECT.replace('Correct it', 'correct the last one')}`;
}

function isWritten(value: unknown, path: readonly (string | number)[]): boolean {
  let at = value;
  for (const key of path) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return false;
    at = at[key];
  }
  return true;
}

/** Lists too: their members have numbers for names. */
function isObject(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}
