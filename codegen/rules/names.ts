/** Names from which the generated code takes its own: each schema gives one type, which no other schema gives. */
import { isSchemaName, typeNameOf } from '../names.ts';
import type { Rule } from './rule.ts';
import { schemasOf } from './rule.ts';

/** Members that no payload can have: JSON Schema and JavaScript give these names a meaning of their own. */
const IMPOSSIBLE: Readonly<Record<string, string>> = {
  $ref: 'AsyncAPI tools take a member of this name for a reference',
  hasOwnProperty: 'AsyncAPI tools ask objects for their members by this name, and fail',
  ['__proto__']: 'JavaScript takes a member of this name for the prototype of the object',
};

export const NAME_RULES: Readonly<Record<string, Rule>> = {
  'schema-name': (raw, report) => {
    const byType = new Map<string, string>();
    for (const name of Object.keys(raw.components.schemas)) {
      const path = ['components', 'schemas', name];
      if (!isSchemaName(name)) {
        report(
          path,
          'is no name of a schema. Use letters A–Z and a–z, digits, ".", "_" and "-", with a letter or digit.',
        );
        continue;
      }
      // Without regard to case: some file systems and readers see no difference either.
      const type = typeNameOf(name);
      const other = byType.get(type.toLowerCase());
      if (other === undefined) byType.set(type.toLowerCase(), name);
      else
        report(
          path,
          `gives the type ${type}, and the schema ${other} gives ${typeNameOf(other)}. Rename one: types must differ by more than case and punctuation.`,
        );
    }
  },

  'property-name': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      for (const name of Object.keys(schema.properties ?? {})) {
        if (Object.hasOwn(IMPOSSIBLE, name))
          report([...path, 'properties', name], `is a property that code cannot have: ${IMPOSSIBLE[name]}. Rename it.`);
      }
    }
  },
};
