/** `schemas/*.json`: one self-contained JSON Schema for every message, event and payload. */
import type { Contract, Schema } from '../model.ts';
import { schemaName } from '../model.ts';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Name of the schema → text of its file. */
export function emitSchemas(contract: Contract): ReadonlyMap<string, string> {
  const messages = Object.values(contract.messages).map(({ schema }) => schema);
  const events = [...contract.events, contract.customEvent].flatMap(({ schema, payload }) => [schema, payload]);
  const names = [...new Set([...messages, ...events])].toSorted();
  return new Map(names.map((name) => [name, `${JSON.stringify(standAlone(contract, name), undefined, 2)}\n`]));
}

function standAlone(contract: Contract, name: string): object {
  const used = closure(contract, name);
  const definitions = [...used].filter((each) => each !== name || used.has(name)).toSorted();
  const $defs = Object.fromEntries(definitions.map((each) => [each, rewrite(contract.schemas[each] ?? {})]));
  const { version, schemas } = contract;
  return {
    $schema: DIALECT,
    $id: `urn:tidemark:${version}:${name}`,
    ...(rewrite(schemas[name] ?? {}) as object),
    ...(definitions.length === 0 ? {} : { $defs }),
  };
}

/** The schemas that a schema refers to, over any number of steps. */
function closure(contract: Contract, name: string, seen = new Set<string>()): Set<string> {
  for (const ref of references(contract.schemas[name])) {
    if (seen.has(ref)) continue;
    seen.add(ref);
    closure(contract, ref, seen);
  }
  return seen;
}

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { $ref } = value as Schema;
  return typeof $ref === 'string' ? [schemaName($ref)] : Object.values(value).flatMap(references);
}

function rewrite(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(rewrite);
  const { $ref } = value as Schema;
  if (typeof $ref === 'string') return { $ref: `#/$defs/${schemaName($ref)}` };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rewrite(member)]));
}
