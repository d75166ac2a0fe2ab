/** Which parts of an AsyncAPI 3 document hold what, as far as it matters for references. */

/**
 * `link`: a reference that stays one, to a channel or a message of the contract; `payload`: the schema of a message;
 * `channelMessage`: a message, or a reference to one in `components`; `data`: values of the author, in which `$ref` means nothing.
 * A reference in place of anything else stands for the value that it refers to.
 */
export type Kind =
  | 'document'
  | 'components'
  | 'channel'
  | 'operation'
  | 'reply'
  | 'message'
  | 'channelMessage'
  | 'bindings'
  | 'httpBinding'
  | 'namedSchema'
  | 'schema'
  | 'payload'
  | 'link'
  | 'data'
  | 'other';

/** A member that is a map or a list of things of a kind. */
interface Each {
  readonly each: Kind;
}

const each = (kind: Kind): Each => ({ each: kind });

const MEMBERS: Readonly<Partial<Record<Kind, Readonly<Record<string, Kind | Each>>>>> = {
  document: { channels: each('channel'), operations: each('operation'), components: 'components' },
  components: {
    schemas: each('namedSchema'),
    messages: each('message'),
    channels: each('channel'),
    operations: each('operation'),
    replies: each('reply'),
  },
  channel: { messages: each('channelMessage'), servers: each('link') },
  operation: { channel: 'link', messages: each('link'), reply: 'reply', bindings: 'bindings' },
  reply: { channel: 'link', messages: each('link') },
  message: { payload: 'payload' },
  channelMessage: { payload: 'payload' },
  bindings: { http: 'httpBinding' },
  httpBinding: { query: 'schema' },
};

/** Values of the author in any part that is no schema. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);

/** Keywords of JSON Schema that hold schemas. */
const KEYWORDS: Readonly<Record<string, Kind | Each>> = {
  ...Object.fromEntries(
    ['properties', 'patternProperties', 'dependentSchemas', 'oneOf', 'anyOf', 'allOf', 'prefixItems'].map((keyword) => [
      keyword,
      each('schema'),
    ]),
  ),
  ...Object.fromEntries(
    ['items', 'additionalProperties', 'contains', 'propertyNames', 'not', 'if', 'then', 'else'].map((keyword) => [
      keyword,
      'schema' as const,
    ]),
  ),
};

/** @returns what a member of a part holds */
export function memberKind(kind: Kind, member: string): Kind | Each {
  if (kind === 'schema' || kind === 'namedSchema' || kind === 'payload')
    return Object.hasOwn(KEYWORDS, member) ? (KEYWORDS[member] ?? 'data') : 'data';
  if (member.startsWith('x-') || DATA.has(member)) return 'data';
  const members = MEMBERS[kind] ?? {};
  return Object.hasOwn(members, member) ? (members[member] ?? 'other') : 'other';
}

/** What a schema says of itself to other tools, and where it keeps schemas that references give names here. */
export const DROPPED: ReadonlySet<string> = new Set([
  ...['$schema', '$id', 'id', '$anchor', '$comment', 'title', 'example', 'examples', 'deprecated'],
  ...['readOnly', 'writeOnly', '$defs', 'definitions'],
]);
