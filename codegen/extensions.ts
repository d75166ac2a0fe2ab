/**
 * The shape of what AsyncAPI leaves open: our `x-` extensions, and what we ask of messages and operations beyond it. The
 * rules can then read a {@link RawContract} without looking twice.
 */
import { Ajv } from 'ajv';
import type { ErrorObject } from 'ajv';
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

/** An object with these members, all of them needed unless their name ends in `?`, and no others. */
function closed(members: Readonly<Record<string, object>>): object {
  const names = Object.keys(members);
  return {
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(names.map((name) => [name.replace('?', ''), members[name]])),
  };
}

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
    'x-event': text,
    'x-payload': text,
    'x-replay': closed({ policy: text, 'key?': text, 'keySpace?': text, 'clears?': { const: true } }),
    'x-filterable': mapOf({ ...texts, minItems: 1 }),
  },
  dependentRequired: { 'x-event': ['x-payload', 'x-replay', 'x-filterable'] },
};

const operation = {
  type: 'object',
  required: ['action', 'channel', 'summary', 'description', 'messages', 'x-requirements'],
  properties: {
    summary: text,
    description: text,
    channel: ref,
    messages: { type: 'array', minItems: 1, items: ref },
    reply: {
      type: 'object',
      required: ['messages'],
      properties: { messages: { type: 'array', minItems: 1, items: ref } },
    },
    'x-scopes': texts,
    'x-requirements': clauses,
  },
};

const CONTRACT_SHAPE = {
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
    asyncapi: { const: '3.0.0' },
    info: {
      type: 'object',
      required: ['title', 'version', 'description', 'license'],
      properties: { version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+$' }, description: text },
    },
    channels: {
      type: 'object',
      required: ['connection'],
      additionalProperties: {
        type: 'object',
        required: ['address', 'description', 'messages'],
        properties: { address: text, description: text, messages: mapOf(ref), 'x-requirements': clauses },
      },
    },
    operations: mapOf(operation),
    components: {
      type: 'object',
      required: ['messages', 'schemas'],
      properties: { messages: mapOf(message), schemas: mapOf({ type: 'object' }) },
    },
    'x-subprotocol': text,
    'x-credential-parameters': texts,
    'x-errors': mapOf(closed({ retryable: { type: 'boolean' }, httpStatus: { type: 'integer' }, description: text })),
    'x-close-codes': mapOf(closed({ name: text, class: text, description: text })),
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
    'x-scopes': closed({ grammar: text, description: text, kinds: mapOf(text) }),
    'x-filters': mapOf(closed({ kind: { enum: ['path', 'extension', 'exact'] }, description: text })),
    'x-replay-policies': mapOf(text),
    'x-gap-reasons': mapOf(text),
    'x-requirements': mapOf(
      closed({ level: { enum: ['must', 'should'] }, observable: { enum: ['client', 'operator', 'none'] }, text }),
    ),
  },
};

/** Rule `shape`. */
export function checkExtensions(source: Source): Finding[] {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(CONTRACT_SHAPE);
  if (validate(source.value)) return [];
  return (validate.errors ?? []).map((error) => {
    const path = fromPointer(error.instancePath);
    return { rule: 'shape', pointer: toPointer(path), line: source.lineOf(path), text: explain(error) };
  });
}

function explain({ keyword, params, message: said = 'does not fit' }: ErrorObject): string {
  const values = params as { readonly missingProperty?: string; readonly additionalProperty?: string };
  if (keyword === 'required') return `lacks ${values.missingProperty ?? 'a member'}. Add it.`;
  if (keyword === 'dependentRequired') return `is an event without ${values.missingProperty ?? 'a member'}. Add it.`;
  if (keyword === 'additionalProperties') {
    return `has an unknown member ${JSON.stringify(values.additionalProperty)}. Remove it; where it is a piece of a text, quote the text.`;
  }
  return `${said}${'allowedValues' in params ? `: ${JSON.stringify(params['allowedValues'])}` : ''}. Correct it.`;
}
