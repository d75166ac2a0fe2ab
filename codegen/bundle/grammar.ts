/** The kinds of parts of an AsyncAPI 3 document. The kind of a part determines how a reference in its place is resolved. */

/**
 * `link`: a reference to a channel or a message of the contract, which stays a reference; `payload`: the schema of a message;
 * `channelMessage`: a message, or a reference to one in `components`; `data`: values of the author, in which `$ref` has no meaning.
 * A reference anywhere else is replaced by the value that it refers to.
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

/** A member that contains a map or a list of parts of one kind. */
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

/** Members that contain arbitrary values of the author, in any part of the document. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);

/** Keywords of JSON Schema that contain schemas. */
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

/** @returns the kind of a member of a part */
export function memberKind(kind: Kind, member: string): Kind | Each {
  if (kind === 'schema' || kind === 'namedSchema' || kind === 'payload')
    return Object.hasOwn(KEYWORDS, member) ? (KEYWORDS[member] ?? 'data') : 'data';
  if (member.startsWith('x-') || DATA.has(member)) return 'data';
  const members = MEMBERS[kind] ?? {};
  return Object.hasOwn(members, member) ? (members[member] ?? 'other') : 'other';
}

/**
 * Keywords that are left out of the copy of a schema: information for other tools, and `$defs`, whose schemas get names
 * when they are referenced.
 */
export const DROPPED: ReadonlySet<string> = new Set([
  ...['$schema', '$id', 'id', '$anchor', '$comment', 'title', 'example', 'examples', 'deprecated'],
  ...['readOnly', 'writeOnly', '$defs', 'definitions'],
]);
