/**
 * Emits `validators.js`: every schema compiled to JavaScript by ajv, so that no validator is compiled and no text is
 * evaluated at run time (Content-Security-Policy). The validators are strict for messages of clients, and tolerant for
 * messages of servers, which may have unknown fields inside `data` (ENV-4).
 */
import { _, Ajv, stringify } from 'ajv';
import standaloneModule from 'ajv/dist/standalone/index.js';
import type { Contract, Schema } from '../model.ts';
import { FORMATS } from './formats.ts';
import { inlineHelpers, refuseDynamicCode } from './standalone-code.ts';
import { banner, key, quote } from './text.ts';
import { isMessage, namesInherited, strictId, tolerantIds, toStrict, toTolerant } from './validator-schemas.ts';

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
      entries: commands.map(({ name }) => [name, strictId(schemaOf(name))]),
    },
    {
      name: 'payloadValidators',
      text: 'Strict validators of payloads, by declared event.',
      entries: events.map(({ name, payload }) => [name, strictId(payload)]),
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
      entries: bodies.map((name) => [name, requests.has(name) ? strictId(schemaOf(name)) : tolerant(schemaOf(name))]),
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
    ajv.addSchema({ ...toStrict(contract, schema), $id: strictId(name) });
    if (tolerant(name) === strictId(name)) continue;
    const kind = isMessage(contract, name) ? 'message' : 'part';
    ajv.addSchema({ ...toTolerant(contract, schema, { refer: tolerant, kind }), $id: tolerant(name) });
  }
  const ids = [...new Set(tables.flatMap(({ entries }) => entries.map(([, id]) => id)))];
  const exported = new Map(ids.map((id) => [id, id.replace('.', '')]));
  const compiled = standaloneCode(ajv, Object.fromEntries([...exported].map(([id, name]) => [name, id])));
  const code = [
    banner('Validators of messages and HTTP bodies.'),
    inlineHelpers(compiled).replaceAll(/^export const (strict|tolerant)/gm, 'const $1'),
    ...tables.map((table) => emitTable(table, exported)),
  ].join('\n');
  return refuseDynamicCode(code);
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

function emitDeclarations(tables: readonly ValidatorTable[]): string {
  return [
    banner('Validators of messages and HTTP bodies.'),
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

/** Checks whether a value is valid, and stops at the first error. \`errors\` describes the error of the latest call. */
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
