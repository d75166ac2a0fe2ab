/** Collects findings about an own-events document and the files that it refers to. */
import { likelyName } from '../misspelling.ts';
import { toPointer } from '../source.ts';
import type { Finding, Source } from '../source.ts';

/** A value in a file. */
export interface Place {
  readonly source: Source;
  readonly path: readonly string[];
}

export class Findings {
  readonly #findings: Finding[] = [];

  get list(): readonly Finding[] {
    return this.#findings;
  }

  /** @param text the fault of the value at the place, and how to correct it */
  add(rule: string, { source, path }: Place, text: string): void {
    this.#findings.push({ rule, file: source.file, pointer: toPointer(path), line: source.lineOf(path), text });
  }
}

export function below({ source, path }: Place, ...keys: readonly string[]): Place {
  return { source, path: [...path, ...keys] };
}

/** @returns ` Did you mean x?` with a leading space, or an empty text if no name is similar. */
export function suggestion(wanted: string, names: readonly string[]): string {
  const lower = wanted.toLowerCase();
  const near =
    likelyName(wanted, names) ??
    names.find((name) => name.toLowerCase() === lower || (lower.length > 3 && name.toLowerCase().includes(lower)));
  return near === undefined ? '' : ` Did you mean ${near}?`;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
