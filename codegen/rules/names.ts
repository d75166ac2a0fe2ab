/** Rules about names: each schema becomes one type, and no two schemas become the same type. */
import { isSchemaName, typeNameOf } from '../names.ts';
import type { Rule } from './rule.ts';
import { schemasOf } from './rule.ts';

/** Names that no member can have, because they have a special meaning in JSON Schema or JavaScript. */
const IMPOSSIBLE: Readonly<Record<string, string>> = {
  $ref: 'AsyncAPI tools treat a member of this name as a reference',
  hasOwnProperty: 'AsyncAPI tools call a method of this name on objects and fail',
  ['__proto__']: 'JavaScript treats a member of this name as the prototype of the object',
};

export const NAME_RULES: Readonly<Record<string, Rule>> = {
  'schema-name': (raw, report) => {
    const byType = new Map<string, string>();
    for (const name of Object.keys(raw.components.schemas)) {
      const path = ['components', 'schemas', name];
      if (!isSchemaName(name)) {
        report(
          path,
          'is not a valid schema name. Use letters A–Z and a–z, digits, ".", "_" and "-", with at least one letter or digit.',
        );
        continue;
      }
      // Compare case-insensitively, because some file systems ignore case.
      const type = typeNameOf(name);
      const other = byType.get(type.toLowerCase());
      if (other === undefined) byType.set(type.toLowerCase(), name);
      else
        report(
          path,
          `becomes the type ${type}, and the schema ${other} becomes ${typeNameOf(other)}. Rename one: types must differ by more than case and punctuation.`,
        );
    }
  },

  'property-name': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      for (const name of Object.keys(schema.properties ?? {})) {
        if (Object.hasOwn(IMPOSSIBLE, name))
          report(
            [...path, 'properties', name],
            `is a property name that code cannot use: ${IMPOSSIBLE[name]}. Rename it.`,
          );
      }
    }
  },
};
