/**
 * Emits `validators.js`: every schema compiled to JavaScript by ajv, so that no validator is compiled and no text is
 * evaluated at run time (Content-Security-Policy). The validators are strict for messages of clients, and tolerant for
 * messages of servers, which may have unknown fields inside `data` (ENV-4).
 */
import { _, Ajv, stringify } from 'ajv';
import standaloneModule from 'ajv/dist/standalone/index.js';
import type { Contract, Schema } from '../model.ts';
import { finalName, resolveSchema, schemaName } from '../model.ts';
import { typeNameOf } from '../names.ts';
import { FORMATS } from './formats.ts';
import { mapParts, partsOf, referencesOf } from './parts.ts';
import { banner, key, quote } from './text.ts';

// The module is CommonJS, imported from ESM, so the function is the default export of the default export.
const standaloneCode = standaloneModule.default;

interface ValidatorTable {
  /** Name of the exported map. */
  readonly name: string;
  readonly text: string;
  /** Pairs of a key in the map and the id of the compiled schema. */
  readonly entries: readonly (readonly [string, string])[];
}

export function emitValidators(contract: Contract): { readonly code: string; readonly types: string } {
  const tables = tablesOf(contract);
  return { code: emitCode(contract, tables), types: emitDeclarations(tables) };
}

const strict = (name: string): string => `strict.${typeNameOf(name)}`;

/**
 * The id of the tolerant form of each schema, by the name of the schema. If strict and tolerant form are equal, both have the same id, so
 * that the schema is compiled once.
 */
function tolerantIds({ schemas }: Contract): (name: string) => string {
  const isLoosened = (schema: Schema): boolean =>
    schema.additionalProperties === false || schema.oneOf !== undefined || partsOf(schema).some(isLoosened);
  const differs = new Set(Object.keys(schemas).filter((name) => isLoosened(schemas[name] ?? {})));
  // A schema differs if it refers to a schema that differs. This is repeated until nothing changes, because references
  // may be circular.
  for (let size = -1; size < differs.size;) {
    size = differs.size;
    for (const [name, schema] of Object.entries(schemas))
      if (referencesOf(schema).some((each) => differs.has(each))) differs.add(name);
  }
  return (name) => (differs.has(name) ? `tolerant.${typeNameOf(name)}` : strict(name));
}

function tablesOf(contract: Contract): ValidatorTable[] {
  const tolerant = tolerantIds(contract);
  const schemaOf = (message: string): string => contract.messages[message]?.schema ?? message;
  const { commands, pushes, events, customEvent, http } = contract;
  const replies = [...new Set([...commands.map(({ reply }) => reply), 'error'])];
  const plainPushes = pushes.filter(({ name }) => name !== 'event').map(({ name }) => name);
  const bodies = [...new Set(http.flatMap(({ request, replies: answers }) => [request, ...answers]))];
  const requests = new Set(http.map(({ request }) => request));
  return [
    {
      name: 'commandValidators',
      text: 'Strict validators of commands, by name.',
      entries: commands.map(({ name }) => [name, strict(schemaOf(name))]),
    },
    {
      name: 'payloadValidators',
      text: 'Strict validators of payloads, by declared event.',
      entries: events.map(({ name, payload }) => [name, strict(payload)]),
    },
    {
      name: 'serverValidators',
      text: 'Validators of server messages, tolerant inside `data`. Keys are message names; for events, event names (`custom_event` for undeclared names).',
      entries: [
        ...[...replies, ...plainPushes].map((name) => [name, tolerant(schemaOf(name))] as const),
        ...[...events, customEvent].map(
          ({ name, message, messageSchema }) => [name === '*' ? message : name, tolerant(messageSchema)] as const,
        ),
      ],
    },
    {
      name: 'httpValidators',
      text: 'Validators of HTTP bodies, by message: strict for requests, tolerant for responses.',
      entries: bodies.map((name) => [name, requests.has(name) ? strict(schemaOf(name)) : tolerant(schemaOf(name))]),
    },
  ];
}

function emitCode(contract: Contract, tables: readonly ValidatorTable[]): string {
  const ajv = new Ajv({
    allowUnionTypes: true,
    code: { source: true, esm: true, lines: true },
    discriminator: true,
    formats: FORMATS,
    inlineRefs: false,
    ownProperties: Object.values(contract.schemas).some(namesInherited),
    strict: true,
    strictRequired: false,
    strictTypes: false,
    validateFormats: true,
  });
  wordPatterns(ajv);
  listFields(ajv);
  const tolerant = tolerantIds(contract);
  for (const [name, schema] of Object.entries(contract.schemas)) {
    ajv.addSchema({ ...toStrict(contract, schema), $id: strict(name) });
    if (tolerant(name) === strict(name)) continue;
    const kind = isMessage(contract, name) ? 'message' : 'part';
    ajv.addSchema({ ...toTolerant(contract, schema, { refer: tolerant, kind }), $id: tolerant(name) });
  }
  const ids = [...new Set(tables.flatMap(({ entries }) => entries.map(([, id]) => id)))];
  const exported = new Map(ids.map((id) => [id, id.replace('.', '')]));
  const compiled = standaloneCode(ajv, Object.fromEntries([...exported].map(([id, name]) => [name, id])));
  const code = [
    banner('Validators of the wire.'),
    inlineHelpers(compiled).replaceAll(/^export const (strict|tolerant)/gm, 'const $1'),
    ...tables.map((table) => emitTable(table, exported)),
  ].join('\n');
  return refuseDynamicCode(code);
}

/**
 * Whether a schema has a member with the name of an inherited property, such as `constructor`. Only then do the
 * validators check that members are own properties. For other schemas this check would not change the result, and
 * without it validation takes about 40% less time.
 */
function namesInherited(schema: Schema): boolean {
  const names = [...Object.keys(schema.properties ?? {}), ...(schema.required ?? [])];
  return names.some((name) => name in Object.prototype) || partsOf(schema).some(namesInherited);
}

/**
 * Makes errors of `pattern` contain the description of the schema, because a regular expression alone is hard to read.
 */
function wordPatterns(ajv: Ajv): void {
  const pattern = ajv.getKeyword('pattern');
  if (typeof pattern === 'boolean')
    throw new Error('This version of ajv does not export the definition of its keyword "pattern".');
  ajv.removeKeyword('pattern').addKeyword({
    ...pattern,
    error: {
      ...pattern.error,
      // The final period is removed, because the text continues.
      message: ({ parentSchema }) =>
        `does not have the required form: ${String(parentSchema?.['description'] ?? parentSchema?.['pattern']).replace(/\.$/, '')}`,
    },
  });
}

/** Makes errors about an unknown field list the known fields. */
function listFields(ajv: Ajv): void {
  const definition = ajv.getKeyword('additionalProperties');
  if (typeof definition === 'boolean')
    throw new Error('This version of ajv does not export the definition of its keyword "additionalProperties".');
  ajv.removeKeyword('additionalProperties').addKeyword({
    ...definition,
    error: {
      message: 'is an unknown field',
      params: ({ params, parentSchema }) => {
        const known = Object.keys((parentSchema as Schema | undefined)?.properties ?? {});
        return _`{additionalProperty: ${params['additionalProperty']}, known: ${stringify(known)}}`;
      },
    },
  });
}

function emitTable({ name, text, entries }: ValidatorTable, exported: ReadonlyMap<string, string>): string {
  const lines = entries.map(([entry, id]) => `  ${key(entry)}: ${exported.get(id) ?? ''},`);
  return [`/** ${text} */`, `export const ${name} = {`, ...lines, '};', ''].join('\n');
}

/** Whether a schema describes a whole message. Such schemas remain closed at their top level (ENV-1). */
function isMessage(contract: Contract, schema: string): boolean {
  const { commands, pushes, messages } = contract;
  const wire = new Set([
    ...commands.flatMap(({ name, reply }) => [name, reply]),
    ...pushes.flatMap((push) => push.messages),
    'error',
  ]);
  return Object.values(messages).some((message) => message.schema === schema && wire.has(message.name));
}

function toStrict(contract: Contract, schema: Schema): object {
  const refer = (name: string): string => strict(finalName(contract.schemas, name));
  return rewrite(schema, refer, (each) => ({ ...each, ...tagOf(contract, each) }));
}

interface TolerantOptions {
  readonly refer: (name: string) => string;
  readonly kind: 'message' | 'part';
}

/**
 * The tolerant form of a schema. It accepts unknown members, and also a value that for this reason matches several
 * alternatives.
 */
function toTolerant(contract: Contract, schema: Schema, { refer, kind }: TolerantOptions): object {
  const referToFinal = (name: string): string => refer(finalName(contract.schemas, name));
  return rewrite(schema, referToFinal, ({ oneOf, additionalProperties, ...each }, depth) => {
    const keepsShape = (kind === 'message' && depth === 0) || additionalProperties !== false;
    const shape = keepsShape && additionalProperties !== undefined ? { additionalProperties } : {};
    const tag = oneOf === undefined ? {} : tagOf(contract, { oneOf });
    const branches = oneOf === undefined || 'discriminator' in tag ? {} : { anyOf: oneOf };
    return { ...each, ...shape, ...branches, ...tag };
  });
}

/**
 * Finds the member that distinguishes the alternatives of a `oneOf`: every alternative requires it, with a constant
 * value. With this member, an error is about the intended alternative; otherwise it is about all alternatives.
 * Alternatives with the same constant are combined into one, which has its own `oneOf`.
 */
function tagOf(
  contract: Contract,
  { oneOf }: Schema,
): {
  readonly oneOf?: readonly Schema[];
  readonly type?: 'object';
  readonly discriminator?: { readonly propertyName: string };
} {
  if (oneOf === undefined) return {};
  const branches = oneOf.map((branch) => resolveSchema(contract, branch));
  if (branches.some(({ type }) => type !== 'object')) return {};
  const constantsOf = (member: string): readonly unknown[] =>
    branches.map(({ required, properties }) => (required?.includes(member) ? properties?.[member]?.const : undefined));
  const propertyName = branches[0]?.required?.find((member) => {
    const constants = constantsOf(member);
    return constants.every((constant) => typeof constant === 'string') && new Set(constants).size > 1;
  });
  if (propertyName === undefined) return {};
  const groups = Map.groupBy(oneOf, (_branch, at) => constantsOf(propertyName)[at]);
  return {
    oneOf: [...groups].map(([constant, group]) => oneBranch(propertyName, constant, group)),
    type: 'object',
    discriminator: { propertyName },
  };
}

/** Combines all alternatives with the same constant into one. */
function oneBranch(member: string, constant: unknown, group: readonly Schema[]): Schema {
  const [only] = group;
  if (only !== undefined && group.length === 1) return only;
  return { type: 'object', required: [member], properties: { [member]: { const: constant } }, oneOf: [...group] };
}

/**
 * Rewrites a schema: removes annotations, except descriptions of patterns, and refers to other schemas by id. Calls
 * `change` for each schema before its parts are rewritten.
 */
function rewrite(
  schema: Schema,
  refer: (name: string) => string,
  change: (schema: Schema, depth: number) => Schema,
  depth = 0,
): object {
  if (schema.$ref !== undefined) return { $ref: refer(schemaName(schema.$ref)) };
  const kept = Object.entries(change(schema, depth)).filter(
    ([name]) =>
      (name !== 'description' || schema.pattern !== undefined) && name !== 'default' && !name.startsWith('x-'),
  );
  return mapParts(Object.fromEntries(kept), (part) => rewrite(part, refer, change, depth + 1));
}

/**
 * Replacements for two helpers that ajv's code loads by `require`, even in ESM. They are inlined, so that the file
 * imports nothing.
 */
const HELPERS: Readonly<Record<string, string>> = {
  'ajv/dist/runtime/ucs2length': `/** Length in code points, as JSON Schema counts it. */
function ucs2length(text) {
  let length = text.length;
  for (let at = 0; at < text.length - 1; at += 1) {
    if ((text.charCodeAt(at) & 0xfc00) !== 0xd800 || (text.charCodeAt(at + 1) & 0xfc00) !== 0xdc00) continue;
    length -= 1;
    at += 1;
  }
  return length;
}`,
  'ajv/dist/runtime/equal': `/** Whether two JSON values are equal. */
function equal(a, b) {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}`,
};

function inlineHelpers(compiled: string): string {
  const used = new Set<string>();
  const code = compiled.replaceAll(
    /^const (func\d+) = require\("([^"]+)"\)\.default;?$/gm,
    (whole, local: string, module: string) => {
      const helper = HELPERS[module];
      if (helper === undefined) return whole;
      used.add(helper);
      return `const ${local} = ${module.slice(module.lastIndexOf('/') + 1)};`;
    },
  );
  return [...used, dropUnused(code)].join('\n\n');
}

/** Removes schemas that no validator reads at run time. ajv embeds every schema that it has compiled. */
function dropUnused(code: string): string {
  return code
    .replace('"use strict";\n', '')
    .replaceAll(/^\/\*# sourceURL=.*\*\/;\n/gm, '')
    .replaceAll(/^const (schema\d+) = .*;\n/gm, (line, name: string) =>
      code.split(new RegExp(`\\b${name}\\b`)).length > 2 ? line : '',
    );
}

const DYNAMIC_CODE = /\b(?:require\(|eval\(|new Function\b|import\()/;
/**
 * Matches comments and string literals. They are ignored, because they may contain text such as `import()`, for example
 * in an enumeration.
 */
const TEXT = /\/\/.*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

function refuseDynamicCode(code: string): string {
  const found = DYNAMIC_CODE.exec(code.replaceAll(TEXT, '""'));
  if (found === null) return code;
  throw new Error(
    `The validators would contain ${JSON.stringify(found[0])}, which a Content-Security-Policy forbids. Add a helper that replaces it to codegen/emit/validators.ts.`,
  );
}

function emitDeclarations(tables: readonly ValidatorTable[]): string {
  return [
    banner('Validators of the wire.'),
    `/** Why a value is not valid. */
export interface ValidationError {
  /** JSON pointer (RFC 6901) to the invalid value, from the top of the validated value. */
  readonly instancePath: string;
  readonly schemaPath: string;
  /** The JSON Schema keyword that the value violates. */
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** Whether a value is valid. Stops at the first error; \`errors\` contains the errors of the latest call. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly ValidationError[] | null;
}
`,
    ...tables.map(({ name, text, entries }) => {
      const names = entries.map(([entry]) => `\n  | ${quote(entry)}`).join('');
      return `/** ${text} */\nexport declare const ${name}: Readonly<Record<${names || 'never'},\n  Validator\n>>;\n`;
    }),
  ].join('\n');
}
