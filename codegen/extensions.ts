/**
 * The schema of the parts that AsyncAPI does not define: our `x-` extensions, and our requirements for messages and
 * operations. The rules can read a contract that matches this schema as a {@link RawContract} without checking types.
 */
import { Ajv } from 'ajv';
import type { ErrorObject } from 'ajv';
import { likelyName } from './misspelling.ts';
import { fromPointer, toPointer } from './source.ts';
import type { Finding, Source } from './source.ts';

const text = { type: 'string', minLength: 1 };
const texts = { type: 'array', items: text };
const clauses = {
  type: 'array',
  minItems: 1,
  uniqueItems: true,
  items: { type: 'string', pattern: '^[A-Z]{3}-\\d+$' },
};
const ref = { type: 'object', required: ['$ref'], properties: { $ref: text }, additionalProperties: false };
const mapOf = (value: object): object => ({ type: 'object', minProperties: 1, additionalProperties: value });

/** The schema of an object with exactly these members. A member is required unless its name ends in `?`. */
function closed(members: Readonly<Record<string, object>>): object {
  const names = Object.keys(members);
  return {
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(names.map((name) => [name.replace('?', ''), members[name]])),
  };
}

const schemaType = { enum: ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] };
const anySchema = { $ref: '#/$defs/schema' };

/**
 * The types of the JSON Schema keywords that the rules and the emitters read. The rule `schema-keyword` checks which
 * keywords are allowed.
 */
const schema = {
  type: 'object',
  properties: {
    $ref: text,
    type: { if: { type: 'array' }, else: schemaType, items: schemaType, minItems: 1 },
    enum: { type: 'array', minItems: 1, items: { type: ['string', 'number', 'boolean', 'null'] } },
    properties: { type: 'object', additionalProperties: anySchema },
    required: texts,
    additionalProperties: { if: { type: 'boolean' }, else: anySchema },
    items: anySchema,
    oneOf: { type: 'array', minItems: 1, items: anySchema },
    anyOf: { type: 'array', minItems: 1, items: anySchema },
    'x-volatile': text,
  },
};

const message = {
  type: 'object',
  required: ['name', 'summary', 'description', 'payload', 'examples', 'x-requirements'],
  properties: {
    name: text,
    summary: text,
    description: text,
    payload: ref,
    examples: { type: 'array', minItems: 1, items: closed({ name: text, summary: text, payload: {} }) },
    'x-requirements': clauses,
    'x-error-pointers': mapOf(text),
    'x-ordered': { const: true },
    'x-event': text,
    'x-payload': text,
    'x-replay': closed({ policy: text, 'key?': text, 'keySpace?': text, 'clears?': { const: true } }),
    'x-filterable': mapOf({ ...texts, minItems: 1 }),
    'x-stream': closed({ kind: { enum: ['session', 'workspace'] }, id: text }),
  },
  dependentRequired: { 'x-event': ['x-payload', 'x-replay', 'x-filterable'] },
};

const tags = { type: 'array', items: { type: 'object', required: ['name'], properties: { name: text } } };

const operation = {
  type: 'object',
  required: ['action', 'channel', 'summary', 'description', 'messages', 'x-requirements'],
  properties: {
    action: { enum: ['send', 'receive'] },
    summary: text,
    description: text,
    channel: ref,
    tags,
    bindings: {
      type: 'object',
      properties: { http: { type: 'object', required: ['method'], properties: { method: text, query: anySchema } } },
    },
    messages: { type: 'array', minItems: 1, items: ref },
    reply: {
      type: 'object',
      required: ['messages'],
      properties: { messages: { type: 'array', minItems: 1, items: ref } },
    },
    'x-scopes': texts,
    'x-before-authentication': { const: true },
    'x-any-origin': { const: true },
    'x-full-scopes': texts,
    'x-requirements': clauses,
  },
};

const CONTRACT_SHAPE = {
  $defs: { schema },
  type: 'object',
  required: [
    'info',
    'channels',
    'operations',
    'components',
    'x-subprotocol',
    'x-credential-parameters',
    'x-errors',
    'x-close-codes',
    'x-close-classes',
    'x-limits',
    'x-scopes',
    'x-filters',
    'x-replay-policies',
    'x-gap-reasons',
    'x-requirements',
  ],
  properties: {
    info: {
      type: 'object',
      required: ['title', 'version', 'description', 'license'],
      properties: { version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+$' }, description: text, tags },
    },
    channels: {
      type: 'object',
      required: ['connection'],
      additionalProperties: {
        type: 'object',
        required: ['address', 'description', 'messages'],
        properties: {
          address: text,
          description: text,
          messages: mapOf(ref),
          'x-requirements': clauses,
          'x-serves-below': { const: true },
        },
      },
    },
    operations: mapOf(operation),
    components: {
      type: 'object',
      required: ['messages', 'schemas'],
      properties: { messages: mapOf(message), schemas: mapOf(anySchema) },
    },
    'x-subprotocol': text,
    'x-credential-parameters': texts,
    'x-errors': mapOf(
      closed({
        retryable: { type: 'boolean' },
        httpStatus: { type: 'integer' },
        'counts?': { enum: ['bad-message'] },
        description: text,
        'advice?': text,
      }),
    ),
    'x-close-codes': mapOf(closed({ name: text, class: text, description: text, 'advice?': text })),
    'x-close-classes': mapOf(text),
    'x-limits': mapOf(
      closed({
        default: { type: 'integer' },
        unit: text,
        minimum: { type: 'integer' },
        maximum: { type: 'integer' },
        description: text,
      }),
    ),
    'x-scopes': closed({ grammar: text, description: text, kinds: mapOf(text), 'examples?': mapOf(text) }),
    'x-filters': mapOf(closed({ kind: { enum: ['path', 'extension', 'exact'] }, description: text })),
    'x-replay-policies': mapOf(text),
    'x-gap-reasons': mapOf(text),
    'x-requirements': mapOf(
      closed({
        level: { enum: ['must', 'should'] },
        observable: { enum: ['client', 'server', 'operator', 'none'] },
        text,
      }),
    ),
  },
};

// The validator runs only once or twice in a process, so optimizing its code would take longer than it saves.
const ajv = new Ajv({ allErrors: true, strict: false, verbose: true, code: { optimize: false } });
const validate = ajv.compile(CONTRACT_SHAPE);

interface Fault {
  readonly path: readonly string[];
  readonly text: string;
}

/** Checks the rule `shape`. The findings are in the order of the file. */
export function checkExtensions(source: Source): Finding[] {
  if (validate(source.value)) return [];
  const errors = validate.errors ?? [];
  const lacking = Map.groupBy(
    errors.filter(({ keyword }) => keyword === 'required'),
    ({ instancePath }) => instancePath,
  );
  const absent = [...lacking.values()].flatMap(absences);
  const misspelt = new Set(absent.map(({ path }) => toPointer(path)));
  // Leave out errors of the keyword `if`, because its `then` or `else` reports the same fault.
  const others = errors
    .filter(({ keyword }) => keyword !== 'required' && keyword !== 'if')
    .map(faultOf)
    .filter(({ path }) => !misspelt.has(toPointer(path)));
  return [...absent, ...others]
    .map((fault) => ({
      rule: 'shape',
      pointer: toPointer(fault.path),
      line: source.lineOf(fault.path),
      text: fault.text,
    }))
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/**
 * Findings about missing members. If the object has a member that looks like a misspelling of the missing member, the
 * finding is at the misspelt member. Otherwise it is at the object.
 */
function absences(errors: readonly ErrorObject[]): Fault[] {
  const path = fromPointer(errors[0]?.instancePath ?? '');
  const faults: Fault[] = [];
  const missing: string[] = [];
  for (const { params, parentSchema, data } of errors) {
    const name = String(params['missingProperty']);
    const known = parentSchema?.['properties'] as object | undefined;
    const strangers = Object.keys(data as object).filter((key) => !Object.hasOwn(known ?? {}, key));
    const misspelt = likelyName(name, strangers);
    if (misspelt === undefined) missing.push(name);
    else faults.push({ path: [...path, misspelt], text: `is unknown, and ${name} is missing. Rename it to ${name}.` });
  }
  if (missing.length > 0)
    faults.push({ path, text: `lacks ${missing.join(', ')}. Add ${missing.length > 1 ? 'them' : 'it'}.` });
  return faults;
}

function faultOf({ keyword, params, instancePath, data, message: fault = 'is not valid' }: ErrorObject): Fault {
  const path = fromPointer(instancePath);
  if (keyword === 'dependentRequired')
    return { path, text: `is an event without ${String(params['missingProperty'])}. Add it.` };
  if (keyword === 'additionalProperties')
    return {
      path: [...path, String(params['additionalProperty'])],
      text: 'is an unknown member. Remove it. If it is the end of a text that YAML split at a comma, put the whole text in quotes.',
    };
  if (keyword === 'enum') {
    const allowed = (params['allowedValues'] as readonly unknown[]).join(', ');
    return { path, text: `is ${JSON.stringify(data)}. Use one of ${allowed}.` };
  }
  return { path, text: `${fault}. Correct it.` };
}
