/**
 * The contract as the emitters see it: plain values, every reference a name, in the order of `asyncapi.yaml`.
 * Emitters are pure functions of this model, so everything that they may need is in here and nothing else is.
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
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
  /** Why an object admits members that are not declared. */
  readonly 'x-open'?: string;
  /** What differs from run to run, so that recordings can be compared. */
  readonly 'x-volatile'?: Volatility;
}

/** `server`: what a server is or has configured; `text`: words for people; `order`: that of a list, which says nothing. */
export type Volatility = 'sequence' | 'timestamp' | 'id' | 'secret' | 'server' | 'text' | 'order';

export interface Example {
  readonly name: string;
  readonly summary: string;
  readonly payload: unknown;
}

export interface Message {
  /** Key in `components.messages`. For commands, replies and pushes it is the wire's `type`. */
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Name of the schema of the whole message. */
  readonly schema: string;
  readonly examples: readonly Example[];
  readonly requirements: readonly string[];
  /** Pointer into the message → the error code that a bad value there earns, where it is not `invalid_message`. */
  readonly errorPointers: Readonly<Record<string, string>>;
  /** Keeps its place among the events (BCK-3). */
  readonly ordered: boolean;
}

interface OperationBase {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly requirements: readonly string[];
}

/** Asked by the client, answered by exactly one reply or `error` (ENV-3). */
export interface Command extends OperationBase {
  /** Name of the message that is the success reply. */
  readonly reply: string;
  /** Names of the schemas of both `data`. */
  readonly data: string;
  readonly replyData: string;
  readonly scopes: readonly string[];
  /** Whether a client may send it before it has authenticated (SEC-2). */
  readonly beforeAuthentication: boolean;
}

/** Volunteered by the server. `event` has one message per declared event, the others have one. */
export interface Push extends OperationBase {
  readonly messages: readonly string[];
}

export interface HttpOperation extends OperationBase {
  readonly method: string;
  readonly path: string;
  /** Whether every address below the path belongs to the resource too. */
  readonly servesBelow: boolean;
  /** Whether pages of every origin may read the answer (SEC-4). */
  readonly anyOrigin: boolean;
  /** The scopes that the full answer needs; without them the answer is a summary (SEC-1). */
  readonly fullScopes: readonly string[];
  readonly query: Schema | undefined;
  readonly request: string;
  readonly replies: readonly string[];
  readonly scopes: readonly string[];
}

export interface ReplaySpec {
  readonly policy: string;
  /** Pointer into the event's data to what the newest event is kept for. */
  readonly key?: string;
  /** Events with the same key space share keys. */
  readonly keySpace?: string;
  /** The event takes its key out of the picture. */
  readonly clears?: boolean;
}

/** The stream to which an event belongs: `{kind}:{id}`. */
export interface StreamSpec {
  readonly kind: string;
  /** Pointer into the event's data. */
  readonly id: string;
}

export interface Event {
  /** The wire's `data.event`; `*` for custom events. */
  readonly name: string;
  readonly message: string;
  /** Names of the schemas of the whole message, of its `data` and of the payload. */
  readonly messageSchema: string;
  readonly schema: string;
  readonly payload: string;
  readonly replay: ReplaySpec;
  /** Filter field → pointers into the event's data. */
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  /** Filter field → the strings that the schemas at its pointers enumerate; not where any of them allows others. */
  readonly enumerated: Readonly<Record<string, readonly string[]>>;
  /** Undefined where the event may be published on every stream. */
  readonly stream: StreamSpec | undefined;
}

export interface CloseCode {
  readonly name: string;
  readonly class: string;
  readonly description: string;
}

export interface ErrorSpec {
  readonly retryable: boolean;
  readonly httpStatus: number;
  /** Set where the error counts towards `badMessagesPerMinute` (ERR-2). */
  readonly counts?: 'bad-message';
  readonly description: string;
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
  readonly observable: 'client' | 'operator' | 'none';
  readonly text: string;
}

export interface Scopes {
  readonly grammar: string;
  readonly description: string;
  readonly kinds: Readonly<Record<string, string>>;
}

type Named<Value> = Readonly<Record<string, Value>>;

export interface Contract {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly subprotocol: string;
  /** Names of query parameters that would carry a credential. */
  readonly credentialParameters: readonly string[];
  /** The address of the WebSocket's channel, and what it is described by. */
  readonly path: string;
  readonly connection: { readonly description: string; readonly requirements: readonly string[] };
  /** The whole contract as canonical JSON: keys sorted, two spaces, one newline at the end. */
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
  /** By code, as text. */
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

/** @returns the name that a reference to a schema ends in. */
export function schemaName(ref: string): string {
  return ref.slice(SCHEMA_PREFIX.length);
}

export function isSchemaRef(ref: string): boolean {
  return ref.startsWith(SCHEMA_PREFIX);
}

/** Whether a value of the type may fit, as far as `type` says. */
export function admitsType({ type }: Schema, name: string): boolean {
  return typeof type === 'string' ? type === name : (type ?? []).includes(name);
}

/** The name of the schema that a name stands for, where schemas consist of a reference to another one. */
export function finalName(schemas: Readonly<Record<string, Schema>>, name: string): string {
  const ref = Object.hasOwn(schemas, name) ? schemas[name]?.$ref : undefined;
  return ref === undefined ? name : finalName(schemas, schemaName(ref));
}

/** The schema of a name, references followed. @throws {Error} when there is none: the linter has let something through. */
export function resolveSchema(contract: Pick<Contract, 'schemas'>, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const target = contract.schemas[schemaName(schema.$ref)];
  if (target === undefined) throw new Error(`There is no schema ${schema.$ref}.`);
  return resolveSchema(contract, target);
}
