/** Emits `schemas/*.json`: one self-contained JSON Schema for every message, event and payload. */
import type { Contract, Schema } from '../model.ts';
import { schemaName } from '../model.ts';
import { mapParts, referencesOf } from './parts.ts';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** @returns the text of each file, by the name of its schema */
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
    ...rewrite(schemas[name] ?? {}),
    ...(definitions.length === 0 ? {} : { $defs }),
  };
}

/** The schemas that a schema refers to, directly and indirectly. */
function closure(contract: Contract, name: string, seen = new Set<string>()): Set<string> {
  for (const ref of referencesOf(contract.schemas[name] ?? {})) {
    if (seen.has(ref)) continue;
    seen.add(ref);
    closure(contract, ref, seen);
  }
  return seen;
}

function rewrite(schema: Schema): object {
  if (schema.$ref !== undefined) return { $ref: `#/$defs/${schemaName(schema.$ref)}` };
  return mapParts(schema, rewrite);
}
