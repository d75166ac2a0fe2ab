/** Makes JSON Schemas of the contract self-contained, because tools and event types publish each schema separately. */

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ObjectSchema extends JsonSchema {
  readonly type: 'object';
}

const CONTRACT_REF = '#/components/schemas/';
const OWN_REF = '#/$defs/';

/**
 * Returns the schema with a member `$defs`, which contains every schema of the contract that it uses directly or indirectly. Members that
 * begin with `x-` are left out, because validators may reject unknown keywords.
 * @param schemas `components.schemas` of the bundled contract, to which `$ref`s point
 */
export function selfContained(schema: JsonSchema, schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const found = new Map<string, unknown>();
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null) return value;
    const members = Object.entries(value).filter(([name]) => !name.startsWith('x-'));
    return Object.fromEntries(
      members.map(([name, each]) => [name, name === '$ref' ? adopt(String(each)) : copy(each)]),
    );
  };
  const adopt = (reference: string): string => {
    const name = reference.startsWith(CONTRACT_REF) ? reference.slice(CONTRACT_REF.length) : '';
    const target = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
    if (target === undefined) return reference;
    if (!found.has(name)) {
      // Set a placeholder before following the references of this schema, because it may refer to itself.
      found.set(name, undefined);
      found.set(name, copy(target));
    }
    return OWN_REF + name;
  };
  const body = copy(schema) as JsonSchema;
  if (found.size === 0) return body;
  return { ...body, $defs: Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}

/** A reference to a schema of the contract, for use in a schema that is then passed to {@link selfContained}. */
export function refTo(name: string): JsonSchema {
  return { $ref: CONTRACT_REF + name };
}
