/**
 * Rule about circular references. A schema must not be defined only by itself, because it would have no meaning. It may
 * contain itself in a member.
 */
import type { Schema } from '../model.ts';
import { schemaName } from '../model.ts';
import type { RawContract } from '../raw.ts';
import type { Path, Rule } from './rule.ts';

interface Step {
  readonly to: string;
  readonly path: Path;
}

/** The schemas that apply to the same value as the given schema: the schema to which it refers, and its alternatives. */
function* stepsOf(schema: Schema, path: Path): Generator<Step> {
  if (schema.$ref !== undefined) yield { to: schemaName(schema.$ref), path: [...path, '$ref'] };
  for (const keyword of ['oneOf', 'anyOf'] as const)
    for (const [at, part] of (schema[keyword] ?? []).entries()) yield* stepsOf(part, [...path, keyword, at]);
}

function stepsFrom({ components: { schemas } }: RawContract, name: string): readonly Step[] {
  const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
  return schema === undefined ? [] : [...stepsOf(schema, ['components', 'schemas', name])];
}

export const CIRCULAR_REFERENCE_RULES: Readonly<Record<string, Rule>> = {
  'schema-circle': (raw, report) => {
    const done = new Set<string>();
    const visit = (name: string, trail: readonly string[]): void => {
      if (done.has(name)) return;
      for (const { to, path } of stepsFrom(raw, name)) {
        const at = [...trail, name].indexOf(to);
        if (at === -1) visit(to, [...trail, name]);
        else
          report(
            path,
            `leads back to ${to}: ${[...trail, name].slice(at).join(' → ')} → ${to}. Write the schema itself in place of one of these references.`,
          );
      }
      done.add(name);
    };
    for (const name of Object.keys(raw.components.schemas)) visit(name, []);
  },
};
