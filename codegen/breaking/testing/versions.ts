/** Two versions to compare: the contract of this repository, and a copy with some parts changed. */
import { readFileSync } from 'node:fs';
import { compareContracts } from '../compare.ts';
import type { ContractVersion } from '../compare.ts';
import type { CompatibilityFinding } from '../finding.ts';
import type { Path } from '../json.ts';
import { fromPointer, sourceOf } from '../../source.ts';
import type { Origin } from '../../source.ts';

export const CONTRACT = readFileSync(new URL('../../../asyncapi.yaml', import.meta.url), 'utf8');

const SOURCE = sourceOf('asyncapi.yaml', CONTRACT);

/** The new value for each pointer; `undefined` removes the part. */
export type Changes = Readonly<Record<string, unknown>>;

export function versionWith(changes: Changes = {}): ContractVersion {
  const document = structuredClone(SOURCE.value) as Record<string, unknown>;
  for (const [pointer, part] of Object.entries(changes)) {
    const path = fromPointer(pointer);
    const last = path.pop() ?? '';
    let parent = document;
    for (const key of path) parent = parent[key] as Record<string, unknown>;
    if (!(typeof parent === 'object' && parent !== null)) throw new Error(`There is no value at ${pointer}.`);
    if (part === undefined && !Object.hasOwn(parent, last))
      throw new Error(`There is nothing to remove at ${pointer}.`);
    if (part !== undefined) parent[last] = part;
    else if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete parent[last];
  }
  return { name: 'asyncapi.yaml', document, originOf };
}

function originOf(path: Path): Origin {
  return { file: 'asyncapi.yaml', path, line: SOURCE.lineOf(path) };
}

export function findingsOf(before: Changes, after: Changes): CompatibilityFinding[] {
  return compareContracts(versionWith(before), versionWith(after));
}

/** The value at a pointer of the contract. */
export function at(pointer: string): unknown {
  return fromPointer(pointer).reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], SOURCE.value);
}

/** Every finding as text: `rule severity direction`. */
export function verdictsOf(findings: readonly CompatibilityFinding[]): string[] {
  return findings.map(({ rule, severity, direction, decided }) =>
    [rule, decided ? severity : 'undecided', direction].join(' '),
  );
}
