// Names, codes, limits and policies of the protocol.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

/** The version of the contract. */
export const PROTOCOL_VERSION = '1.0.0';

/** The WebSocket subprotocol (CON-1). */
export const SUBPROTOCOL = 'tidemark.v1';

/** SHA-256 of the bytes of `contract.json`, as in `welcome.contractDigest` (CON-2). */
export const CONTRACT_DIGEST = 'sha256:54e657d23d42b942b4c710050af7cf5ac0a0f3f3b16cb39e26d62f831f94b493';

/** The path on which the gateway accepts WebSocket connections. */
export const WEBSOCKET_PATH = '/ws';

/** Query parameters for credentials, in lower case. Requests that use them are refused (SEC-2). */
export const CREDENTIAL_PARAMETERS = [
  'access_token',
  'token',
  'api_key',
  'apikey',
  'api-key',
  'key',
  'jwt',
  'auth',
  'authorization',
  'bearer',
  'x-api-key',
] as const;

/** Regular expressions for strings of a restricted form, by the name of the schema. They also check the length. */
export const PATTERNS = {
  MessageId: /^(?=[^]{1,64}$)^[\x20-\x7E]+$/u,
  StreamName: /^(main|(workspace|session):[A-Za-z0-9._-]{1,128})$/u,
  StreamSelector: /^(?=[^]{0,192}$)^(\*|main|(workspace|session):([A-Za-z0-9._-]{1,128}|[A-Za-z0-9._-]{0,127}\*))$/u,
  EventName: /^(?=[^]{0,128}$)^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/u,
  EventPattern: /^(?=[^]{0,128}$)^(\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.?\*)?)$/u,
  SubscriptionId: /^[A-Za-z0-9._:-]{1,64}$/u,
  Timestamp: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/u,
  Ulid: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/u,
  RelativePath: /^(?=[^]{1,4096}$)^(?![/\\])(?!([^\x00]*[/\\])?\.\.([/\\]|$))[^\x00]+$/u,
  Scope: /^(?=[^]{0,256}$)^(admin:(read|write)|(subscribe|publish):(\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.?\*)?)(@(\*|[A-Za-z0-9._:-]+\*?))?)$/u,
  ContractDigest: /^sha256:[0-9a-f]{64}$/u,
} as const satisfies Readonly<Record<string, RegExp>>;

/** The commands that a client can send. */
export type CommandName =
  | 'subscribe'
  | 'unsubscribe'
  | 'list_subscriptions'
  | 'broadcast'
  | 'authenticate'
  | 'sync'
  | 'ping';

/** Each command: its success reply, the scopes that it needs (SEC-1), and whether it may be sent before `authenticate` (SEC-2). `errorPointers`: the error codes of invalid values, by pointer, if not `invalid_message`. */
export const COMMANDS = {
  subscribe: { reply: 'subscribed', scopes: ['subscribe:<event>@<stream>'], beforeAuthentication: false, errorPointers: { '/data/stream': 'stream_invalid', '/data/streams': 'stream_invalid', '/data/filter': 'filter_invalid' } },
  unsubscribe: { reply: 'unsubscribed', scopes: [], beforeAuthentication: false, errorPointers: {} },
  list_subscriptions: { reply: 'subscriptions', scopes: [], beforeAuthentication: false, errorPointers: {} },
  broadcast: { reply: 'broadcasted', scopes: ['publish:<event>@<stream>'], beforeAuthentication: false, errorPointers: { '/data/stream': 'stream_invalid', '/data/payload': 'payload_invalid' } },
  authenticate: { reply: 'authenticated', scopes: [], beforeAuthentication: true, errorPointers: {} },
  sync: { reply: 'synced', scopes: ['subscribe:<any>@<stream>'], beforeAuthentication: false, errorPointers: { '/data/stream': 'stream_invalid' } },
  ping: { reply: 'pong', scopes: [], beforeAuthentication: true, errorPointers: {} },
} as const;

/** The messages that the server sends without a command. */
export const PUSHES = [
  'welcome',
  'event',
  'replay_complete',
  'gap',
  'positions',
  'heartbeat',
  'subscription_closed',
  'closing',
] as const;

export type PushName = (typeof PUSHES)[number];

/** Replies and pushes that keep their order among the events; all others may overtake queued events (BCK-3). */
export const ORDERED_MESSAGES = [
  'subscribed',
  'unsubscribed',
  'authenticated',
  'synced',
  'replay_complete',
  'gap',
  'positions',
  'subscription_closed',
] as const;

/** The HTTP resources (OPS-0), with the scopes that each needs (SEC-1). `servesBelow`: the resource also includes every address below the path. `anyOrigin`: pages of every origin may read the response (SEC-4). `fullScopes`: without these scopes the response is a summary. */
export const HTTP_OPERATIONS = {
  get_health: { method: 'GET', path: '/ws/health', servesBelow: false, anyOrigin: false, fullScopes: ['admin:read'], query: {}, scopes: [], errorPointers: {} },
  get_healthz: { method: 'GET', path: '/healthz', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: [], errorPointers: {} },
  get_readyz: { method: 'GET', path: '/readyz', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: [], errorPointers: {} },
  get_subscriptions: { method: 'GET', path: '/ws/subscriptions', servesBelow: false, anyOrigin: false, fullScopes: [], query: { stream: { type: 'string' }, event: { type: 'string' }, principal: { type: 'string' }, connection: { type: 'string' }, limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, cursor: { type: 'string' } }, scopes: ['admin:read'], errorPointers: {} },
  get_events: { method: 'GET', path: '/ws/events', servesBelow: false, anyOrigin: false, fullScopes: [], query: { events: { type: 'array' }, stream: { type: 'string' }, streams: { type: 'array' }, replay: { type: 'string' }, after: { type: 'string' }, paths: { type: 'array' }, extensions: { type: 'array' }, changeTypes: { type: 'array' }, entityTypes: { type: 'array' }, relationshipTypes: { type: 'array' }, sessionIds: { type: 'array' }, operationIds: { type: 'array' }, sessionEvents: { type: 'array' }, actors: { type: 'array' }, sources: { type: 'array' } }, scopes: ['subscribe:<event>@<stream>'], errorPointers: {} },
  get_nodes: { method: 'GET', path: '/ws/nodes', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: ['admin:read'], errorPointers: {} },
  post_broadcast: { method: 'POST', path: '/ws/broadcast', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: ['publish:<event>@<stream>'], errorPointers: { '/stream': 'stream_invalid', '/payload': 'payload_invalid' } },
  post_explain: { method: 'POST', path: '/ws/explain', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: ['admin:read'], errorPointers: { '/stream': 'stream_invalid', '/payload': 'payload_invalid' } },
  post_files: { method: 'POST', path: '/ws/files', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: ['subscribe:file_change@<stream>'], errorPointers: { '/stream': 'stream_invalid', '/filter': 'filter_invalid' } },
  post_disconnect: { method: 'POST', path: '/ws/disconnect', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: ['admin:write'], errorPointers: {} },
  get_metrics: { method: 'GET', path: '/metrics', servesBelow: false, anyOrigin: false, fullScopes: [], query: {}, scopes: [], errorPointers: {} },
  get_contract: { method: 'GET', path: '/asyncapi.yaml', servesBelow: false, anyOrigin: true, fullScopes: [], query: {}, scopes: [], errorPointers: {} },
  get_docs: { method: 'GET', path: '/docs', servesBelow: true, anyOrigin: false, fullScopes: [], query: {}, scopes: [], errorPointers: {} },
  get_console: { method: 'GET', path: '/console', servesBelow: true, anyOrigin: false, fullScopes: [], query: {}, scopes: [], errorPointers: {} },
} as const;

export type HttpOperationName = keyof typeof HTTP_OPERATIONS;

/** The declared events. Any other name is a custom event (EVT-4). */
export type EventName =
  | 'file_change'
  | 'entity_created'
  | 'entity_updated'
  | 'entity_deleted'
  | 'relationship_created'
  | 'relationship_updated'
  | 'relationship_deleted'
  | 'graph_update'
  | 'sync_status'
  | 'session_event';

/** Which events of one name a warm replay contains (RPL-3). */
export type ReplayPolicy =
  | 'none'
  | 'latest'
  | 'latest-per-key'
  | 'log';

/** Fields of a filter (SUB-4). */
export type FilterField =
  | 'paths'
  | 'extensions'
  | 'changeTypes'
  | 'entityTypes'
  | 'relationshipTypes'
  | 'sessionIds'
  | 'operationIds'
  | 'sessionEvents'
  | 'actors'
  | 'sources';

export interface ReplaySpec {
  readonly policy: ReplayPolicy;
  /** Pointer to the key in `data` of the event; only with `latest-per-key`. */
  readonly key?: string;
  /** Events with the same key space and the same key replace one another, even if their names differ. */
  readonly keySpace?: string;
  /** The event removes its key from warm replays, and is itself not replayed. */
  readonly clears?: true;
}

export interface EventSpec {
  readonly replay: ReplaySpec;
  /** For each filter field that applies to the event, pointers into its `data`. If a pointer leads to an array, any of its elements may match. */
  readonly filterable: { readonly [Field in FilterField]?: readonly string[] };
  /** The possible values of each filter field in this event. A field is absent if the event can have any value there. */
  readonly enumerated: { readonly [Field in FilterField]?: readonly string[] };
  /** The only stream on which the event may be published. Its name is the kind, a colon and an id; `id` is a pointer to this id in `data` of the event (STR-5). */
  readonly stream?: { readonly kind: 'session' | 'workspace'; readonly id: string };
}

/** How each declared event is replayed and filtered. */
export const EVENTS: { readonly [Name in EventName]: EventSpec } = {
  file_change: { replay: { policy: 'none' }, filterable: { paths: ['/payload/path', '/payload/previousPath'], extensions: ['/payload/path', '/payload/previousPath'], changeTypes: ['/payload/changeType'], sources: ['/source/name', '/source/principal'] }, enumerated: { changeTypes: ['create', 'modify', 'delete', 'rename'] } },
  entity_created: { replay: { policy: 'latest-per-key', key: '/payload/id', keySpace: 'entity' }, filterable: { paths: ['/payload/path'], extensions: ['/payload/path'], entityTypes: ['/payload/entityType'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  entity_updated: { replay: { policy: 'latest-per-key', key: '/payload/id', keySpace: 'entity' }, filterable: { paths: ['/payload/path'], extensions: ['/payload/path'], entityTypes: ['/payload/entityType'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  entity_deleted: { replay: { policy: 'latest-per-key', key: '/payload/id', keySpace: 'entity', clears: true }, filterable: { paths: ['/payload/path'], extensions: ['/payload/path'], entityTypes: ['/payload/entityType'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  relationship_created: { replay: { policy: 'latest-per-key', key: '/payload/id', keySpace: 'relationship' }, filterable: { relationshipTypes: ['/payload/relationshipType'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  relationship_updated: { replay: { policy: 'latest-per-key', key: '/payload/id', keySpace: 'relationship' }, filterable: { relationshipTypes: ['/payload/relationshipType'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  relationship_deleted: { replay: { policy: 'latest-per-key', key: '/payload/id', keySpace: 'relationship', clears: true }, filterable: { relationshipTypes: ['/payload/relationshipType'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  graph_update: { replay: { policy: 'latest' }, filterable: { paths: ['/payload/paths'], operationIds: ['/payload/operationId'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  sync_status: { replay: { policy: 'latest' }, filterable: { operationIds: ['/payload/operationId'], sources: ['/source/name', '/source/principal'] }, enumerated: {} },
  session_event: { replay: { policy: 'log' }, filterable: { sessionIds: ['/payload/sessionId'], operationIds: ['/payload/operationId'], sessionEvents: ['/payload/sessionEvent'], relationshipTypes: ['/payload/relationships/relationshipType'], actors: ['/payload/actor'], sources: ['/source/name', '/source/principal'] }, enumerated: { sessionEvents: ['session_started', 'session_keepalive', 'session_relationships', 'session_checkpoint', 'session_handoff', 'session_teardown', 'modified', 'broke', 'test_pass'] }, stream: { kind: 'session', id: '/payload/sessionId' } },
};

/** How every event that the contract does not declare is replayed and filtered. */
export const CUSTOM_EVENT: EventSpec = { replay: { policy: 'latest' }, filterable: { sources: ['/source/name', '/source/principal'] }, enumerated: {} };

/** How the values of a field are compared (SUB-5). */
export const FILTER_FIELDS: { readonly [Field in FilterField]: { readonly kind: 'path' | 'extension' | 'exact' } } = {
  paths: { kind: 'path' },
  extensions: { kind: 'extension' },
  changeTypes: { kind: 'exact' },
  entityTypes: { kind: 'exact' },
  relationshipTypes: { kind: 'exact' },
  sessionIds: { kind: 'exact' },
  operationIds: { kind: 'exact' },
  sessionEvents: { kind: 'exact' },
  actors: { kind: 'exact' },
  sources: { kind: 'exact' },
};

/** What a client must do after a close code (CON-6). */
export type CloseClass =
  | 'do-not-retry'
  | 'refresh'
  | 'retry-resume'
  | 'retry-fresh';

/** The close codes by name. */
export type CloseName =
  | 'protocol_error'
  | 'forbidden'
  | 'unsupported_version'
  | 'auth_timeout'
  | 'removed'
  | 'token_expired'
  | 'token_revoked'
  | 'shutdown'
  | 'slow_consumer'
  | 'overloaded'
  | 'heartbeat_timeout'
  | 'rate_limited'
  | 'disconnected'
  | 'state_invalidated';

/** The close codes (CON-6). */
export const CLOSE_CODES: { readonly [Name in CloseName]: { readonly code: number; readonly class: CloseClass; readonly retryable: boolean } } = {
  protocol_error: { code: 4000, class: 'do-not-retry', retryable: false },
  forbidden: { code: 4003, class: 'do-not-retry', retryable: false },
  unsupported_version: { code: 4006, class: 'do-not-retry', retryable: false },
  auth_timeout: { code: 4008, class: 'do-not-retry', retryable: false },
  removed: { code: 4009, class: 'do-not-retry', retryable: false },
  token_expired: { code: 4100, class: 'refresh', retryable: true },
  token_revoked: { code: 4101, class: 'refresh', retryable: true },
  shutdown: { code: 4200, class: 'retry-resume', retryable: true },
  slow_consumer: { code: 4201, class: 'retry-resume', retryable: true },
  overloaded: { code: 4202, class: 'retry-resume', retryable: true },
  heartbeat_timeout: { code: 4203, class: 'retry-resume', retryable: true },
  rate_limited: { code: 4204, class: 'retry-resume', retryable: true },
  disconnected: { code: 4205, class: 'retry-resume', retryable: true },
  state_invalidated: { code: 4300, class: 'retry-fresh', retryable: true },
};

/** The codes of errors (ERR-1). */
export type ErrorCode =
  | 'invalid_json'
  | 'invalid_message'
  | 'unknown_type'
  | 'unauthenticated'
  | 'forbidden'
  | 'subscription_exists'
  | 'subscription_not_found'
  | 'filter_invalid'
  | 'filter_not_applicable'
  | 'stream_invalid'
  | 'payload_invalid'
  | 'payload_too_large'
  | 'limit_exceeded'
  | 'not_watched'
  | 'rate_limited'
  | 'broker_unavailable'
  | 'internal';

/** For each error: whether a retry can succeed, its status over HTTP (OPS-0), and whether it counts as a bad message (ERR-2). */
export const ERRORS: { readonly [Code in ErrorCode]: { readonly retryable: boolean; readonly httpStatus: number; readonly counts?: 'bad-message' } } = {
  invalid_json: { retryable: false, httpStatus: 400, counts: 'bad-message' },
  invalid_message: { retryable: false, httpStatus: 400, counts: 'bad-message' },
  unknown_type: { retryable: false, httpStatus: 404, counts: 'bad-message' },
  unauthenticated: { retryable: false, httpStatus: 401 },
  forbidden: { retryable: false, httpStatus: 403 },
  subscription_exists: { retryable: false, httpStatus: 409 },
  subscription_not_found: { retryable: false, httpStatus: 404 },
  filter_invalid: { retryable: false, httpStatus: 422 },
  filter_not_applicable: { retryable: false, httpStatus: 422 },
  stream_invalid: { retryable: false, httpStatus: 422 },
  payload_invalid: { retryable: false, httpStatus: 422 },
  payload_too_large: { retryable: false, httpStatus: 413 },
  limit_exceeded: { retryable: false, httpStatus: 422 },
  not_watched: { retryable: false, httpStatus: 404 },
  rate_limited: { retryable: true, httpStatus: 429 },
  broker_unavailable: { retryable: true, httpStatus: 503 },
  internal: { retryable: true, httpStatus: 500 },
};

/** The reasons of gaps (GAP-1). */
export const GAP_REASONS = [
  'epoch_changed',
  'window_exceeded',
  'unknown_position',
  'slow_consumer',
  'source_overflow',
  'broker_lost',
] as const;

export type GapReason = (typeof GAP_REASONS)[number];

/** The names of the limits. */
export type LimitName =
  | 'inboundMessageBytes'
  | 'jsonDepth'
  | 'payloadBytes'
  | 'subscriptionsPerConnection'
  | 'eventsPerSubscription'
  | 'streamsPerSubscription'
  | 'patternsPerFilterField'
  | 'patternLength'
  | 'filterCharactersPerConnection'
  | 'filterBytes'
  | 'commandsPerSecond'
  | 'commandBurst'
  | 'commandCostMs'
  | 'turnBudgetMs'
  | 'badMessagesPerMinute'
  | 'connectionsPerNode'
  | 'connectionsPerAddress'
  | 'acceptsPerSecond'
  | 'handshakeTimeoutMs'
  | 'authTimeoutMs'
  | 'heartbeatIntervalMs'
  | 'sendQueueBytes'
  | 'sendQueueMessages'
  | 'sendQueueBudgetBytes'
  | 'sendQueueAgeMs'
  | 'historyEvents'
  | 'historyBytes'
  | 'historyAgeMs'
  | 'sessionHistoryEvents'
  | 'sessionTtlMs'
  | 'retainedKeys'
  | 'retainedBytes'
  | 'historyBudgetBytes'
  | 'streamsPerNode'
  | 'idempotencyKeys'
  | 'idempotencyWindowMs'
  | 'drainMs';

export interface LimitSpec {
  readonly default: number;
  readonly unit: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly description: string;
}

/** The limits: the default of each, and the range in which it can be configured. */
export const LIMITS: { readonly [Name in LimitName]: LimitSpec } = {
  inboundMessageBytes: { default: 65536, unit: 'bytes', minimum: 1024, maximum: 16777216, description: 'Size of one message of a client; a larger message ends the connection with 1009.' },
  jsonDepth: { default: 32, unit: 'levels', minimum: 8, maximum: 128, description: 'Nesting depth of a message of a client.' },
  payloadBytes: { default: 65536, unit: 'bytes', minimum: 256, maximum: 16777216, description: 'Payload of one event as encoded JSON.' },
  subscriptionsPerConnection: { default: 100, unit: 'subscriptions', minimum: 1, maximum: 10000, description: 'Active subscriptions of one connection.' },
  eventsPerSubscription: { default: 32, unit: 'patterns', minimum: 1, maximum: 1024, description: 'Number of `events` in one subscription.' },
  streamsPerSubscription: { default: 32, unit: 'names', minimum: 1, maximum: 1024, description: 'Number of names and patterns in `streams` of one subscription. The limit also applies to the list after the server has narrowed it to the scopes of the credential.' },
  patternsPerFilterField: { default: 64, unit: 'values', minimum: 1, maximum: 1024, description: 'Number of values of one filter field.' },
  patternLength: { default: 256, unit: 'characters', minimum: 16, maximum: 4096, description: 'Length of one filter value.' },
  filterCharactersPerConnection: { default: 65536, unit: 'characters', minimum: 256, maximum: 16777216, description: 'Total length of the filter values of all active subscriptions of one connection.' },
  filterBytes: { default: 134217728, unit: 'bytes', minimum: 65536, maximum: 17179869184, description: 'Estimated memory for the subscriptions of one node. The subscriptions of one principal may use at most as much memory as is still free. A quarter is reserved for principals that use less than a thousandth of the limit.' },
  commandsPerSecond: { default: 50, unit: 'commands/s', minimum: 1, maximum: 100000, description: 'Steady rate of commands per connection, and of requests per HTTP operation and caller (OPS-6).' },
  commandBurst: { default: 100, unit: 'commands', minimum: 1, maximum: 100000, description: 'Commands or requests that may exceed the steady rate in one burst.' },
  commandCostMs: { default: 5, unit: 'ms', minimum: 1, maximum: 10000, description: 'Processing time that counts as one command. A command that takes longer, including its replay, counts as several against `commandsPerSecond`.' },
  turnBudgetMs: { default: 10, unit: 'ms', minimum: 1, maximum: 1000, description: 'Longest time that the server works on replays and commands before all other clients get a turn.' },
  badMessagesPerMinute: { default: 20, unit: 'messages/min', minimum: 1, maximum: 10000, description: 'Invalid messages after which the connection is closed with 4000.' },
  connectionsPerNode: { default: 10000, unit: 'connections', minimum: 1, maximum: 1000000, description: 'Open connections of one node; further upgrades are rejected with 503.' },
  connectionsPerAddress: { default: 10000, unit: 'connections', minimum: 1, maximum: 1000000, description: 'Open connections from one address; further upgrades are rejected with 429.' },
  acceptsPerSecond: { default: 1000, unit: 'upgrades/s', minimum: 1, maximum: 1000000, description: 'Upgrades and requests for events that one node accepts; more are rejected with 503 and Retry-After.' },
  handshakeTimeoutMs: { default: 5000, unit: 'ms', minimum: 100, maximum: 60000, description: 'Time for the headers of a request to arrive.' },
  authTimeoutMs: { default: 10000, unit: 'ms', minimum: 100, maximum: 600000, description: 'Time for the first `authenticate` command, after which the connection is closed with 4008.' },
  heartbeatIntervalMs: { default: 25000, unit: 'ms', minimum: 100, maximum: 600000, description: 'Interval between two heartbeats.' },
  sendQueueBytes: { default: 1048576, unit: 'bytes', minimum: 16384, maximum: 1073741824, description: 'Size of a send queue above which the connection is closed with 4201. The events that a replay still has to send and that history has dropped count too, once history has dropped much since the replay began.' },
  sendQueueMessages: { default: 4096, unit: 'messages', minimum: 16, maximum: 1000000, description: 'Number of messages in a send queue above which the connection is closed with 4201.' },
  sendQueueBudgetBytes: { default: 268435456, unit: 'bytes', minimum: 1048576, maximum: 1099511627776, description: 'Estimated size of the send queues of all connections of one node together. Above it, the principal with the largest queues in total loses its connection with the longest queue, with 4201.' },
  sendQueueAgeMs: { default: 10000, unit: 'ms', minimum: 100, maximum: 600000, description: 'Age of the oldest queued message above which the connection is closed with 4201.' },
  historyEvents: { default: 10000, unit: 'events', minimum: 1, maximum: 10000000, description: 'Number of events of one stream that are kept for replay.' },
  historyBytes: { default: 33554432, unit: 'bytes', minimum: 1024, maximum: 17179869184, description: 'Size of the events of one stream that are kept for replay.' },
  historyAgeMs: { default: 3600000, unit: 'ms', minimum: 1000, maximum: 2592000000, description: 'How long an event is kept for replay.' },
  sessionHistoryEvents: { default: 2000, unit: 'events', minimum: 1, maximum: 10000000, description: 'Number of events of one session stream that are kept for replay.' },
  sessionTtlMs: { default: 3600000, unit: 'ms', minimum: 1000, maximum: 2592000000, description: 'A session stream without traffic expires after this time.' },
  retainedKeys: { default: 10000, unit: 'keys', minimum: 1, maximum: 10000000, description: 'For how many entities and relationships a stream keeps the newest event, for warm replays; the oldest are dropped.' },
  retainedBytes: { default: 33554432, unit: 'bytes', minimum: 1024, maximum: 17179869184, description: 'Size of the newest events per key that one stream keeps for warm replays; the oldest keys are dropped.' },
  historyBudgetBytes: { default: 268435456, unit: 'bytes', minimum: 1048576, maximum: 1099511627776, description: 'Estimated memory for the history of all streams of one node. Above it, streams in which a principal with more than its fair share has published lose their oldest events, session streams first. Other principals lose events only on these streams.' },
  streamsPerNode: { default: 10000, unit: 'streams', minimum: 16, maximum: 10000000, description: 'Streams that one node keeps. Above it, the least recently used session stream of the principal with the most streams is dropped. The streams `main` and `workspace:{id}` are never dropped.' },
  idempotencyKeys: { default: 100000, unit: 'keys', minimum: 16, maximum: 100000000, description: 'Idempotency keys that one node remembers. Above it, the principal with the most keys loses its oldest ones early.' },
  idempotencyWindowMs: { default: 600000, unit: 'ms', minimum: 1000, maximum: 86400000, description: 'How long an idempotency key is remembered.' },
  drainMs: { default: 10000, unit: 'ms', minimum: 0, maximum: 600000, description: 'Time from the start of a shutdown until remaining connections are cut.' },
};

/** The maximum number of items of each list, by the name of its schema and member. */
export const MAX_ITEMS = {
  Principal: { scopes: 256 },
  ReplayResumeStreams: { positions: 100000 },
  SubscribedData: { events: 1024 },
  SubscriptionInfo: { events: 1024 },
  UnsubscribedData: { subscriptionIds: 10000 },
  SubscriptionsData: { items: 10000 },
  RepairRescan: { paths: 1024 },
  RepairRefetch: { ids: 1024 },
  GapData: { subscriptionIds: 10000 },
  PositionsData: { positions: 256, ended: 256 },
  HeartbeatData: { positions: 10000 },
  EntityUpdatedPayload: { changedFields: 256 },
  GraphUpdatePayload: { paths: 1024 },
  ChangeInfo: { entityIds: 1024 },
  Impact: { testsFailed: 1024 },
  SessionEventPayload: { relationships: 1024 },
  Health: { streams: 10000, otherContracts: 1000 },
  SubscriptionReport: { events: 1024 },
  SubscriptionsPage: { items: 1000, missingNodes: 1000 },
  FilesPage: { entries: 1000, unread: 1000 },
  NodeReport: { unsubscribed: 100 },
  NodesReport: { nodes: 1000, missingNodes: 1000 },
  ExplainMismatch: { wanted: 1024, seen: 1024 },
  Explanation: { matches: 1000, mismatches: 1000, missingNodes: 1000 },
  DisconnectResult: { missingNodes: 1000 },
} as const;

/** The requirements of the protocol. Their ids are never reused or renumbered. */
export const CLAUSES = {
  'ENV-1': { level: 'must', observable: 'client', text: 'Every message, both ways, is one UTF-8 text frame that contains `{type, id?, data}` and nothing else at its top level; `data` is an object. A binary frame is answered with close 1003.' },
  'ENV-2': { level: 'must', observable: 'client', text: '`type` is one of the declared message types. `data.event` holds the event name, so that no publisher can forge a control message.' },
  'ENV-3': { level: 'must', observable: 'client', text: 'The reply to a command echoes its `id`. Every command, with or without `id`, gets exactly one reply, success or `error`. Pushes carry no `id`.' },
  'ENV-4': { level: 'must', observable: 'client', text: 'An unknown field in a command is rejected with `invalid_message` and a JSON pointer. Clients ignore unknown push types, event names and fields.' },
  'ENV-5': { level: 'must', observable: 'client', text: 'Integers stay within 2^53−1. Times are RFC 3339 in UTC with milliseconds.' },
  'CON-1': { level: 'must', observable: 'client', text: 'The subprotocol is `tidemark.v1`. A client that offers subprotocols without it is rejected at the upgrade with 400; one that offers none is accepted.' },
  'CON-2': { level: 'must', observable: 'client', text: '`welcome` is the first message of a connection. A command may be sent before it arrives.' },
  'CON-3': { level: 'must', observable: 'client', text: 'A `heartbeat` is sent every `heartbeatIntervalMs`. Its `delivered` is the number of event messages written before it. Its `positions` contain every stream that a subscription of the connection has as its `stream`.' },
  'CON-4': { level: 'must', observable: 'client', text: 'A WebSocket ping is sent with each heartbeat; a peer that sends neither a pong nor other traffic within two intervals is closed with 4203.' },
  'CON-5': { level: 'must', observable: 'client', text: 'On shutdown every connection gets a `heartbeat`, then `closing`, then the close; new upgrades get 503 with Retry-After.' },
  'CON-6': { level: 'must', observable: 'client', text: 'The class of a close code tells the client what to do: 40xx do not retry unchanged, 41xx refresh the credential and retry, 42xx retry with backoff and resume, 43xx retry without a position.' },
  'CON-7': { level: 'must', observable: 'client', text: 'A position in a `heartbeat` is before every event of its stream, live or replayed, that still has to be written to the connection. It is not after the `from` of a `gap` that still has to be written. During a replay it is therefore before the next replayed event. If nothing of the stream has to be written, it is the newest position of the stream. A heartbeat names a stream as soon as the `subscribed` of a subscription to it is written. A client that resumes its subscriptions of the stream after this position misses nothing.' },
  'STR-1': { level: 'must', observable: 'client', text: 'Streams are `main`, `workspace:{id}` and `session:{id}`. Graph and file events of one workspace share one stream.' },
  'STR-2': { level: 'must', observable: 'client', text: '`sequenceId` starts at 1 and increases by exactly 1 per event of the stream, across all nodes. A filtered subscription may skip numbers; the order never changes.' },
  'STR-3': { level: 'must', observable: 'client', text: '`epoch` identifies one continuous run of a stream and changes whenever the counter may have been lost. Live subscribers receive a `gap` for the change.' },
  'STR-4': { level: 'must', observable: 'client', text: 'Numbering an event, appending it to history and publishing it are one atomic step. `emittedAt` is set in that step, never decreases along a stream and is not changed by a replay.' },
  'STR-5': { level: 'must', observable: 'client', text: 'An event with `x-stream` belongs to one stream: `session_event` to `session:{sessionId}` of its payload. If the publisher names no stream, an event with `x-stream` is published on that stream, and any other event on `main`; the scope is checked for that stream. If the publisher names another stream, the event is refused with `stream_invalid`, `details.stream` is the correct stream, and nothing is stored.' },
  'EVT-1': { level: 'must', observable: 'client', text: 'An `event` names the matching subscriptions, whether it is a replay and why, its stream, position, id, name, time, source and payload.' },
  'EVT-2': { level: 'must', observable: 'client', text: 'A connection receives an event in exactly one live message, even if several of its subscriptions match. It may receive the event again only as a replay for a newer subscription.' },
  'EVT-3': { level: 'must', observable: 'client', text: 'The payload of a declared event is valid by its schema. A publication with an invalid payload is rejected with `payload_invalid`, and nothing is stored.' },
  'EVT-4': { level: 'must', observable: 'client', text: 'Any other name that matches the grammar of event names may be published with any JSON object as payload, up to the payload limit.' },
  'SUB-1': { level: 'must', observable: 'client', text: '`subscribed` names the subscription, its stream, events, the normalised filter, the position and the recovery outcome, also for an empty stream. The stream defaults to `main`.' },
  'SUB-2': { level: 'must', observable: 'client', text: 'Nothing arrives for a subscription before its `subscribed` and nothing after its `unsubscribed`.' },
  'SUB-3': { level: 'must', observable: 'client', text: 'A second subscribe with an active id fails with `subscription_exists` and leaves the first unchanged; the same filter under two ids is allowed; unsubscribing an unknown id fails with `subscription_not_found`.' },
  'SUB-4': { level: 'must', observable: 'client', text: 'An event must match every field of a filter, and in each field at least one value. A field constrains only the events that declare it; such an event does not match if its value is absent. A field that no subscribed event declares is refused with `filter_not_applicable`, and `details.fields` lists the declared fields. An empty list is refused with `filter_invalid`. If all subscribed events that declare the field enumerate its values in their schemas, any other value is refused with `filter_invalid`, and `details.allowed` lists the enumerated values.' },
  'SUB-5': { level: 'must', observable: 'client', text: 'Paths match at `/` boundaries. Globs support only `*`, `?` and `**`. Matching is case-sensitive, in Unicode NFC. Absolute paths, `..` and backslashes are rejected. A rename matches by its old or its new path. The extension `.ts` matches `a.d.ts`, not `a.mts`.' },
  'SUB-6': { level: 'must', observable: 'client', text: '`subscriptions` contains, for each subscription of the connection, the data of `subscribed` (without hints) and the numbers of delivered and replayed events. The reply is built when it is written, and counts as one message in the send queue, regardless of its size. Therefore a client that reads is never closed because of large replies.' },
  'SUB-7': { level: 'must', observable: 'client', text: 'An undeclared name in `subscribe` or `broadcast` is accepted as a custom event (EVT-4). If it has at least four characters and differs from a declared name only by one typing error, the reply has a hint that suggests the declared name. In a typing error, one character or two adjacent characters are missing, added, changed or swapped. Declared names and `*` get no hint.' },
  'RPL-1': { level: 'must', observable: 'client', text: '`replay.mode` is `none`, `warm` (the default) or `resume` after a position.' },
  'RPL-2': { level: 'must', observable: 'client', text: 'The order is: `subscribed`, replayed events in ascending order with `isReplay: true`, `replay_complete`, then live events with `isReplay: false`. No event is lost or sent twice between replay and live events. With mode `none`, neither a replay nor `replay_complete` is sent.' },
  'RPL-3': { level: 'must', observable: 'client', text: 'The replay policy of each event declares what `warm` replays; these events are the warm picture. If a bound made the picture incomplete, `replay_complete.truncated` is true.' },
  'RPL-4': { level: 'must', observable: 'client', text: 'A resume either succeeds or fails with a reason. If it fails, `subscribed` is followed by a `gap` and a warm replay. A position ahead of the head fails with `unknown_position`.' },
  'RPL-5': { level: 'must', observable: 'operator', text: 'History is bounded by count, bytes and age per stream; a session stream expires after its TTL without traffic.' },
  'RPL-6': { level: 'must', observable: 'client', text: 'The current scopes of the principal decide what is replayed, not those at the time of publication.' },
  'RPL-7': { level: 'must', observable: 'client', text: 'A resume with `withPicture` is for a client whose connection ended during its first warm replay. The server first replays, with `replayReason` `warm`, the part of the warm picture up to `after`, then, with `replayReason` `resume`, every matching event after that position. The `count` of `replay_complete` includes both parts; its `truncated` refers to the picture. If the resume fails, RPL-4 applies.' },
  'GAP-1': { level: 'must', observable: 'client', text: 'Every loss is reported by a `gap` with the stream, the subscriptions, both positions and the reason.' },
  'GAP-2': { level: 'must', observable: 'client', text: 'If a source loses events (its watcher overflowed, or did not run), the subscribers of the affected paths receive a `gap` with the reason `source_overflow` and the directories to read again. The `gap` is kept with history: a resume after its position, or after an earlier one, includes it at its place in the replay.' },
  'BCK-1': { level: 'must', observable: 'client', text: 'Each connection has its own send queue, bounded by bytes, messages and age. Control messages do not wait behind events, and a slow client does not delay others.' },
  'BCK-2': { level: 'must', observable: 'client', text: 'A connection past the soft limit is marked slow; past the hard limit it is closed with 4201, and a resume recovers all events that history still has. Events that a replay still has to send may count as queued once history has dropped them. When all queues of a node together exceed `sendQueueBudgetBytes`, the principal with the most queued bytes loses its connection with the longest queue, also with 4201.' },
  'BCK-3': { level: 'must', observable: 'client', text: '`subscribed`, `unsubscribed`, `authenticated`, `synced`, `replay_complete`, `gap`, `positions` and `subscription_closed` keep their order among the events: every message that was queued before them is written before them. All other replies and pushes may overtake queued events.' },
  'MUL-1': { level: 'must', observable: 'client', text: 'Instead of `stream`, a subscribe may have `streams`: names, and prefixes of names followed by `*`; `streamsPerSubscription` bounds their number. `subscribed.streams` lists those in force: sorted, narrowed to the scopes, and without items that another item covers. A subscribe that has `streams` together with `stream` or `after`, or `positions` without `streams`, is refused with `invalid_message`. An item that is neither a name nor a pattern is refused with `stream_invalid` and a pointer.' },
  'MUL-2': { level: 'must', observable: 'client', text: 'A subscription with `streams` receives events, live or replayed, only of streams on which the `subscribe:` scopes cover every one of its event patterns. A name that the scopes do not cover, or a pattern of which they cover no part, is refused with `forbidden`, like a forbidden `stream`. A pattern that the scopes cover in part is narrowed to that part.' },
  'MUL-3': { level: 'must', observable: 'client', text: 'A stream that appears after the subscription began is included: all its matching events are delivered live, from the first one.' },
  'MUL-4': { level: 'must', observable: 'client', text: 'After `subscribed` of a subscription with `streams`, `positions` messages name every followed stream that had events at that moment, once each, with its newest position. The position of a stream is sent after the replay of that stream and before `replay_complete`. With mode `none`, these messages directly follow `subscribed`. All live events are after these positions.' },
  'MUL-5': { level: 'must', observable: 'client', text: 'A resume with `positions` resumes each named stream after its own position, as RPL-4 requires. If the resume of a stream fails, a `gap` of that stream directly follows `subscribed`, the warm picture of that stream is replayed, and `recovery` has the reason of one of the failed streams. A stream without a position is resumed from before its first event. A named stream without events is reported by a `gap` with the reason `epoch_changed`, and is in `ended` of `positions`. A position of a stream that the subscription does not follow is ignored.' },
  'MUL-6': { level: 'must', observable: 'client', text: 'When a stream without subscriptions of its own expires, `positions` names it in `ended` to the subscriptions that follow it by `streams`, after its last event. If it appears again, its events have a new epoch and begin at 1, and no `gap` is needed.' },
  'MUL-7': { level: 'must', observable: 'client', text: 'One `replay_complete` ends the replay of all streams of a subscription with `streams`. Its `count` is the sum; `truncated` is true if the warm picture of a stream is incomplete. The events of each stream are in ascending order; the streams may be in any order.' },
  'MUL-8': { level: 'should', observable: 'client', text: 'After the first replay of a subscription with `streams` has been written, heartbeats name those of its streams that have new events. So positions also advance while a filter excludes the events. A heartbeat may omit some of these streams. CON-7 applies to each position.' },
  'MUL-9': { level: 'must', observable: 'operator', text: 'If a server has lost events of streams that it cannot name, each subscription that follows such streams by a pattern in `streams` receives a `gap` whose `stream` is this pattern. This `gap` changes no position, and the subscription continues.' },
  'BRD-1': { level: 'must', observable: 'client', text: 'Publishing is one operation, with the same rules for commands, HTTP requests, host programs and sources. `broadcasted` has the position of the event. A repeated idempotency key returns the first result and publishes nothing.' },
  'BRD-2': { level: 'must', observable: 'client', text: 'Publishing needs a `publish:` scope for the event on the stream. The `broadcast` command is disabled unless the operator enables it. The server sets the principal in `source`.' },
  'FIL-1': { level: 'must', observable: 'operator', text: 'A page of `POST /ws/files` shows the content of the root at `position`: it includes the effect of every event of the stream up to `position`, and of no later event. `resumeAfter` is the position of the first page, and is the same on every page. A client that applies to the entries, in order, every `file_change` and rescan after `resumeAfter` therefore misses nothing. An event between `resumeAfter` and `position` changes no entry of that page.' },
  'FIL-2': { level: 'must', observable: 'client', text: '`POST /ws/files` needs the scope `subscribe:file_change` on the stream. For a root that no node watches, the response is the error `not_watched`, with the watched roots of the stream in `details.roots`. It is never a page without entries, because that would mean an empty directory. If a node does not answer and might watch the root, the error is `broker_unavailable`. A cursor that is malformed or no longer valid is `invalid_message` with the pointer `/cursor`.' },
  'FIL-3': { level: 'must', observable: 'operator', text: 'A `file_change` may have a `hash`, of the content that the file had at the reported size and modification time. If `hash` is absent, nothing is known about the content: hashes are off by default, and a server omits them for large files and while many files change.' },
  'SEC-1': { level: 'must', observable: 'client', text: 'Scopes decide what a principal may subscribe to, publish and see: every operation needs the scopes of its `x-scopes`, and an operation rejected for a missing scope changes nothing. Principals are users or agents with a JWT, API keys, and services.' },
  'SEC-2': { level: 'must', observable: 'client', text: 'A credential comes in a header of the upgrade or of an HTTP request (`Authorization: Bearer TOKEN`, or `X-API-Key: KEY`, not both), or in `authenticate` as the first command. Where a credential is required, every command except `ping` and `authenticate` fails with `unauthenticated` until a credential has been accepted. A credential in the query string (`x-credential-parameters`) is rejected with 400.' },
  'SEC-3': { level: 'must', observable: 'client', text: '`authenticate` on a live connection replaces the credential; subscriptions that it does not cover end with `subscription_closed`. When a token expires, the connection is closed with 4100; when a key is revoked, with 4101.' },
  'SEC-4': { level: 'must', observable: 'client', text: 'The Origin of a browser is checked against an exact list (403; the same origin always passes), and the Host header against the served names. An operation with `x-any-origin` accepts pages of every origin.' },
  'SEC-5': { level: 'must', observable: 'operator', text: 'Without credentials the gateway serves only loopback, and warns at its start; other addresses need credentials or `--insecure`.' },
  'SYN-1': { level: 'must', observable: 'client', text: 'Every matching event that was published on the stream before the `sync` command is written to the connection before `synced`.' },
  'ERR-1': { level: 'must', observable: 'client', text: 'An error has a code of this contract, a text for people and a retryable flag, and where useful a retry delay, a pointer and details.' },
  'ERR-2': { level: 'must', observable: 'client', text: 'An invalid message (an error that `x-errors` marks with `counts: bad-message`) is answered with an error; too many within a minute close the connection with 4000. No message carries a stack trace, a path of the server or a secret.' },
  'ERR-3': { level: 'must', observable: 'client', text: 'The nesting depth is limited before parsing. Input that is nested too deeply, or has a repeated key, a number that is too large, a lone surrogate or a `__proto__` key, is answered by an error and changes nothing. A text frame that is not UTF-8 ends its connection with 1007 (RFC 6455).' },
  'OPS-0': { level: 'must', observable: 'client', text: 'HTTP bodies are plain objects. A failure is the `error` message with the status of its code in `x-errors`. A response with status 500 may have `X-Request-Id`: the id of the failure in the log of the server.' },
  'OPS-1': { level: 'must', observable: 'client', text: '`GET /ws/health` shows status, versions, node and uptime to all clients; with the scope `admin:read`, also connections, subscriptions, streams, broker, back-pressure and replays. `/healthz` and `/readyz` serve probes; `GET /ws` without an upgrade is answered with 426.' },
  'OPS-2': { level: 'must', observable: 'client', text: '`GET /ws/subscriptions`, with scope `admin:read`, lists every subscription of every node, paged and filterable, and names the nodes that did not answer.' },
  'OPS-3': { level: 'must', observable: 'client', text: '`POST /ws/explain` lists the subscriptions of all nodes that an event matches, and for the others the condition that fails; with `connectionId`, only the subscriptions of that connection. The lists may be cut, the counts are complete, and `missingNodes` names the nodes that did not answer.' },
  'OPS-4': { level: 'must', observable: 'client', text: '`/metrics`, `/asyncapi.yaml`, `/docs` and `/console` are served by every gateway.' },
  'OPS-5': { level: 'must', observable: 'client', text: '`/asyncapi.yaml` is served to pages of every origin, with `Access-Control-Allow-Origin: *`. Where `Accept` prefers `application/json` it is the bundled contract as JSON, whose SHA-256 is `contractDigest`; otherwise it is YAML. `Vary: Accept` is on both.' },
  'OPS-6': { level: 'must', observable: 'client', text: 'Requests for health, subscriptions, nodes, events, broadcast, explain, disconnect, files and metrics are limited like commands: for each of these operations, a principal (or an address, without a credential) may send `commandBurst` requests at once and `commandsPerSecond` in the long run. Further requests change nothing and are answered with 429 `rate_limited` and Retry-After.' },
  'OPS-7': { level: 'must', observable: 'client', text: '`/docs` is the reference as HTML. Where `Accept` names `text/markdown` with a weight above 0, and gives `text/html` no higher weight, it is the reference as Markdown. `Vary: Accept` is on both. `GET /` should redirect with 302 and a relative `Location` to `docs`, unless the address is shared with a host, which then answers `/`.' },
  'OPS-8': { level: 'must', observable: 'client', text: '`POST /ws/disconnect`, with scope `admin:write`, ends the connection with `connectionId`, on any node: its client gets `closing` and the close with 4205, or, if `reconnect` is false, with 4009. Other connections are not affected. `disconnected` is false, and nothing changes, if no open connection has this id; `missingNodes` then names the nodes that did not answer.' },
  'OPS-9': { level: 'must', observable: 'client', text: '`GET /ws/nodes`, with scope `admin:read`, reports the figures of every node, and names the nodes that did not answer. `published`, `delivered`, `replayed`, `gaps` and `closedSlow` count since the start of the node. `unsubscribed` has the connections without a subscription, at most 100 of each node, the newest first; `unsubscribedCount` counts them all.' },
  'SSE-1': { level: 'must', observable: 'client', text: '`GET /ws/events` is answered with 200 and `text/event-stream` (WHATWG HTML, server-sent events), and is then a connection with exactly one subscription: its messages are those of a WebSocket after one `subscribe`, in the same order and by the same clauses. The query has the fields of `subscribe`; a list is a repeated parameter. `data` of each server-sent event is one message; its `event` field is the `type` of the message, absent for the type `event`.' },
  'SSE-2': { level: 'must', observable: 'client', text: 'The `id` of a server-sent event is an opaque position, in printable ASCII without spaces, that includes stream and epoch. `Last-Event-ID`, or without it the parameter `after`, resumes after that position, as in RPL-4. These messages have an `id`: live events, events of a resume, `replay_complete`, a `gap` that does not belong to a failed resume, `subscribed` if no replay or a first warm replay follows, and `heartbeat` except before the end of a warm replay. The `id` of a `subscribed` before a first warm replay resumes `withPicture` (RPL-7), so a client that reconnects during that replay misses nothing. No other message before the end of a warm replay has an `id`.' },
  'SSE-3': { level: 'must', observable: 'client', text: 'A refused request for events opens no connection and is answered by an error with the status of OPS-0: 400 for an unknown parameter or a position that the server cannot read, 401, 403 or 422. It is refused with 429 or 503 and Retry-After in the same cases as an upgrade. WebSockets and event streams count together against the limits of connections.' },
  'SSE-4': { level: 'must', observable: 'client', text: '`welcome` and `closing` have a `retry` field; that of `closing` is its `retryAfterMs`. After `closing` the response ends. There are no pings and no close codes. The response has `Cache-Control: no-store` and `X-Accel-Buffering: no`, and is never compressed. A page of another, allowed origin may read it (`Access-Control-Allow-Origin`).' },
  'SSE-5': { level: 'must', observable: 'client', text: 'With `streams` a request for events follows many streams, as `subscribe` does (MUL-1 to MUL-8). An `id` then represents one position for each stream of which the client has received messages: `Last-Event-ID` or `after` is a resume with these `positions` (MUL-5). `subscribed`, `positions` of the replay, `replay_complete` and live events have an `id`. Replayed events have none, and a heartbeat has none while events are queued. An `id` has at most 4,096 characters, so it may omit streams; a resume replays the omitted streams from their first event.' },
  'CLI-1': { level: 'must', observable: 'server', text: 'A client sends only commands that are valid by their schema, each with an `id` that no earlier command of the connection had. It matches replies by `id` and ignores a reply to a command that it did not send.' },
  'CLI-2': { level: 'must', observable: 'server', text: 'When its connection ends, a client does what the class of the close code requires (CON-6). It does not reconnect after 40xx, 1008 or 1010, nor after 41xx unless it can get another credential. After any other code, or none, it reconnects. If the close frame has no code of 4000 or above, the code of a preceding `closing` applies.' },
  'CLI-3': { level: 'must', observable: 'server', text: 'The wait before an attempt to reconnect is random below a bound. The bound is at most 1 s at first, doubles with every further attempt up to at most 60 s, and is reset after a connection that lasted. The program that uses the client may set other bounds.' },
  'CLI-4': { level: 'must', observable: 'server', text: 'A `retryAfterMs` replaces the wait of CLI-3: the client waits at least that long, but never less than 100 ms or more than 300 s. A value that is negative or not a number is ignored. A subscribe refused with a retryable error is sent again after `retryAfterMs`; after any other error the subscription has ended.' },
  'CLI-5': { level: 'must', observable: 'server', text: 'On each new connection a client subscribes again, with `resume`. It resumes after the newest position of the stream up to which it has everything: that of an event of the subscription, of `replay_complete`, of the `to` of a `gap`, or of a `heartbeat` whose `delivered` equals its own count. Before its first warm replay is complete, and after 43xx, it has no position and requests the same replay as in its first subscribe.' },
  'CLI-6': { level: 'must', observable: 'server', text: 'A client counts the event messages of each connection. If a heartbeat has a larger `delivered`, events were lost on the way: the client reconnects and resumes after the position of the last heartbeat whose `delivered` equalled its count. If there is no such position, it hands over a gap.' },
  'CLI-7': { level: 'must', observable: 'server', text: 'A client hands each event over once and in the order of its stream, even if the server sends it several times. Only events that were lost on the way (CLI-6), and a warm replay after a gap, follow newer events. It hands over every `gap`, and reports a loss that the server does not: an epoch that changes without a `gap`, or a position that it had to discard.' },
  'CLI-8': { level: 'must', observable: 'server', text: 'After its unsubscribe, or after the server ended the subscription, a client hands over nothing more of it and does not subscribe again. A command other than subscribe and unsubscribe is sent at most once; if the connection ends before the reply, the caller gets an error.' },
  'CLI-9': { level: 'must', observable: 'server', text: 'The number of events that a client keeps for a slow reader is bounded. At the bound it unsubscribes and later resumes after the last event that it kept, or ends the subscription with an error.' },
  'CLI-10': { level: 'must', observable: 'server', text: 'A frame that breaks the contract may end the connection, but never the client. The frame is not handed over; the client continues with the next frame or reconnects.' },
  'CLI-11': { level: 'must', observable: 'server', text: 'A client treats a connection as lost, and reconnects, if no frame arrives within 60 s of the attempt to connect. Later, it does so if no frame arrives for two to four heartbeat intervals. It does not use an interval outside the limits of `heartbeatIntervalMs`.' },
  'CLI-12': { level: 'must', observable: 'server', text: 'A client that follows several streams with one subscription (MUL-1) applies CLI-5 to CLI-7 to each stream, with one position for each: that of `positions`, of an event or `gap` of the stream, or of a `heartbeat` whose `delivered` equals its own count. It resumes with all these positions, except those that do not fit into a command and those of streams that have ended (MUL-6), which then start again without a gap. A loss in one stream does not affect the others. A `gap` whose `stream` is a pattern (MUL-9) is handed over and changes no position.' },
  'CLI-13': { level: 'must', observable: 'server', text: 'If a connection ends during a warm replay, the client misses no event after the position of its `subscribed`. It requests the picture again, hands over only the part of the new picture up to that position, and resumes after that position when the new picture is complete. Or it hands over a gap from that position, and then the whole new picture.' },
} as const;

export type ClauseId = keyof typeof CLAUSES;
