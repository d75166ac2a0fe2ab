/**
 * Replaces references that the rest of codegen does not handle: a reference to a tag, an operation, a channel or a
 * reply in `components` is replaced by its target. References to schemas and messages are kept, because their names
 * become names of types.
 */
import { decodeUri, fromPointer, toPointer } from './source.ts';
import type { Finding, Source } from './source.ts';

/** The places where AsyncAPI allows a reference instead of a value; `*` stands for any member. */
const PLACES: readonly string[] = [
  '/info/tags/*',
  '/operations/*',
  '/operations/*/tags/*',
  '/operations/*/reply',
  '/operations/*/bindings',
  '/operations/*/bindings/http',
  '/operations/*/bindings/http/query',
  '/components/messages/*',
  '/channels/*',
];

type Path = readonly (string | number)[];

/** @returns the contract with these references replaced, and a finding for each reference that does not resolve or is circular. */
export function resolveReferences(source: Source): { readonly value: unknown; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  let { value } = source;
  for (const place of PLACES) {
    for (const path of pathsOf(value, fromPointer(place))) {
      const target = targetOf(value, path, (text) =>
        findings.push({ rule: 'reference', pointer: toPointer(path), line: source.lineOf(path), text }),
      );
      if (target !== undefined) value = withAt(value, path, target);
    }
  }
  return { value, findings };
}

function pathsOf(value: unknown, pattern: readonly string[], path: Path = []): Path[] {
  const [key, ...rest] = pattern;
  if (key === undefined) return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    key === '*' || key === name ? pathsOf(member, rest, [...path, name]) : [],
  );
}

function targetOf(value: unknown, path: Path, report: (text: string) => void): unknown {
  let reference = referenceOf(valueAt(value, path));
  if (reference === undefined) return undefined;
  for (const seen = new Set<string>(); ;) {
    if (seen.has(reference))
      report(
        `refers to ${reference}, which leads back to this reference. Replace one of these references with a value.`,
      );
    const isLocal = reference.startsWith('#/');
    const target = isLocal ? valueAt(value, fromPointer(decodeUri(reference.slice(1)) ?? '')) : undefined;
    if (seen.has(reference)) return undefined;
    if (target === undefined) {
      report(`refers to ${reference}, which is not in this file. Refer to an existing part: #/components/…`);
      return undefined;
    }
    const next = referenceOf(target);
    if (next === undefined) return target;
    seen.add(reference);
    reference = next;
  }
}

function referenceOf(value: unknown): string | undefined {
  const reference = typeof value === 'object' && value !== null ? (value as { $ref?: unknown }).$ref : undefined;
  return typeof reference === 'string' ? reference : undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((parent, key) => {
    const isOwn = typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key);
    return isOwn ? (parent as Readonly<Record<string | number, unknown>>)[key] : undefined;
  }, value);
}

function withAt(value: unknown, [key, ...rest]: Path, replacement: unknown): unknown {
  if (key === undefined) return replacement;
  if (Array.isArray(value))
    return (value as readonly unknown[]).map((each, at) =>
      at === Number(key) ? withAt(each, rest, replacement) : each,
    );
  const members = Object.entries(value as object);
  return Object.fromEntries(
    members.map(([name, member]) => [name, name === key ? withAt(member, rest, replacement) : member]),
  );
}
