// The types of all messages and payloads, one per schema of the contract.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

/** A document. */
export type Text = string;
/** Chosen by the client on a command, in printable ASCII; echoed on its reply. */
export type MessageId = string;
/** `main`, `workspace:{id}` or `session:{id}`; an id is 1 to 128 letters, digits, `.`, `_` or `-`. */
export type StreamName = string;
/** The name of a stream, or a prefix of names followed by `*`: `session:*`, `workspace:acme-*`; `*` alone means every stream. */
export type StreamSelector = string;
/** Names and patterns of streams. */
export type StreamSelectors = readonly StreamSelector[];
/** The name of an event, whether this contract, a team's own contract or neither declares it: a lower-case letter, then lower-case letters, digits and `_`, in parts joined by `.`, such as `build.finished`. */
export type EventName = string;
/** The name of an event, such as `build.finished`, or a prefix of names followed by `*`, such as `entity_*`; `*` alone means every event. */
export type EventPattern = string;
/** Names a subscription within its connection: 1 to 64 letters, digits, `.`, `_`, `:` or `-`. */
export type SubscriptionId = string;
/** Opaque id of one continuous run of a stream. */
export type Epoch = string;
/** Increases by exactly 1 per event of the stream; 0 means "before the first event". */
export type SequenceId = number;
/** A non-negative integer that every language can represent exactly. */
export type Count = number;
/** A duration in milliseconds. */
export type Milliseconds = number;
/** A size in bytes. */
export type Bytes = number;
/** RFC 3339, UTC, with milliseconds. */
export type Timestamp = string;
/** A ULID: 26 characters that sort by creation time. */
export type Ulid = string;
/** The name of the watched root; never a path of the server. */
export type RootName = string;
/** A POSIX path relative to the watched root. A backslash is an ordinary character of a name. A path never begins with `/` or a backslash, and never contains the segment `..`, whether `/` or a backslash separates it. So no path leads out of the root on any system. */
export type RelativePath = string;
/** A short name for people. */
export type Label = string;
/** One permission: `subscribe:<event-glob>[@<stream-glob>]`, `publish:<event-glob>[@<stream-glob>]`, `admin:read` or `admin:write`. */
export type Scope = string;
/** Which kind of credential was presented. */
export type PrincipalKind = 'anonymous' | 'user' | 'agent' | 'api_key' | 'service';
/** The kind of the broker. */
export type BrokerKind = 'memory' | 'redis';
/** The kind of change. */
export type FileChangeType = 'create' | 'modify' | 'delete' | 'rename';
/** The type of the file; for a deleted file, its last type. */
export type FileType = 'file' | 'directory' | 'symlink' | 'other';
/** Degraded means that the broker is unavailable. */
export type GatewayStatus = 'ok' | 'degraded' | 'draining';
/** `ok` if the node is ready, otherwise the reason. */
export type ProbeStatus = 'ok' | 'draining' | 'broker_unavailable';
/** The stream started a new epoch; history no longer reaches back to the position; or the position is ahead of the head. */
export type RecoveryFailureReason = 'epoch_changed' | 'window_exceeded' | 'unknown_position';
/** The requested replay mode. */
export type ReplayMode = 'none' | 'warm' | 'resume';
/** The step of the session. */
export type SessionEventName =
  | 'session_started'
  | 'session_keepalive'
  | 'session_relationships'
  | 'session_checkpoint'
  | 'session_handoff'
  | 'session_teardown'
  | 'modified'
  | 'broke'
  | 'test_pass';
/** The severity of the change. */
export type Severity = 'low' | 'medium' | 'high' | 'critical';
/** The present credential does not cover the subscription. */
export type SubscriptionClosedReason = 'forbidden';
/** The state of the run. */
export type SyncState = 'started' | 'running' | 'completed' | 'failed';
/** Alternative values. */
export type FilterValues = readonly string[];
/** Which past events to replay. */
export type ReplayRequest = ReplayNone | ReplayWarm | ReplayResume | ReplayResumeStreams;
/** The outcome of a resume. */
export type Recovery = RecoveryNotAttempted | RecoveryDone | RecoveryFailed;
/** The subscription to end, or all. */
export type UnsubscribeData = UnsubscribeOne | UnsubscribeAll;
/** A credential. */
export type AuthenticateData = TokenCredential | ApiKeyCredential;
/** Names in the command that are probably misspelt; absent if there are none. They have no effect on the command. */
export type Hints = readonly Hint[];
/** The error code; `x-errors` has the meanings. */
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
/** How long to wait before a retry, in milliseconds. */
export type RetryDelay = number;
/** Which events of one name a warm replay contains; see `x-replay-policies`. */
export type ReplayPolicyName = 'none' | 'latest' | 'latest-per-key' | 'log';
/** Identifies one gateway among those that share a broker. */
export type NodeId = string;
/** SHA-256 of the bundled contract. */
export type ContractDigest = string;
/** Time between two heartbeats, in milliseconds. */
export type HeartbeatInterval = number;
/** How to repair the client's state. */
export type Repair = RepairRescan | RepairRefetch;
/** Why the events are lost; see `x-gap-reasons`. */
export type GapReason =
  'epoch_changed' | 'window_exceeded' | 'unknown_position' | 'slow_consumer' | 'source_overflow' | 'broker_lost';
/** The name of a close code; see `x-close-codes`. */
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
/** Groups the events of one operation. */
export type OperationId = string;
/** Every subscription of this connection that the event matches. */
export type SubscriptionIds = readonly SubscriptionId[];
/** The kind of replay; only in replayed events. */
export type ReplayReason = 'warm' | 'resume';

/** No fields. */
export type Empty = Readonly<Record<string, never>>;
/** Any JSON object. */
export interface OpenObject {
  readonly [k: string]: unknown;
}
/** A position in a stream. Positions are comparable only within one epoch. */
export interface Position {
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
}
/** A stream and a position in it. */
export interface StreamPosition {
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
}
/** Who published the event. */
export interface EventSource {
  readonly name: Label;
  /** Set by the server, for example `user:ana`; a client cannot choose it. */
  readonly principal: string;
}
/** The authenticated identity of the client. */
export interface Principal {
  readonly kind: PrincipalKind;
  /** For example `user:ana`. */
  readonly id: string;
  /** The permissions of the principal. */
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Timestamp;
}
/** An event must match every field, and in each field at least one value. A field constrains only the events that declare it. */
export interface SubscriptionFilter {
  readonly paths?: FilterValues;
  readonly extensions?: FilterValues;
  readonly changeTypes?: FilterValues;
  readonly entityTypes?: FilterValues;
  readonly relationshipTypes?: FilterValues;
  readonly sessionIds?: FilterValues;
  readonly operationIds?: FilterValues;
  readonly sessionEvents?: FilterValues;
  readonly actors?: FilterValues;
  readonly sources?: FilterValues;
}
/** Only new events. */
export interface ReplayNone {
  /** Nothing is replayed. */
  readonly mode: 'none';
}
/** The current state, as the replay policy of each event declares. */
export interface ReplayWarm {
  /** The default. */
  readonly mode: 'warm';
}
/** Everything after a position. */
export interface ReplayResume {
  /** Continue after the last received position. */
  readonly mode: 'resume';
  readonly after: Position;
  /** Also replay the warm picture (the events of a warm replay) up to `after`. For a client whose connection ended during its first warm replay: `after` is then the position in the `subscribed` of that connection. */
  readonly withPicture?: true;
}
/** Everything after a position in each stream; only with `streams`. */
export interface ReplayResumeStreams {
  /** Continue after the last received positions. */
  readonly mode: 'resume';
  /** One item per stream. A stream without an item is replayed from its first event. */
  readonly positions: readonly StreamPosition[];
}
/** No resume was requested. */
export interface RecoveryNotAttempted {
  /** No resume was requested. */
  readonly attempted: false;
}
/** All matching events after the given position are replayed. */
export interface RecoveryDone {
  /** A resume was requested. */
  readonly attempted: true;
  /** The resume is complete. */
  readonly recovered: true;
}
/** The resume failed; a `gap` follows, then a warm replay. */
export interface RecoveryFailed {
  /** A resume was requested. */
  readonly attempted: true;
  /** The resume failed. */
  readonly recovered: false;
  readonly reason: RecoveryFailureReason;
}
/** The events to subscribe to. */
export interface SubscribeData {
  readonly subscriptionId?: SubscriptionId;
  readonly stream?: StreamName;
  /** Names and patterns of streams to follow together, instead of `stream`. */
  readonly streams?: readonly StreamSelector[];
  /** Names, or prefixes of names followed by `*`. */
  readonly events: readonly EventPattern[];
  readonly filter?: SubscriptionFilter;
  readonly replay?: ReplayRequest;
}
/** One subscription. */
export interface UnsubscribeOne {
  readonly subscriptionId: SubscriptionId;
}
/** All subscriptions. */
export interface UnsubscribeAll {
  /** Every subscription of this connection. */
  readonly all: true;
}
/** No fields. */
export type ListSubscriptionsData = Readonly<Record<string, never>>;
/** No fields. */
export type PingData = Readonly<Record<string, never>>;
/** One event to publish. Without `stream`, an event with `x-stream` is published on the stream to which it belongs, any other event on `main`. */
export interface BroadcastData {
  readonly stream?: StreamName;
  readonly event: EventName;
  readonly payload: OpenObject;
  readonly source?: Label;
  /** Printable ASCII. A repeat within the idempotency window, by the same principal on the same stream, returns the first result. */
  readonly idempotencyKey?: string;
}
/** A signed token. */
export interface TokenCredential {
  /** A JWT. */
  readonly token: string;
}
/** An API key. */
export interface ApiKeyCredential {
  /** An API key. */
  readonly apiKey: string;
}
/** The stream to wait for. */
export interface SyncData {
  readonly stream: StreamName;
}
/** The subscription in force. Has `streams` if the command had `streams`, otherwise `stream` and `position`. */
export interface SubscribedData {
  readonly subscriptionId: SubscriptionId;
  readonly stream?: StreamName;
  readonly streams?: StreamSelectors;
  /** The subscribed events. */
  readonly events: readonly EventPattern[];
  readonly filter: SubscriptionFilter;
  readonly position?: Position;
  readonly recovery: Recovery;
  readonly hints?: Hints;
}
/** An accepted name that is probably misspelt. */
export interface Hint {
  /** RFC 6901 pointer to the name, from the top of the message. */
  readonly pointer: string;
  /** For people; never parse it. */
  readonly message: string;
  readonly suggestion: EventPattern;
}
/** A subscription of this connection. Has either `streams`, or `stream` and `position`. */
export interface SubscriptionInfo {
  readonly subscriptionId: SubscriptionId;
  readonly stream?: StreamName;
  readonly streams?: StreamSelectors;
  /** The subscribed events. */
  readonly events: readonly EventPattern[];
  readonly filter: SubscriptionFilter;
  readonly position?: Position;
  readonly recovery: Recovery;
  readonly createdAt: Timestamp;
  readonly delivered: Count;
  readonly replayed: Count;
}
/** The ended subscriptions. */
export interface UnsubscribedData {
  /** The subscriptions that have ended. */
  readonly subscriptionIds: readonly SubscriptionId[];
}
/** This connection's subscriptions. */
export interface SubscriptionsData {
  /** One item per subscription, oldest first. */
  readonly items: readonly SubscriptionInfo[];
}
/** The position of the published event. */
export interface BroadcastedData {
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** True if nothing was published because the idempotency key was known. */
  readonly duplicate: boolean;
  readonly hints?: Hints;
}
/** The new identity of the client. */
export interface AuthenticatedData {
  readonly principal: Principal;
}
/** The position up to which all events have been written. */
export interface SyncedData {
  readonly stream: StreamName;
  readonly position: Position;
}
/** The server's time. */
export interface PongData {
  readonly time: Timestamp;
}
/** Why the command failed. */
export interface ErrorData {
  readonly code: ErrorCode;
  /** What was wrong, what was expected, what to do. For people; never parse it. */
  readonly message: string;
  /** Whether the same command may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs?: RetryDelay;
  /** RFC 6901 pointer to the invalid value, from the top of the message. */
  readonly pointer?: string;
  readonly details?: ErrorDetails;
}
/** Machine-readable details of the error. */
export interface ErrorDetails {
  readonly [k: string]: unknown;
}
/** The limits in force, one member per entry of `x-limits`, which has their meaning and unit. */
export interface EffectiveLimits {
  readonly inboundMessageBytes: Count;
  readonly jsonDepth: Count;
  readonly payloadBytes: Count;
  readonly subscriptionsPerConnection: Count;
  readonly eventsPerSubscription: Count;
  readonly streamsPerSubscription?: Count;
  readonly patternsPerFilterField: Count;
  readonly patternLength: Count;
  readonly commandsPerSecond: Count;
  readonly commandBurst: Count;
  readonly filterCharactersPerConnection?: Count;
  readonly filterBytes?: Count;
  readonly commandCostMs?: Count;
  readonly turnBudgetMs?: Count;
  readonly badMessagesPerMinute: Count;
  readonly connectionsPerNode: Count;
  readonly connectionsPerAddress: Count;
  readonly acceptsPerSecond: Count;
  readonly handshakeTimeoutMs: Count;
  readonly authTimeoutMs: Count;
  readonly heartbeatIntervalMs: Count;
  readonly sendQueueBytes: Count;
  readonly sendQueueMessages: Count;
  readonly sendQueueBudgetBytes?: Count;
  readonly sendQueueAgeMs: Count;
  readonly historyEvents: Count;
  readonly historyBytes: Count;
  readonly historyAgeMs: Count;
  readonly sessionHistoryEvents: Count;
  readonly sessionTtlMs: Count;
  readonly retainedKeys: Count;
  readonly retainedBytes?: Count;
  readonly historyBudgetBytes?: Count;
  readonly streamsPerNode?: Count;
  readonly idempotencyKeys?: Count;
  readonly idempotencyWindowMs: Count;
  readonly drainMs: Count;
}
/** The replay policy in force, per event. */
export interface ReplayPolicies {
  readonly [k: string]: ReplayPolicyName;
}
/** The features of this gateway. */
export interface Features {
  /** Whether the `broadcast` command is enabled. */
  readonly broadcast: boolean;
  readonly replay: ReplayPolicies;
}
/** The identities of the server and of the client. */
export interface WelcomeData {
  readonly connectionId: Ulid;
  readonly nodeId: NodeId;
  /** The version of this contract. */
  readonly protocolVersion: string;
  readonly contractDigest: ContractDigest;
  readonly heartbeatIntervalMs: HeartbeatInterval;
  readonly limits: EffectiveLimits;
  readonly features: Features;
  readonly principal: Principal;
  /** True if only `ping` and `authenticate` are accepted until the client authenticates. Until then the principal is anonymous and has no scopes. */
  readonly authenticationRequired: boolean;
}
/** The end of a replay. `position` is absent for a subscription with `streams`. */
export interface ReplayCompleteData {
  readonly subscriptionId: SubscriptionId;
  readonly position?: Position;
  readonly count: Count;
  /** True if a bound of history made the warm replay incomplete. */
  readonly truncated: boolean;
}
/** Read these directories again. */
export interface RepairRescan {
  /** Directories. */
  readonly kind: 'rescan';
  /** Relative to the watched root; an empty string is the root itself. */
  readonly paths: readonly string[];
}
/** Fetch these entities again. */
export interface RepairRefetch {
  /** Entities. */
  readonly kind: 'refetch';
  /** Entity or relationship ids. */
  readonly ids: readonly string[];
}
/** The lost range. */
export interface GapData {
  readonly stream: StreamSelector;
  /** The affected subscriptions. */
  readonly subscriptionIds: readonly SubscriptionId[];
  readonly from: Position;
  readonly to: Position;
  readonly reason: GapReason;
  readonly repair?: Repair;
}
/** Positions of one subscription in several streams. */
export interface PositionsData {
  readonly subscriptionId: SubscriptionId;
  /** One item per stream. */
  readonly positions: readonly StreamPosition[];
  /** Streams that have expired; their positions are no longer needed. */
  readonly ended?: readonly StreamName[];
}
/** The progress of the connection. */
export interface HeartbeatData {
  readonly delivered: Count;
  /** One item per stream that the connection subscribes to, or that a subscription with `streams` follows (MUL-8). */
  readonly positions: readonly StreamPosition[];
}
/** The ended subscription and the reason. */
export interface SubscriptionClosedData {
  readonly subscriptionId: SubscriptionId;
  readonly reason: SubscriptionClosedReason;
}
/** The announced close. */
export interface ClosingData {
  /** The close code. */
  readonly code: number;
  readonly name: CloseName;
  /** Whether to reconnect. */
  readonly retryable: boolean;
  readonly retryAfterMs?: RetryDelay;
}
/** A change in a watched directory. */
export interface FileChangePayload {
  readonly path: RelativePath;
  readonly root: RootName;
  readonly changeType: FileChangeType;
  readonly previousPath?: RelativePath;
  readonly size?: Bytes;
  readonly mtime?: Timestamp;
  readonly fileType: FileType;
  /** SHA-256 of the content of the file as it is reported (FIL-3). */
  readonly hash?: string;
}
/** An entity. */
export interface EntityCreatedPayload {
  /** Identifies the entity in the graph. */
  readonly id: string;
  /** For example `function`. */
  readonly entityType: string;
  /** The name in the source code. */
  readonly name: string;
  readonly path?: RelativePath;
  /** For example `typescript`. */
  readonly language?: string;
  /** Hash of the content. */
  readonly hash?: string;
  readonly metadata?: OpenObject;
}
/** An entity after the change. */
export interface EntityUpdatedPayload {
  /** Identifies the entity in the graph. */
  readonly id: string;
  /** For example `function`. */
  readonly entityType: string;
  /** The name in the source code. */
  readonly name: string;
  readonly path?: RelativePath;
  /** For example `typescript`. */
  readonly language?: string;
  /** Hash of the content. */
  readonly hash?: string;
  readonly metadata?: OpenObject;
  /** Names of the fields that changed. */
  readonly changedFields: readonly string[];
}
/** A deleted entity; its `id` is enough. */
export interface EntityDeletedPayload {
  /** Identifies the entity in the graph. */
  readonly id: string;
  /** For example `function`. */
  readonly entityType?: string;
  /** The name in the source code. */
  readonly name?: string;
  readonly path?: RelativePath;
  /** For example `typescript`. */
  readonly language?: string;
  /** Hash of the content. */
  readonly hash?: string;
  readonly metadata?: OpenObject;
}
/** A relationship. */
export interface RelationshipCreatedPayload {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType: string;
  /** The entity at which the relationship begins. */
  readonly fromEntityId: string;
  /** The entity at which the relationship ends. */
  readonly toEntityId: string;
  readonly metadata?: OpenObject;
}
/** A relationship after the change. */
export interface RelationshipUpdatedPayload {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType: string;
  /** The entity at which the relationship begins. */
  readonly fromEntityId: string;
  /** The entity at which the relationship ends. */
  readonly toEntityId: string;
  readonly metadata?: OpenObject;
}
/** A deleted relationship; its `id` is enough. */
export interface RelationshipDeletedPayload {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType?: string;
  /** The entity at which the relationship begins. */
  readonly fromEntityId?: string;
  /** The entity at which the relationship ends. */
  readonly toEntityId?: string;
  readonly metadata?: OpenObject;
}
/** A bulk change, summarised. */
export interface GraphUpdatePayload {
  readonly operationId?: OperationId;
  /** For people. */
  readonly summary: string;
  /** The changed paths. */
  readonly paths?: readonly RelativePath[];
  readonly entitiesCreated?: Count;
  readonly entitiesUpdated?: Count;
  readonly entitiesDeleted?: Count;
  readonly relationshipsCreated?: Count;
  readonly relationshipsUpdated?: Count;
  readonly relationshipsDeleted?: Count;
  readonly metadata?: OpenObject;
}
/** Progress of an indexer. */
export interface SyncStatusPayload {
  readonly status: SyncState;
  readonly operationId?: OperationId;
  readonly processed?: Count;
  readonly total?: Count;
  /** For people. */
  readonly message?: string;
  readonly metadata?: OpenObject;
}
/** The changed elements. */
export interface ChangeInfo {
  /** For example `function`. */
  readonly elementType: string;
  /** Ids of the entities. */
  readonly entityIds: readonly string[];
  /** For example `modified`. */
  readonly operation: string;
  readonly affectedLines?: Count;
}
/** A change of the state of the work. */
export interface StateTransition {
  /** State before. */
  readonly from: string;
  /** State after. */
  readonly to: string;
  /** For example `test`. */
  readonly verifiedBy?: string;
  /** Confidence of the verifier, from 0 to 1. */
  readonly confidence?: number;
}
/** The effects of the step. */
export interface Impact {
  readonly severity: Severity;
  /** Names of the failed tests. */
  readonly testsFailed?: readonly string[];
  /** Change of a performance measure; a negative value means faster. */
  readonly perfDelta?: number;
}
/** A relationship that the session touched. */
export interface SessionRelationship {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType: string;
  /** The entity at which the relationship begins. */
  readonly fromEntityId: string;
  /** The entity at which the relationship ends. */
  readonly toEntityId: string;
  readonly metadata?: OpenObject;
}
/** One step of a session. */
export interface SessionEventPayload {
  /** The session, 1 to 128 letters, digits, `.`, `_` or `-`; its stream is `session:{sessionId}`. */
  readonly sessionId: string;
  readonly sessionEvent: SessionEventName;
  readonly operationId?: OperationId;
  /** The acting agent or person. */
  readonly actor?: string;
  readonly changeInfo?: ChangeInfo;
  readonly stateTransition?: StateTransition;
  readonly impact?: Impact;
  /** Relationships that changed. */
  readonly relationships?: readonly SessionRelationship[];
  /** Names a checkpoint. */
  readonly checkpointId?: string;
  readonly processedChanges?: Count;
  readonly totalChanges?: Count;
  /** Status of the session. */
  readonly status?: string;
  readonly details?: OpenObject;
}
/** Any JSON object. */
export interface CustomPayload {
  readonly [k: string]: unknown;
}
/** A `file_change` event with its position in the stream. */
export interface FileChangeEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'file_change';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: FileChangePayload;
}
/** An `entity_created` event with its position in the stream. */
export interface EntityCreatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'entity_created';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: EntityCreatedPayload;
}
/** An `entity_updated` event with its position in the stream. */
export interface EntityUpdatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'entity_updated';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: EntityUpdatedPayload;
}
/** An `entity_deleted` event with its position in the stream. */
export interface EntityDeletedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'entity_deleted';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: EntityDeletedPayload;
}
/** A `relationship_created` event with its position in the stream. */
export interface RelationshipCreatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'relationship_created';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: RelationshipCreatedPayload;
}
/** A `relationship_updated` event with its position in the stream. */
export interface RelationshipUpdatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'relationship_updated';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: RelationshipUpdatedPayload;
}
/** A `relationship_deleted` event with its position in the stream. */
export interface RelationshipDeletedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'relationship_deleted';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: RelationshipDeletedPayload;
}
/** A `graph_update` event with its position in the stream. */
export interface GraphUpdateEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'graph_update';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: GraphUpdatePayload;
}
/** A `sync_status` event with its position in the stream. */
export interface SyncStatusEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'sync_status';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: SyncStatusPayload;
}
/** A `session_event` event with its position in the stream. */
export interface SessionEventEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** The name of the event. */
  readonly event: 'session_event';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: SessionEventPayload;
}
/** A custom event with its position in the stream. */
export interface CustomEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True if the event comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  readonly event: EventName;
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: CustomPayload;
}
/** The `subscribe` message. */
export interface SubscribeMessage {
  /** The type of the message. */
  readonly type: 'subscribe';
  readonly id?: MessageId;
  readonly data: SubscribeData;
}
/** The `unsubscribe` message. */
export interface UnsubscribeMessage {
  /** The type of the message. */
  readonly type: 'unsubscribe';
  readonly id?: MessageId;
  readonly data: UnsubscribeData;
}
/** The `list_subscriptions` message. */
export interface ListSubscriptionsMessage {
  /** The type of the message. */
  readonly type: 'list_subscriptions';
  readonly id?: MessageId;
  readonly data: ListSubscriptionsData;
}
/** The `broadcast` message. */
export interface BroadcastMessage {
  /** The type of the message. */
  readonly type: 'broadcast';
  readonly id?: MessageId;
  readonly data: BroadcastData;
}
/** The `authenticate` message. */
export interface AuthenticateMessage {
  /** The type of the message. */
  readonly type: 'authenticate';
  readonly id?: MessageId;
  readonly data: AuthenticateData;
}
/** The `sync` message. */
export interface SyncMessage {
  /** The type of the message. */
  readonly type: 'sync';
  readonly id?: MessageId;
  readonly data: SyncData;
}
/** The `ping` message. */
export interface PingMessage {
  /** The type of the message. */
  readonly type: 'ping';
  readonly id?: MessageId;
  readonly data: PingData;
}
/** The `subscribed` message. */
export interface SubscribedMessage {
  /** The type of the message. */
  readonly type: 'subscribed';
  readonly id?: MessageId;
  readonly data: SubscribedData;
}
/** The `unsubscribed` message. */
export interface UnsubscribedMessage {
  /** The type of the message. */
  readonly type: 'unsubscribed';
  readonly id?: MessageId;
  readonly data: UnsubscribedData;
}
/** The `subscriptions` message. */
export interface SubscriptionsMessage {
  /** The type of the message. */
  readonly type: 'subscriptions';
  readonly id?: MessageId;
  readonly data: SubscriptionsData;
}
/** The `broadcasted` message. */
export interface BroadcastedMessage {
  /** The type of the message. */
  readonly type: 'broadcasted';
  readonly id?: MessageId;
  readonly data: BroadcastedData;
}
/** The `authenticated` message. */
export interface AuthenticatedMessage {
  /** The type of the message. */
  readonly type: 'authenticated';
  readonly id?: MessageId;
  readonly data: AuthenticatedData;
}
/** The `synced` message. */
export interface SyncedMessage {
  /** The type of the message. */
  readonly type: 'synced';
  readonly id?: MessageId;
  readonly data: SyncedData;
}
/** The `pong` message. */
export interface PongMessage {
  /** The type of the message. */
  readonly type: 'pong';
  readonly id?: MessageId;
  readonly data: PongData;
}
/** The `error` message. */
export interface ErrorMessage {
  /** The type of the message. */
  readonly type: 'error';
  readonly id?: MessageId;
  readonly data: ErrorData;
}
/** The `welcome` message. */
export interface WelcomeMessage {
  /** The type of the message. */
  readonly type: 'welcome';
  readonly data: WelcomeData;
}
/** The `replay_complete` message. */
export interface ReplayCompleteMessage {
  /** The type of the message. */
  readonly type: 'replay_complete';
  readonly data: ReplayCompleteData;
}
/** The `gap` message. */
export interface GapMessage {
  /** The type of the message. */
  readonly type: 'gap';
  readonly data: GapData;
}
/** The `positions` message. */
export interface PositionsMessage {
  /** The type of the message. */
  readonly type: 'positions';
  readonly data: PositionsData;
}
/** The `heartbeat` message. */
export interface HeartbeatMessage {
  /** The type of the message. */
  readonly type: 'heartbeat';
  readonly data: HeartbeatData;
}
/** The `subscription_closed` message. */
export interface SubscriptionClosedMessage {
  /** The type of the message. */
  readonly type: 'subscription_closed';
  readonly data: SubscriptionClosedData;
}
/** The `closing` message. */
export interface ClosingMessage {
  /** The type of the message. */
  readonly type: 'closing';
  readonly data: ClosingData;
}
/** The `event` message. */
export interface FileChangeEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: FileChangeEvent;
}
/** The `event` message. */
export interface EntityCreatedEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: EntityCreatedEvent;
}
/** The `event` message. */
export interface EntityUpdatedEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: EntityUpdatedEvent;
}
/** The `event` message. */
export interface EntityDeletedEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: EntityDeletedEvent;
}
/** The `event` message. */
export interface RelationshipCreatedEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: RelationshipCreatedEvent;
}
/** The `event` message. */
export interface RelationshipUpdatedEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: RelationshipUpdatedEvent;
}
/** The `event` message. */
export interface RelationshipDeletedEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: RelationshipDeletedEvent;
}
/** The `event` message. */
export interface GraphUpdateEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: GraphUpdateEvent;
}
/** The `event` message. */
export interface SyncStatusEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: SyncStatusEvent;
}
/** The `event` message. */
export interface SessionEventEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: SessionEventEvent;
}
/** The `event` message. */
export interface CustomEventMessage {
  /** The type of the message. */
  readonly type: 'event';
  readonly data: CustomEvent;
}
/** The response of a probe. */
export interface Probe {
  readonly status: ProbeStatus;
}
/** Counts by event name. */
export interface CountsByName {
  readonly [k: string]: Count;
}
/** Subscriptions of this node. */
export interface HealthSubscriptions {
  readonly total: Count;
  readonly byEvent: CountsByName;
}
/** A stream on this node. */
export interface HealthStream {
  readonly stream: StreamName;
  readonly position: Position;
  readonly historyEvents: Count;
  readonly historyBytes: Bytes;
}
/** The broker. */
export interface HealthBroker {
  readonly kind: BrokerKind;
  /** Whether the broker answers. */
  readonly connected: boolean;
  /** Round trip of the last heartbeat between the gateway and the broker, in milliseconds. */
  readonly lagMs: number;
}
/** Slow clients. */
export interface HealthBackpressure {
  readonly queuedBytes: Bytes;
  readonly slow: Count;
  readonly closedSlow: Count;
}
/** Replays since the start of the process. */
export interface HealthReplay {
  readonly warm: Count;
  readonly resume: Count;
  readonly failed: Count;
  readonly events: Count;
}
/** The public part of the gateway's status. */
export interface HealthSummary {
  readonly status: GatewayStatus;
  /** Version of the gateway. */
  readonly version: string;
  /** Version of this contract. */
  readonly protocolVersion: string;
  readonly contractDigest: ContractDigest;
  readonly nodeId: NodeId;
  readonly uptimeMs: Milliseconds;
}
/** The status of the gateway. */
export interface Health {
  readonly status: GatewayStatus;
  /** Version of the gateway. */
  readonly version: string;
  /** Version of this contract. */
  readonly protocolVersion: string;
  readonly contractDigest: ContractDigest;
  readonly nodeId: NodeId;
  readonly uptimeMs: Milliseconds;
  readonly connections: Count;
  readonly subscriptions: HealthSubscriptions;
  /** Streams on this node. */
  readonly streams: readonly HealthStream[];
  readonly broker: HealthBroker;
  readonly backpressure: HealthBackpressure;
  readonly replay: HealthReplay;
  readonly budgets?: HealthBudgets;
  /** Nodes on the same broker with another contract; absent if there are none. A node treats events that its contract does not declare as custom events. */
  readonly otherContracts?: readonly NodeContract[];
}
/** The budgets that clients share on this node, by the name of their limit. */
export interface HealthBudgets {
  readonly filterBytes?: HealthBudget;
  readonly sendQueueBudgetBytes?: HealthBudget;
  readonly historyBudgetBytes?: HealthBudget;
  readonly streamsPerNode?: HealthBudget;
  readonly idempotencyKeys?: HealthBudget;
}
/** One budget, in the unit of its limit. */
export interface HealthBudget {
  readonly used: Count;
  readonly maximum: Count;
  readonly dropped: Count;
}
/** The contract of another node. */
export interface NodeContract {
  readonly nodeId: NodeId;
  readonly contractDigest: ContractDigest;
}
/** Counts of replays. */
export interface SubscriptionReplay {
  readonly mode: ReplayMode;
  readonly count: Count;
  readonly lastAt?: Timestamp;
}
/** A subscription with its delivery state, for operators. Has either `stream` or `streams`. */
export interface SubscriptionReport {
  readonly subscriptionId: SubscriptionId;
  readonly connectionId: Ulid;
  readonly nodeId: NodeId;
  /** The principal of the connection. */
  readonly principal: string;
  /** The address of the client; behind a trusted proxy, the one that the proxy names, or `unknown` if it names none. */
  readonly remoteAddress?: string;
  readonly stream?: StreamName;
  readonly streams?: StreamSelectors;
  /** The subscribed events. */
  readonly events: readonly EventPattern[];
  readonly filter: SubscriptionFilter;
  readonly createdAt: Timestamp;
  readonly lastActivityAt: Timestamp;
  readonly lastDeliveredAt?: Timestamp;
  readonly delivered: Count;
  readonly replay: SubscriptionReplay;
  /** Number of events of its streams that are newer than the last events written to the connection. */
  readonly lag: number;
  readonly queuedBytes: Bytes;
  readonly oldestQueuedMs: Milliseconds;
  readonly gaps: Count;
  /** Whether the send queue exceeds its soft limit. */
  readonly slow: boolean;
}
/** How many subscriptions have a `lag` above 0, and how many events have been replayed for all selected subscriptions. */
export interface ReplayPressure {
  readonly replaying: Count;
  readonly replayedEvents: Count;
}
/** Sums over the selected subscriptions. */
export interface SubscriptionAggregates {
  readonly directories: CountsByName;
  readonly extensions: CountsByName;
  readonly changeTypes: CountsByName;
  readonly events: CountsByName;
  readonly replayPressure: ReplayPressure;
}
/** One page. */
export interface SubscriptionsPage {
  /** The subscriptions of this page. */
  readonly items: readonly SubscriptionReport[];
  readonly total: Count;
  readonly aggregates: SubscriptionAggregates;
  /** True if a node did not answer. */
  readonly partial: boolean;
  /** The nodes that did not answer. */
  readonly missingNodes: readonly Label[];
  /** The cursor of the next page; absent on the last page. */
  readonly nextCursor?: string;
}
/** The fields `paths` and `extensions` of a subscription's filter, with the same meaning. */
export interface FilesFilter {
  readonly paths?: FilterValues;
  readonly extensions?: FilterValues;
}
/** Which part of which watched directory to list. */
export interface FilesRequest {
  readonly stream?: StreamName;
  readonly root?: RootName;
  readonly filter?: FilesFilter;
  /** Most entries on a page; 1,000 by default. */
  readonly limit?: number;
  /** `nextCursor` of the previous page; the other members are those of the first request. */
  readonly cursor?: string;
}
/** A file or directory, as its newest `file_change` reports it. */
export interface FileEntry {
  readonly path: RelativePath;
  readonly fileType: FileType;
  readonly size?: Bytes;
  readonly mtime?: Timestamp;
}
/** One page of a watched directory. */
export interface FilesPage {
  readonly stream: StreamName;
  readonly root: RootName;
  readonly nodeId: NodeId;
  readonly position: Position;
  readonly resumeAfter: Position;
  /** The entries, in the order of the tree. */
  readonly entries: readonly FileEntry[];
  /** Directories that may contain more than is listed, because they cannot be read or contain names that no event can contain; an empty string is the root. */
  readonly unread: readonly string[];
  /** Requests the next page; absent on the last page. */
  readonly nextCursor?: string;
}
/** A connection without a subscription. */
export interface UnsubscribedConnection {
  readonly connectionId: Ulid;
  /** The principal of the connection. */
  readonly principal: string;
  /** The address of the client; behind a trusted proxy, the one that the proxy names, or `unknown` if it names none. */
  readonly remoteAddress?: string;
  readonly openedAt: Timestamp;
  readonly lastActivityAt: Timestamp;
}
/** The figures of one node. `published`, `delivered`, `replayed`, `gaps` and `closedSlow` count since its start. */
export interface NodeReport {
  readonly nodeId: NodeId;
  readonly status: GatewayStatus;
  /** Version of the gateway. */
  readonly version: string;
  readonly contractDigest: ContractDigest;
  readonly uptimeMs: Milliseconds;
  readonly connections: Count;
  readonly subscriptions: Count;
  readonly published: Count;
  readonly delivered: Count;
  readonly replayed: Count;
  readonly gaps: CountsByName;
  readonly queuedBytes: Bytes;
  readonly slow: Count;
  readonly closedSlow: Count;
  readonly broker: HealthBroker;
  readonly budgets?: HealthBudgets;
  readonly unsubscribedCount: Count;
  /** Connections without a subscription, the newest first; at most 100. */
  readonly unsubscribed: readonly UnsubscribedConnection[];
}
/** The figures of all nodes. */
export interface NodesReport {
  /** The nodes that answered. */
  readonly nodes: readonly NodeReport[];
  /** True if a node did not answer. */
  readonly partial: boolean;
  /** The nodes that did not answer. */
  readonly missingNodes: readonly Label[];
}
/** An event that might be published. */
export interface ExplainRequest {
  readonly stream?: StreamName;
  readonly event: EventName;
  readonly payload: OpenObject;
  readonly source?: Label;
  readonly connectionId?: Ulid;
}
/** A subscription that the event would match. */
export interface ExplainMatch {
  readonly connectionId: Ulid;
  readonly subscriptionId: SubscriptionId;
}
/** A subscription that the event would not match. */
export interface ExplainMismatch {
  readonly connectionId: Ulid;
  readonly subscriptionId: SubscriptionId;
  /** `stream`, `events` or the name of a filter field. */
  readonly clause: string;
  /** The values in the subscription. */
  readonly wanted: readonly string[];
  /** The values in the event. */
  readonly seen: readonly string[];
}
/** The subscriptions of all nodes that match, and those that do not. The lists may be cut; the counts are complete. */
export interface Explanation {
  /** The first matching subscriptions. */
  readonly matches: readonly ExplainMatch[];
  readonly matchCount: Count;
  /** The first subscriptions that do not match; subscriptions to other streams come last. */
  readonly mismatches: readonly ExplainMismatch[];
  readonly mismatchCount: Count;
  /** True if a node did not answer. */
  readonly partial: boolean;
  /** The nodes that did not answer. */
  readonly missingNodes: readonly Label[];
}
/** The connection to end. */
export interface DisconnectRequest {
  readonly connectionId: Ulid;
  /** Whether the client may reconnect automatically. */
  readonly reconnect?: boolean;
}
/** Whether this request ended a connection. */
export interface DisconnectResult {
  /** True if the connection was open; its client gets `closing` and the close. */
  readonly disconnected: boolean;
  readonly nodeId?: NodeId;
  /** True if the connection was not found and a node did not answer. */
  readonly partial: boolean;
  /** The nodes that did not answer. */
  readonly missingNodes: readonly Label[];
}

/** The messages that a client sends. */
export type CommandMessage =
  | SubscribeMessage
  | UnsubscribeMessage
  | ListSubscriptionsMessage
  | BroadcastMessage
  | AuthenticateMessage
  | SyncMessage
  | PingMessage;

/** The server's reply to a command: success or error (ENV-3). */
export type ReplyMessage =
  | SubscribedMessage
  | UnsubscribedMessage
  | SubscriptionsMessage
  | BroadcastedMessage
  | AuthenticatedMessage
  | SyncedMessage
  | PongMessage
  | ErrorMessage;

/** An event that the contract declares; `data.event` is its name. */
export type DeclaredEventMessage =
  | FileChangeEventMessage
  | EntityCreatedEventMessage
  | EntityUpdatedEventMessage
  | EntityDeletedEventMessage
  | RelationshipCreatedEventMessage
  | RelationshipUpdatedEventMessage
  | RelationshipDeletedEventMessage
  | GraphUpdateEventMessage
  | SyncStatusEventMessage
  | SessionEventEventMessage;

/** Any event, declared or custom (EVT-4). */
export type EventMessage =
  | DeclaredEventMessage
  | CustomEventMessage;

/** The messages that the server sends without a command. */
export type PushMessage =
  | WelcomeMessage
  | ReplayCompleteMessage
  | GapMessage
  | PositionsMessage
  | HeartbeatMessage
  | SubscriptionClosedMessage
  | ClosingMessage
  | EventMessage;

/** The messages that a client receives. */
export type ServerMessage =
  | ReplyMessage
  | PushMessage;

/** `data` of a declared event; `event` is its name. */
export type DeclaredEvent =
  | FileChangeEvent
  | EntityCreatedEvent
  | EntityUpdatedEvent
  | EntityDeletedEvent
  | RelationshipCreatedEvent
  | RelationshipUpdatedEvent
  | RelationshipDeletedEvent
  | GraphUpdateEvent
  | SyncStatusEvent
  | SessionEventEvent;

/** `data` of any event. */
export type AnyEvent =
  | DeclaredEvent
  | CustomEvent;

/** `data` of each command. */
export interface CommandDataMap {
  readonly subscribe: SubscribeData;
  readonly unsubscribe: UnsubscribeData;
  readonly list_subscriptions: ListSubscriptionsData;
  readonly broadcast: BroadcastData;
  readonly authenticate: AuthenticateData;
  readonly sync: SyncData;
  readonly ping: PingData;
}

/** `data` of each command's success reply, by command. */
export interface ReplyDataMap {
  readonly subscribe: SubscribedData;
  readonly unsubscribe: UnsubscribedData;
  readonly list_subscriptions: SubscriptionsData;
  readonly broadcast: BroadcastedData;
  readonly authenticate: AuthenticatedData;
  readonly sync: SyncedData;
  readonly ping: PongData;
}

/** `data` of each push. */
export interface PushDataMap {
  readonly welcome: Extract<PushMessage, { readonly type: 'welcome' }>['data'];
  readonly event: AnyEvent;
  readonly replay_complete: Extract<PushMessage, { readonly type: 'replay_complete' }>['data'];
  readonly gap: Extract<PushMessage, { readonly type: 'gap' }>['data'];
  readonly positions: Extract<PushMessage, { readonly type: 'positions' }>['data'];
  readonly heartbeat: Extract<PushMessage, { readonly type: 'heartbeat' }>['data'];
  readonly subscription_closed: Extract<PushMessage, { readonly type: 'subscription_closed' }>['data'];
  readonly closing: Extract<PushMessage, { readonly type: 'closing' }>['data'];
}

/** `data` of each declared event, by the event's name. */
export interface EventMap {
  readonly file_change: FileChangeEvent;
  readonly entity_created: EntityCreatedEvent;
  readonly entity_updated: EntityUpdatedEvent;
  readonly entity_deleted: EntityDeletedEvent;
  readonly relationship_created: RelationshipCreatedEvent;
  readonly relationship_updated: RelationshipUpdatedEvent;
  readonly relationship_deleted: RelationshipDeletedEvent;
  readonly graph_update: GraphUpdateEvent;
  readonly sync_status: SyncStatusEvent;
  readonly session_event: SessionEventEvent;
}

/** Payload of each declared event, by the event's name. */
export interface PayloadMap {
  readonly file_change: FileChangePayload;
  readonly entity_created: EntityCreatedPayload;
  readonly entity_updated: EntityUpdatedPayload;
  readonly entity_deleted: EntityDeletedPayload;
  readonly relationship_created: RelationshipCreatedPayload;
  readonly relationship_updated: RelationshipUpdatedPayload;
  readonly relationship_deleted: RelationshipDeletedPayload;
  readonly graph_update: GraphUpdatePayload;
  readonly sync_status: SyncStatusPayload;
  readonly session_event: SessionEventPayload;
}
