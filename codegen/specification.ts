/** Reduces the findings of the AsyncAPI parser to the causes, because one fault can cause dozens of messages. */
import { toPointer } from './source.ts';
import type { Finding, Source } from './source.ts';

/** The AsyncAPI version of the stock contract. */
const ASYNCAPI = '3.0.0';
/** The versions that codegen can read. */
const READABLE: readonly unknown[] = [ASYNCAPI, '3.1.0'];

/** The members of the parser's findings that are used here. */
export interface Diagnostic {
  readonly code: string | number;
  readonly message: string;
  readonly path: readonly (string | number)[];
  readonly severity: number;
}

/** The parser's severities: 0 is an error, 1 a warning, higher values are advice. */
const WARNING = 1;

/**
 * Checks the rule `asyncapi`. If a file has another version, no other rule is checked, because other findings would
 * only be consequences.
 */
export function checkVersion(source: Source): Finding[] {
  const version = isObject(source.value) ? source.value['asyncapi'] : undefined;
  if (READABLE.includes(version)) return [];
  const text =
    version === undefined
      ? `is not an AsyncAPI document. Begin it with \`asyncapi: ${ASYNCAPI}\`.`
      : `this is AsyncAPI ${typeof version === 'string' ? version : JSON.stringify(version)}; ${READABLE.join(' or ')} is required. Convert the contract.`;
  const path = version === undefined ? [] : ['asyncapi'];
  return [{ rule: 'asyncapi', pointer: toPointer(path), line: source.lineOf(path) ?? 1, text }];
}

/**
 * Keeps one finding for each place in the file. The parser follows references, so it reports a fault of a schema again
 * for each use of the schema. If the parser reports a place and also a part of that place, only the finding about the
 * part is kept, because the other finding is its consequence.
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

/** The code with which the parser reports its own internal error. The message then contains a stack trace. */
const UNCAUGHT = 'uncaught-error';
const CORRECT = `Correct it as the AsyncAPI ${ASYNCAPI} specification asks.`;

function uncaught(message: string): string {
  const reason = /message: (.*?)(?:, stack:|$)/m.exec(message)?.[1] ?? 'no reason was given';
  return `cannot be read by the AsyncAPI parser, which failed: ${reason}. Remove parts of the contract until the parser can read it. ${CORRECT.replace('Correct it', 'Correct the part that you removed last')}`;
}

function isWritten(value: unknown, path: readonly (string | number)[]): boolean {
  let at = value;
  for (const key of path) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return false;
    at = at[key];
  }
  return true;
}

/** Whether a value is an object or a list. The members of a list have numbers as names. */
function isObject(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}
