/**
 * The contract as plain values, in the order of `asyncapi.yaml`. References to messages are replaced by the names of the messages.
 * Emitters are pure functions of this model, so it contains everything that they need.
 */

/** JSON Schema as the contract uses it (see the rules in `rules/schemas.ts`). References are `#/components/schemas/Name`. */
export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly default?: unknown;
  /** Why an object accepts undeclared members. */
  readonly 'x-open'?: string;
  /** The kind of value, if the value differs from run to run. It allows recordings of different runs to be compared. */
  readonly 'x-volatile'?: Volatility;
}

/**
 * Kinds of values that differ from run to run. `server`: identity and settings of a server; `text`: text for people;
 * `order`: a list whose order has no meaning.
 */
export type Volatility = 'sequence' | 'timestamp' | 'id' | 'secret' | 'server' | 'text' | 'order';

export interface Example {
  readonly name: string;
  readonly summary: string;
  readonly payload: unknown;
}

export interface Message {
  /** Key in `components.messages`. For commands, replies and pushes it is also the `type` that is sent. */
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Name of the schema of the whole message. */
  readonly schema: string;
  readonly examples: readonly Example[];
  readonly requirements: readonly string[];
  /** The error code of an invalid value, by the pointer to the value. Pointers whose code is `invalid_message` are omitted. */
  readonly errorPointers: Readonly<Record<string, string>>;
  /** Whether the message keeps its order among the events (BCK-3). */
  readonly ordered: boolean;
}

interface OperationBase {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly requirements: readonly string[];
}

/** A message that the client sends, and that gets exactly one reply or `error` (ENV-3). */
export interface Command extends OperationBase {
  /** Name of the message that is the success reply. */
  readonly reply: string;
  /** Names of the schemas of `data`: `data` in the command, `replyData` in the reply. */
  readonly data: string;
  readonly replyData: string;
  readonly scopes: readonly string[];
  /** Whether a client may send it before it has authenticated (SEC-2). */
  readonly beforeAuthentication: boolean;
}

/**
 * A message that the server sends without a command. The push `event` has one message per declared event; every other
 * push has one message.
 */
export interface Push extends OperationBase {
  readonly messages: readonly string[];
}

export interface HttpOperation extends OperationBase {
  readonly method: string;
  readonly path: string;
  /** Whether the resource also includes every address below the path. */
  readonly servesBelow: boolean;
  /** Whether pages of every origin may read the response (SEC-4). */
  readonly anyOrigin: boolean;
  /** The scopes that the full response needs; without them the response is a summary (SEC-1). */
  readonly fullScopes: readonly string[];
  readonly query: Schema | undefined;
  readonly request: string;
  readonly replies: readonly string[];
  readonly scopes: readonly string[];
}

export interface ReplaySpec {
  readonly policy: string;
  /** Pointer to the key in `data` of the event. */
  readonly key?: string;
  /** Events with the same key space and the same key replace one another, even if their names differ. */
  readonly keySpace?: string;
  /** Whether the event removes its key from warm replays. */
  readonly clears?: boolean;
}

/** The stream to which an event belongs: `{kind}:{id}`. */
export interface StreamSpec {
  readonly kind: string;
  /** Pointer to the id in `data` of the event. */
  readonly id: string;
}

export interface Event {
  /** The value of `data.event`; `*` for custom events. */
  readonly name: string;
  readonly message: string;
  /** Names of the schemas of the whole message, of its `data` and of the payload. */
  readonly messageSchema: string;
  readonly schema: string;
  readonly payload: string;
  readonly replay: ReplaySpec;
  /** The pointers of each filter field into the event's data. */
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  /**
   * For each filter field, the strings that the schemas at its pointers enumerate. A field is absent if one of these schemas allows other
   * strings.
   */
  readonly enumerated: Readonly<Record<string, readonly string[]>>;
  /** Undefined if the event may be published on every stream. */
  readonly stream: StreamSpec | undefined;
}

export interface CloseCode {
  readonly name: string;
  readonly class: string;
  readonly description: string;
  /** What the client should do, in addition to what the class of the close code requires (CON-6). */
  readonly advice?: string;
}

export interface ErrorSpec {
  readonly retryable: boolean;
  readonly httpStatus: number;
  /** Set if the error counts towards `badMessagesPerMinute` (ERR-2). */
  readonly counts?: 'bad-message';
  readonly description: string;
  /** What the client should do. */
  readonly advice?: string;
}

export interface Limit {
  readonly default: number;
  readonly unit: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly description: string;
}

export interface FilterField {
  readonly kind: 'path' | 'extension' | 'exact';
  readonly description: string;
}

export interface Clause {
  readonly level: 'must' | 'should';
  readonly observable: 'client' | 'server' | 'operator' | 'none';
  readonly text: string;
}

export interface Scopes {
  readonly grammar: string;
  readonly description: string;
  readonly kinds: Readonly<Record<string, string>>;
  /** For each scope that is given as an example, a description of what it permits. */
  readonly examples?: Readonly<Record<string, string>>;
}

type Named<Value> = Readonly<Record<string, Value>>;

export interface Contract {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly subprotocol: string;
  /** Names of query parameters for credentials. A request with one of them is refused (SEC-2). */
  readonly credentialParameters: readonly string[];
  /** The address of the WebSocket's channel, and its description. */
  readonly path: string;
  readonly connection: { readonly description: string; readonly requirements: readonly string[] };
  /** The whole contract as canonical JSON: keys sorted, indented by two spaces, one newline at the end. */
  readonly bundle: string;
  /** `sha256:` and the hexadecimal SHA-256 of the bundle's bytes. */
  readonly digest: string;
  readonly schemas: Named<Schema>;
  readonly messages: Named<Message>;
  readonly commands: readonly Command[];
  readonly pushes: readonly Push[];
  readonly http: readonly HttpOperation[];
  readonly events: readonly Event[];
  readonly customEvent: Event;
  readonly errors: Named<ErrorSpec>;
  /** The close codes. Keys are the codes, as text. */
  readonly closeCodes: Named<CloseCode>;
  readonly closeClasses: Named<string>;
  readonly limits: Named<Limit>;
  readonly scopes: Scopes;
  readonly filters: Named<FilterField>;
  readonly replayPolicies: Named<string>;
  readonly gapReasons: Named<string>;
  readonly clauses: Named<Clause>;
  readonly tags: Named<string>;
}

const SCHEMA_PREFIX = '#/components/schemas/';

/** @returns the schema name at the end of a reference. */
export function schemaName(ref: string): string {
  return ref.slice(SCHEMA_PREFIX.length);
}

export function isSchemaRef(ref: string): boolean {
  return ref.startsWith(SCHEMA_PREFIX);
}

/** Whether the schema's `type` allows values of this type. */
export function admitsType({ type }: Schema, name: string): boolean {
  return typeof type === 'string' ? type === name : (type ?? []).includes(name);
}

/** Follows schemas that are only references, and returns the name of the last schema. */
export function finalName(schemas: Readonly<Record<string, Schema>>, name: string): string {
  const ref = Object.hasOwn(schemas, name) ? schemas[name]?.$ref : undefined;
  return ref === undefined ? name : finalName(schemas, schemaName(ref));
}

/**
 * Follows references from a schema. @throws {Error} when a schema does not exist, which the linter should have found.
 */
export function resolveSchema(contract: Pick<Contract, 'schemas'>, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const target = contract.schemas[schemaName(schema.$ref)];
  if (target === undefined) throw new Error(`There is no schema ${schema.$ref}.`);
  return resolveSchema(contract, target);
}
