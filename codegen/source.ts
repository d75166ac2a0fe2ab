/** A contract file as text and as a value. For findings, it also maps a pointer to the line of the value. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node, Pair, YAMLError } from 'yaml';
import { aliasFaultOf } from './aliases.ts';

/** One fault of a contract. */
export interface Finding {
  readonly rule: string;
  /** The file of the finding, if it is not the contract's own file. */
  readonly file?: string;
  /** JSON pointer (RFC 6901) into the contract. */
  readonly pointer: string;
  /** Line number from 1. Undefined if the contract was not read from text. */
  readonly line: number | undefined;
  /** The fault and its remedy. */
  readonly text: string;
}

/**
 * The maximum number of findings in a message, so that they fit on a screen. Further findings are shown when these have
 * been corrected.
 */
const SHOWN = 10;

/** The contract is invalid. The message lists the first findings as `file:line rule pointer: text`. */
export class ContractError extends Error {
  /** The name of the contract, which is also the file of every finding that names no other file. */
  readonly file: string;
  readonly findings: readonly Finding[];

  constructor(file: string, findings: readonly Finding[]) {
    const lines = findings.slice(0, SHOWN).map((each) => formatFinding(file, each));
    if (findings.length > SHOWN) lines.push(`… and ${findings.length - SHOWN} more.`);
    super(lines.join('\n'));
    this.name = 'ContractError';
    this.file = file;
    this.findings = findings;
  }
}

/** Makes the error from findings about a contract, each at the place that the author wrote. */
export function contractError(source: Source, findings: readonly Finding[]): ContractError {
  return new ContractError(
    source.file,
    findings.map((finding) => atOrigin(source, finding)),
  );
}

function atOrigin({ originOf }: Source, finding: Finding): Finding {
  if (originOf === undefined || finding.file !== undefined) return finding;
  const origin = originOf(fromPointer(finding.pointer));
  if (origin === undefined) return { ...finding, line: undefined };
  const { file, path, line } = origin;
  return { ...finding, file, pointer: toPointer(path), line };
}

export function formatFinding(contract: string, { rule, file = contract, pointer, line, text }: Finding): string {
  return `${file}${line === undefined ? '' : `:${line}`} ${rule} ${pointer === '' ? '(top)' : pointer}: ${text}`;
}

export interface Source {
  /** The path as the user gave it, or another name. Used only in error messages, never in generated text. */
  readonly file: string;
  /** The path that references to other files start from, if `file` is not this path. */
  readonly path?: string;
  readonly text: string;
  readonly value: unknown;
  /** The line of the value at a path, or of its nearest ancestor in the text. */
  readonly lineOf: (path: readonly (string | number)[]) => number | undefined;
  /** For a contract that was joined from several files: where the author wrote the value at a path. Undefined if that is not known. */
  readonly originOf?: (path: readonly (string | number)[]) => Origin | undefined;
}

/** The place in a file where the author wrote a value. */
export interface Origin {
  readonly file: string;
  readonly path: readonly (string | number)[];
  readonly line: number | undefined;
}

export function pathOf({ file, path = file }: Source): string {
  return path;
}

/**
 * Reads YAML or JSON, which may have merge keys (`<<: *anchor`).
 * @throws {ContractError} if the text is not YAML, repeats a key, is nested too deeply, or has aliases that are circular or expand too much
 */
export function sourceOf(file: string, text: string): Source {
  const lines = new LineCounter();
  const refuse = (offset: number, fault: string): ContractError =>
    new ContractError(file, [{ rule: 'yaml', pointer: '', line: lines.linePos(offset).line, text: fault }]);
  const document = parse(text, lines, refuse);
  const [error] = document.errors;
  if (error !== undefined) throw refuse(error.pos[0], wordsOf(error));
  const fault = aliasFaultOf(document);
  if (fault !== undefined) throw refuse(startOf(fault.node) ?? 0, fault.text);
  // Aliases are replaced by copies, so that two places never share one object.
  const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: -1 })));
  const lineOf = (path: readonly (string | number)[]): number | undefined => {
    const offset = offsetOf(document, path);
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
  return { file, text, value, lineOf };
}

const TOO_DEEP = 'is nested too deeply. Move the inner parts to named schemas.';

/** Parses YAML. The parser is recursive, so very deep nesting causes a stack overflow, which is reported as a fault. */
function parse(text: string, lines: LineCounter, refuse: (offset: number, fault: string) => Error): Document.Parsed {
  try {
    return parseDocument(text, { merge: true, lineCounter: lines, prettyErrors: false });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw refuse(0, TOO_DEEP);
  }
}

function wordsOf({ code, message }: YAMLError): string {
  if (message.includes('call stack')) return TOO_DEEP;
  if (code === 'MULTIPLE_DOCS') return 'begins a second document. Keep only one document in the file.';
  return `${message}. Correct the YAML at this line.`;
}

function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number | undefined {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const key of path) {
    node = follow(document, node);
    if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = startOf(node) ?? offset;
    } else {
      const pair = findPair(document, node, String(key));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    }
  }
  return offset;
}

/** Finds the pair of a key in a map, or in a map that a merge key adds. */
function findPair(document: Document.Parsed, node: unknown, key: string): Pair | undefined {
  if (!isMap(node)) return undefined;
  const own = node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
  if (own !== undefined) return own;
  for (const pair of node.items) {
    if (!isScalar(pair.key) || (pair.key.value !== '<<' && typeof pair.key.value !== 'symbol')) continue;
    const merged = follow(document, pair.value);
    const sources = isSeq(merged) ? merged.items : [merged];
    for (const source of sources) {
      const found = findPair(document, follow(document, source), key);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function follow(document: Document.Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

export function toPointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** @throws {Error} when the text is not a JSON pointer (RFC 6901). */
export function fromPointer(pointer: string): string[] {
  if (pointer !== '' && !pointer.startsWith('/')) throw new Error(`${JSON.stringify(pointer)} is not a JSON pointer`);
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * Decodes a reference. A reference is a URI, so `%20` is a space. @returns undefined if a `%` is not followed by two
 * hexadecimal digits
 */
export function decodeUri(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
