/** Reads the imports of source files, and finds cycles of imports. */
import { posix } from 'node:path';

/** The text of each file, by its path from the root of the project. */
export type Sources = ReadonlyMap<string, string>;

/**
 * The imports of a file, including type imports. A file of the project is named by its path from the root, any other module by its name.
 */
export function importsOf(path: string, text: string): string[] {
  const specifiers = [...withoutComments(text).matchAll(STATEMENT)].map((match) => match[1] ?? match[2] ?? '');
  const targets = specifiers.map((specifier) =>
    specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier,
  );
  return [...new Set(targets)];
}

/** Matches `import … from 'x'`, `export … from 'x'` and `import 'x'` at the start of a statement, and `import('x')` anywhere. */
const STATEMENT =
  /(?:^|;)[ \t]*(?:import|export)\b(?:[^'"`;=()]*?\bfrom)?\s*['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/gm;

/**
 * Removes comments and template strings. The pattern also matches other strings, so that `//` within a string is not taken for a comment.
 */
function withoutComments(text: string): string {
  return text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|`(?:\\[\s\S]|[^\\`])*`|"(?:\\.|[^\\"\n])*"|'(?:\\.|[^\\'\n])*'/g,
    (token) => (token.startsWith('/') || token.startsWith('`') ? ' ' : token),
  );
}

/**
 * The imports that form a forbidden cycle. If a cycle exists at run time, it is forbidden, and all its run-time imports are returned. Any
 * other cycle contains type imports. It is allowed if a comment at these imports gives the reason. Without a comment, they are returned.
 */
export function cycles(files: Sources): string[] {
  const all = new Map([...files].map(([path, text]) => [path, importsOf(path, text)]));
  const typeOnly = new Map([...files].map(([path, text]) => [path, typeImportsOf(path, text)]));
  return [...files.keys()].flatMap((path) => {
    const types = typeOnly.get(path) ?? new Map<string, boolean>();
    return (all.get(path) ?? [])
      .filter((target) => files.has(target) && reaches(all, target, path))
      .filter((target) => {
        const isTypeOnly = types.has(target);
        // If one of the imports of a cycle is a type import, the cycle does not exist at run time.
        const atRunTime = !isTypeOnly && reaches(runTimeImports(all, typeOnly), target, path);
        return atRunTime || types.get(target) === false;
      })
      .map((target) => `${path} → ${target}`);
  });
}

type Graph = ReadonlyMap<string, readonly string[]>;

function runTimeImports(all: Graph, typeOnly: ReadonlyMap<string, ReadonlyMap<string, boolean>>): Graph {
  return new Map(
    [...all].map(([path, targets]) => [path, targets.filter((target) => !typeOnly.get(path)?.has(target))]),
  );
}

function reaches(graph: Graph, from: string, to: string): boolean {
  const seen = new Set([from]);
  const waiting = [from];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (path === to) return true;
    for (const next of graph.get(path) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(next);
    }
  }
  return false;
}

/** For each type import of a file, whether a comment above it explains a cycle. */
function typeImportsOf(path: string, text: string): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  const runTime = new Set<string>();
  for (const match of text.matchAll(
    /(\/\/ Import cycle of types only:[^\n]*\n)?^(?:import|export)( type)?\b[^'"`;=()]*?from '(\.[^']+)'/gm,
  )) {
    const [, reason, type, specifier = ''] = match;
    const target = posix.join(posix.dirname(path), specifier);
    if (type === undefined) runTime.add(target);
    else found.set(target, reason !== undefined);
  }
  return new Map([...found].filter(([target]) => !runTime.has(target)));
}
