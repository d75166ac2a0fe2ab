// Types of the wire, one per schema of the contract.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

/** A document. */
export type Text = string;
/** Chosen by the client on a command, in printable ASCII; echoed on its reply. */
export type MessageId = string;
/** `main`, `workspace:{id}` or `session:{id}`; an id is 1 to 128 letters, digits, `.`, `_` or `-`. */
export type StreamName = string;
/** The kind of an event, declared by this contract or a team's own: a small letter, then small letters, digits and `_`, in parts joined by `.`, such as `build.finished`. */
export type EventName = string;
/** The name of an event, such as `build.finished`, or a beginning of names followed by `*`, such as `entity_*`; `*` alone means every event. */
export type EventPattern = string;
/** Names a subscription within its connection: 1 to 64 letters, digits, `.`, `_`, `:` or `-`. */
export type SubscriptionId = string;
/** One life of a stream; opaque. */
export type Epoch = string;
/** Grows by exactly 1 per event of the stream; 0 stands for "before the first event". */
export type SequenceId = number;
/** How many; never negative, and exact in every language. */
export type Count = number;
/** A duration in milliseconds. */
export type Milliseconds = number;
/** A size in bytes. */
export type Bytes = number;
/** RFC 3339, UTC, with milliseconds. */
export type Timestamp = string;
/** A ULID: 26 characters that sort by the time at which they were made. */
export type Ulid = string;
/** A POSIX path relative to the watched root. A backslash is an ordinary character of a name there; so that no reader leaves the root by it, the path neither begins with `/` or a backslash, nor has a segment `..` between either. */
export type RelativePath = string;
/** A short name for people. */
export type Label = string;
/** One permission: `subscribe:<event-glob>[@<stream-glob>]`, `publish:<event-glob>[@<stream-glob>]` or `admin:read`. */
export type Scope = string;
/** Which kind of credential was presented. */
export type PrincipalKind = 'anonymous' | 'user' | 'agent' | 'api_key' | 'service';
/** Which. */
export type BrokerKind = 'memory' | 'redis';
/** What happened. */
export type FileChangeType = 'create' | 'modify' | 'delete' | 'rename';
/** What it is; of something deleted, what it was. */
export type FileType = 'file' | 'directory' | 'symlink' | 'other';
/** Degraded: the broker is away. */
export type GatewayStatus = 'ok' | 'degraded' | 'draining';
/** Ready or why not. */
export type ProbeStatus = 'ok' | 'draining' | 'broker_unavailable';
/** The stream began a new epoch; history no longer reaches back that far; or the position lies ahead of the head. */
export type RecoveryFailureReason = 'epoch_changed' | 'window_exceeded' | 'unknown_position';
/** As asked for. */
export type ReplayMode = 'none' | 'warm' | 'resume';
/** Which step. */
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
/** How bad. */
export type Severity = 'low' | 'medium' | 'high' | 'critical';
/** The credential in force does not cover it. */
export type SubscriptionClosedReason = 'forbidden';
/** Where it stands. */
export type SyncState = 'started' | 'running' | 'completed' | 'failed';
/** Any of these. */
export type FilterValues = readonly string[];
/** What of the past is wanted. */
export type ReplayRequest = ReplayNone | ReplayWarm | ReplayResume;
/** The outcome of a resume. */
export type Recovery = RecoveryNotAttempted | RecoveryDone | RecoveryFailed;
/** What to end. */
export type UnsubscribeData = UnsubscribeOne | UnsubscribeAll;
/** A credential. */
export type AuthenticateData = TokenCredential | ApiKeyCredential;
/** Names in the command that are probably misspelt; absent when there are none. They change nothing. */
export type Hints = readonly Hint[];
/** What went wrong; the codes and their meaning are in `x-errors`. */
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
  | 'rate_limited'
  | 'broker_unavailable'
  | 'internal';
/** How long to wait before trying again, in milliseconds. */
export type RetryDelay = number;
/** What `warm` replays of an event; see `x-replay-policies`. */
export type ReplayPolicyName = 'none' | 'latest' | 'latest-per-key' | 'log';
/** Names one gateway among those that share a broker. */
export type NodeId = string;
/** SHA-256 of the bundled contract. */
export type ContractDigest = string;
/** Time between two heartbeats, in milliseconds. */
export type HeartbeatInterval = number;
/** A hint how to repair the picture. */
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
  | 'token_expired'
  | 'token_revoked'
  | 'shutdown'
  | 'slow_consumer'
  | 'overloaded'
  | 'heartbeat_timeout'
  | 'rate_limited'
  | 'state_invalidated';
/** Groups what belongs to one operation. */
export type OperationId = string;
/** Every subscription of this connection that the event is for. */
export type SubscriptionIds = readonly SubscriptionId[];
/** Only on a replay: which kind. */
export type ReplayReason = 'warm' | 'resume';

/** No fields. */
export type Empty = Readonly<Record<string, never>>;
/** Any JSON object. */
export interface OpenObject {
  readonly [k: string]: unknown;
}
/** A place in a stream. Positions compare only within one epoch. */
export interface Position {
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
}
/** A stream and a place in it. */
export interface StreamPosition {
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
}
/** Who published the event. */
export interface EventSource {
  readonly name: Label;
  /** Stamped by the server, for example `user:ana`; a client cannot choose it. */
  readonly principal: string;
}
/** Who the server thinks the client is. */
export interface Principal {
  readonly kind: PrincipalKind;
  /** For example `user:ana`. */
  readonly id: string;
  /** What it may do. */
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Timestamp;
}
/** Every field narrows; within a field any value will do. A field constrains only the events that declare it. */
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
/** Only the future. */
export interface ReplayNone {
  /** Nothing is replayed. */
  readonly mode: 'none';
}
/** A useful starting picture, as each event's policy declares. */
export interface ReplayWarm {
  /** The default. */
  readonly mode: 'warm';
}
/** Everything after a position. */
export interface ReplayResume {
  /** Go on where the client was. */
  readonly mode: 'resume';
  readonly after: Position;
}
/** No resume was asked for. */
export interface RecoveryNotAttempted {
  /** Not attempted. */
  readonly attempted: false;
}
/** Every event after the given position that matches is being replayed. */
export interface RecoveryDone {
  /** Attempted. */
  readonly attempted: true;
  /** And complete. */
  readonly recovered: true;
}
/** The position cannot be resumed from; a `gap` follows, then a warm picture. */
export interface RecoveryFailed {
  /** Attempted. */
  readonly attempted: true;
  /** But not possible. */
  readonly recovered: false;
  readonly reason: RecoveryFailureReason;
}
/** What to follow. */
export interface SubscribeData {
  readonly subscriptionId?: SubscriptionId;
  readonly stream?: StreamName;
  /** Names, or beginnings of names followed by `*`. */
  readonly events: readonly EventPattern[];
  readonly filter?: SubscriptionFilter;
  readonly replay?: ReplayRequest;
}
/** One subscription. */
export interface UnsubscribeOne {
  readonly subscriptionId: SubscriptionId;
}
/** All of them. */
export interface UnsubscribeAll {
  /** Every subscription of this connection. */
  readonly all: true;
}
/** No fields. */
export type ListSubscriptionsData = Readonly<Record<string, never>>;
/** No fields. */
export type PingData = Readonly<Record<string, never>>;
/** One event to publish. Without `stream` it goes to the stream to which the event belongs (`x-stream`), any other to `main`. */
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
/** Which stream. */
export interface SyncData {
  readonly stream: StreamName;
}
/** The subscription as it is in force. */
export interface SubscribedData {
  readonly subscriptionId: SubscriptionId;
  readonly stream: StreamName;
  /** What it follows. */
  readonly events: readonly EventPattern[];
  readonly filter: SubscriptionFilter;
  readonly position: Position;
  readonly recovery: Recovery;
  readonly hints?: Hints;
}
/** A name that was accepted, but probably was meant to be another one. */
export interface Hint {
  /** RFC 6901 pointer to the name, from the top of the message. */
  readonly pointer: string;
  /** For people; never parse it. */
  readonly message: string;
  readonly suggestion: EventPattern;
}
/** A subscription of this connection. */
export interface SubscriptionInfo {
  readonly subscriptionId: SubscriptionId;
  readonly stream: StreamName;
  /** What it follows. */
  readonly events: readonly EventPattern[];
  readonly filter: SubscriptionFilter;
  readonly position: Position;
  readonly recovery: Recovery;
  readonly createdAt: Timestamp;
  readonly delivered: Count;
  readonly replayed: Count;
}
/** What has ended. */
export interface UnsubscribedData {
  /** The subscriptions that have ended. */
  readonly subscriptionIds: readonly SubscriptionId[];
}
/** This connection's subscriptions. */
export interface SubscriptionsData {
  /** One item per subscription, oldest first. */
  readonly items: readonly SubscriptionInfo[];
}
/** The place that the event was given. */
export interface BroadcastedData {
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** True when nothing was published because the idempotency key was known. */
  readonly duplicate: boolean;
  readonly hints?: Hints;
}
/** Who the client now is. */
export interface AuthenticatedData {
  readonly principal: Principal;
}
/** The barrier. */
export interface SyncedData {
  readonly stream: StreamName;
  readonly position: Position;
}
/** The server's time. */
export interface PongData {
  readonly time: Timestamp;
}
/** Why the command was refused. */
export interface ErrorData {
  readonly code: ErrorCode;
  /** What was seen, what was expected, what to do. For people; never parse it. */
  readonly message: string;
  /** Whether the same command may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs?: RetryDelay;
  /** RFC 6901 pointer to the value at fault, from the top of the message. */
  readonly pointer?: string;
  readonly details?: ErrorDetails;
}
/** More about what went wrong, for programs that know the server. */
export interface ErrorDetails {
  readonly [k: string]: unknown;
}
/** The limits in force, one member per entry of `x-limits`, where their meaning and unit stand. */
export interface EffectiveLimits {
  readonly inboundMessageBytes: Count;
  readonly jsonDepth: Count;
  readonly payloadBytes: Count;
  readonly subscriptionsPerConnection: Count;
  readonly eventsPerSubscription: Count;
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
/** What this gateway offers. */
export interface Features {
  /** Whether the `broadcast` command is on. */
  readonly broadcast: boolean;
  readonly replay: ReplayPolicies;
}
/** Who the server is and who the client is. */
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
  /** True when nothing but `ping` and `authenticate` is answered yet; the principal is then anonymous and without scopes. */
  readonly authenticationRequired: boolean;
}
/** The end of a replay. */
export interface ReplayCompleteData {
  readonly subscriptionId: SubscriptionId;
  readonly position: Position;
  readonly count: Count;
  /** True when a bound of history cut the picture. */
  readonly truncated: boolean;
}
/** Look at these directories again. */
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
/** What is lost. */
export interface GapData {
  readonly stream: StreamName;
  /** The subscriptions that it concerns. */
  readonly subscriptionIds: readonly SubscriptionId[];
  readonly from: Position;
  readonly to: Position;
  readonly reason: GapReason;
  readonly repair?: Repair;
}
/** Where the connection is. */
export interface HeartbeatData {
  readonly delivered: Count;
  /** One item per stream that the connection subscribes to. */
  readonly positions: readonly StreamPosition[];
}
/** What has ended, and why. */
export interface SubscriptionClosedData {
  readonly subscriptionId: SubscriptionId;
  readonly reason: SubscriptionClosedReason;
}
/** The close that follows. */
export interface ClosingData {
  /** The close code. */
  readonly code: number;
  readonly name: CloseName;
  /** Whether to come back. */
  readonly retryable: boolean;
  readonly retryAfterMs?: RetryDelay;
}
/** A change in a watched directory. */
export interface FileChangePayload {
  readonly path: RelativePath;
  /** The name of the watched root; never a path of the server. */
  readonly root: string;
  readonly changeType: FileChangeType;
  readonly previousPath?: RelativePath;
  readonly size?: Bytes;
  readonly mtime?: Timestamp;
  readonly fileType: FileType;
}
/** An entity. */
export interface EntityCreatedPayload {
  /** Identifies the entity in the graph. */
  readonly id: string;
  /** For example `function`. */
  readonly entityType: string;
  /** As it is written in the code. */
  readonly name: string;
  readonly path?: RelativePath;
  /** For example `typescript`. */
  readonly language?: string;
  /** Of its content. */
  readonly hash?: string;
  readonly metadata?: OpenObject;
}
/** An entity, as it is now. */
export interface EntityUpdatedPayload {
  /** Identifies the entity in the graph. */
  readonly id: string;
  /** For example `function`. */
  readonly entityType: string;
  /** As it is written in the code. */
  readonly name: string;
  readonly path?: RelativePath;
  /** For example `typescript`. */
  readonly language?: string;
  /** Of its content. */
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
  /** As it is written in the code. */
  readonly name?: string;
  readonly path?: RelativePath;
  /** For example `typescript`. */
  readonly language?: string;
  /** Of its content. */
  readonly hash?: string;
  readonly metadata?: OpenObject;
}
/** A relationship. */
export interface RelationshipCreatedPayload {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType: string;
  /** Where it begins. */
  readonly fromEntityId: string;
  /** Where it ends. */
  readonly toEntityId: string;
  readonly metadata?: OpenObject;
}
/** A relationship, as it is now. */
export interface RelationshipUpdatedPayload {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType: string;
  /** Where it begins. */
  readonly fromEntityId: string;
  /** Where it ends. */
  readonly toEntityId: string;
  readonly metadata?: OpenObject;
}
/** A deleted relationship; its `id` is enough. */
export interface RelationshipDeletedPayload {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType?: string;
  /** Where it begins. */
  readonly fromEntityId?: string;
  /** Where it ends. */
  readonly toEntityId?: string;
  readonly metadata?: OpenObject;
}
/** A bulk change, summarised. */
export interface GraphUpdatePayload {
  readonly operationId?: OperationId;
  /** For people. */
  readonly summary: string;
  /** What was touched. */
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
/** What was changed. */
export interface ChangeInfo {
  /** For example `function`. */
  readonly elementType: string;
  /** Which entities. */
  readonly entityIds: readonly string[];
  /** For example `modified`. */
  readonly operation: string;
  readonly affectedLines?: Count;
}
/** From one state of the work to another. */
export interface StateTransition {
  /** Before. */
  readonly from: string;
  /** After. */
  readonly to: string;
  /** For example `test`. */
  readonly verifiedBy?: string;
  /** How sure the verifier is. */
  readonly confidence?: number;
}
/** What it did. */
export interface Impact {
  readonly severity: Severity;
  /** Names of tests. */
  readonly testsFailed?: readonly string[];
  /** Change of a measure; negative is faster. */
  readonly perfDelta?: number;
}
/** A relationship that the session touched. */
export interface SessionRelationship {
  /** Identifies the relationship in the graph. */
  readonly id: string;
  /** For example `calls`. */
  readonly relationshipType: string;
  /** Where it begins. */
  readonly fromEntityId: string;
  /** Where it ends. */
  readonly toEntityId: string;
  readonly metadata?: OpenObject;
}
/** One step of a session. */
export interface SessionEventPayload {
  /** The session, 1 to 128 letters, digits, `.`, `_` or `-`; its stream is `session:{sessionId}`. */
  readonly sessionId: string;
  readonly sessionEvent: SessionEventName;
  readonly operationId?: OperationId;
  /** Which agent or person. */
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
  /** Of the session. */
  readonly status?: string;
  readonly details?: OpenObject;
}
/** Any JSON object. */
export interface CustomPayload {
  readonly [k: string]: unknown;
}
/** A `file_change` event with its place in the stream. */
export interface FileChangeEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'file_change';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: FileChangePayload;
}
/** A `entity_created` event with its place in the stream. */
export interface EntityCreatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'entity_created';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: EntityCreatedPayload;
}
/** A `entity_updated` event with its place in the stream. */
export interface EntityUpdatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'entity_updated';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: EntityUpdatedPayload;
}
/** A `entity_deleted` event with its place in the stream. */
export interface EntityDeletedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'entity_deleted';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: EntityDeletedPayload;
}
/** A `relationship_created` event with its place in the stream. */
export interface RelationshipCreatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'relationship_created';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: RelationshipCreatedPayload;
}
/** A `relationship_updated` event with its place in the stream. */
export interface RelationshipUpdatedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'relationship_updated';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: RelationshipUpdatedPayload;
}
/** A `relationship_deleted` event with its place in the stream. */
export interface RelationshipDeletedEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'relationship_deleted';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: RelationshipDeletedPayload;
}
/** A `graph_update` event with its place in the stream. */
export interface GraphUpdateEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'graph_update';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: GraphUpdatePayload;
}
/** A `sync_status` event with its place in the stream. */
export interface SyncStatusEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'sync_status';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: SyncStatusPayload;
}
/** A `session_event` event with its place in the stream. */
export interface SessionEventEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
  readonly isReplay: boolean;
  readonly replayReason?: ReplayReason;
  readonly stream: StreamName;
  readonly epoch: Epoch;
  readonly sequenceId: SequenceId;
  readonly eventId: Ulid;
  /** Its name. */
  readonly event: 'session_event';
  readonly emittedAt: Timestamp;
  readonly source: EventSource;
  readonly payload: SessionEventPayload;
}
/** A team's own event with its place in the stream. */
export interface CustomEvent {
  readonly subscriptionIds: SubscriptionIds;
  /** True when it comes from history. */
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
  /** Which message. */
  readonly type: 'subscribe';
  readonly id?: MessageId;
  readonly data: SubscribeData;
}
/** The `unsubscribe` message. */
export interface UnsubscribeMessage {
  /** Which message. */
  readonly type: 'unsubscribe';
  readonly id?: MessageId;
  readonly data: UnsubscribeData;
}
/** The `list_subscriptions` message. */
export interface ListSubscriptionsMessage {
  /** Which message. */
  readonly type: 'list_subscriptions';
  readonly id?: MessageId;
  readonly data: ListSubscriptionsData;
}
/** The `broadcast` message. */
export interface BroadcastMessage {
  /** Which message. */
  readonly type: 'broadcast';
  readonly id?: MessageId;
  readonly data: BroadcastData;
}
/** The `authenticate` message. */
export interface AuthenticateMessage {
  /** Which message. */
  readonly type: 'authenticate';
  readonly id?: MessageId;
  readonly data: AuthenticateData;
}
/** The `sync` message. */
export interface SyncMessage {
  /** Which message. */
  readonly type: 'sync';
  readonly id?: MessageId;
  readonly data: SyncData;
}
/** The `ping` message. */
export interface PingMessage {
  /** Which message. */
  readonly type: 'ping';
  readonly id?: MessageId;
  readonly data: PingData;
}
/** The `subscribed` message. */
export interface SubscribedMessage {
  /** Which message. */
  readonly type: 'subscribed';
  readonly id?: MessageId;
  readonly data: SubscribedData;
}
/** The `unsubscribed` message. */
export interface UnsubscribedMessage {
  /** Which message. */
  readonly type: 'unsubscribed';
  readonly id?: MessageId;
  readonly data: UnsubscribedData;
}
/** The `subscriptions` message. */
export interface SubscriptionsMessage {
  /** Which message. */
  readonly type: 'subscriptions';
  readonly id?: MessageId;
  readonly data: SubscriptionsData;
}
/** The `broadcasted` message. */
export interface BroadcastedMessage {
  /** Which message. */
  readonly type: 'broadcasted';
  readonly id?: MessageId;
  readonly data: BroadcastedData;
}
/** The `authenticated` message. */
export interface AuthenticatedMessage {
  /** Which message. */
  readonly type: 'authenticated';
  readonly id?: MessageId;
  readonly data: AuthenticatedData;
}
/** The `synced` message. */
export interface SyncedMessage {
  /** Which message. */
  readonly type: 'synced';
  readonly id?: MessageId;
  readonly data: SyncedData;
}
/** The `pong` message. */
export interface PongMessage {
  /** Which message. */
  readonly type: 'pong';
  readonly id?: MessageId;
  readonly data: PongData;
}
/** The `error` message. */
export interface ErrorMessage {
  /** Which message. */
  readonly type: 'error';
  readonly id?: MessageId;
  readonly data: ErrorData;
}
/** The `welcome` message. */
export interface WelcomeMessage {
  /** Which message. */
  readonly type: 'welcome';
  readonly data: WelcomeData;
}
/** The `replay_complete` message. */
export interface ReplayCompleteMessage {
  /** Which message. */
  readonly type: 'replay_complete';
  readonly data: ReplayCompleteData;
}
/** The `gap` message. */
export interface GapMessage {
  /** Which message. */
  readonly type: 'gap';
  readonly data: GapData;
}
/** The `heartbeat` message. */
export interface HeartbeatMessage {
  /** Which message. */
  readonly type: 'heartbeat';
  readonly data: HeartbeatData;
}
/** The `subscription_closed` message. */
export interface SubscriptionClosedMessage {
  /** Which message. */
  readonly type: 'subscription_closed';
  readonly data: SubscriptionClosedData;
}
/** The `closing` message. */
export interface ClosingMessage {
  /** Which message. */
  readonly type: 'closing';
  readonly data: ClosingData;
}
/** The `event` message. */
export interface FileChangeEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: FileChangeEvent;
}
/** The `event` message. */
export interface EntityCreatedEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: EntityCreatedEvent;
}
/** The `event` message. */
export interface EntityUpdatedEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: EntityUpdatedEvent;
}
/** The `event` message. */
export interface EntityDeletedEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: EntityDeletedEvent;
}
/** The `event` message. */
export interface RelationshipCreatedEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: RelationshipCreatedEvent;
}
/** The `event` message. */
export interface RelationshipUpdatedEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: RelationshipUpdatedEvent;
}
/** The `event` message. */
export interface RelationshipDeletedEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: RelationshipDeletedEvent;
}
/** The `event` message. */
export interface GraphUpdateEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: GraphUpdateEvent;
}
/** The `event` message. */
export interface SyncStatusEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: SyncStatusEvent;
}
/** The `event` message. */
export interface SessionEventEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: SessionEventEvent;
}
/** The `event` message. */
export interface CustomEventMessage {
  /** Which message. */
  readonly type: 'event';
  readonly data: CustomEvent;
}
/** A probe's answer. */
export interface Probe {
  readonly status: ProbeStatus;
}
/** How many of each. */
export interface CountsByName {
  readonly [k: string]: Count;
}
/** Subscriptions of this node. */
export interface HealthSubscriptions {
  readonly total: Count;
  readonly byEvent: CountsByName;
}
/** A stream that this node holds. */
export interface HealthStream {
  readonly stream: StreamName;
  readonly position: Position;
  readonly historyEvents: Count;
  readonly historyBytes: Bytes;
}
/** The broker. */
export interface HealthBroker {
  readonly kind: BrokerKind;
  /** Whether it answers. */
  readonly connected: boolean;
  /** Round trip of its own heartbeat in milliseconds. */
  readonly lagMs: number;
}
/** Slow clients. */
export interface HealthBackpressure {
  readonly queuedBytes: Bytes;
  readonly slow: Count;
  readonly closedSlow: Count;
}
/** Replays since the process began. */
export interface HealthReplay {
  readonly warm: Count;
  readonly resume: Count;
  readonly failed: Count;
  readonly events: Count;
}
/** The gateway at this moment, as everyone may see it. */
export interface HealthSummary {
  readonly status: GatewayStatus;
  /** Of the gateway. */
  readonly version: string;
  /** Of this contract. */
  readonly protocolVersion: string;
  readonly contractDigest: ContractDigest;
  readonly nodeId: NodeId;
  readonly uptimeMs: Milliseconds;
}
/** The gateway at this moment. */
export interface Health {
  readonly status: GatewayStatus;
  /** Of the gateway. */
  readonly version: string;
  /** Of this contract. */
  readonly protocolVersion: string;
  readonly contractDigest: ContractDigest;
  readonly nodeId: NodeId;
  readonly uptimeMs: Milliseconds;
  readonly connections: Count;
  readonly subscriptions: HealthSubscriptions;
  /** Streams that this node holds. */
  readonly streams: readonly HealthStream[];
  readonly broker: HealthBroker;
  readonly backpressure: HealthBackpressure;
  readonly replay: HealthReplay;
  readonly budgets?: HealthBudgets;
  /** Nodes on the same broker that have another contract; absent when all have this one. Events that a node does not declare are custom events there. */
  readonly otherContracts?: readonly NodeContract[];
}
/** What clients share on this node, under the name of the limit that bounds it. */
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
/** What was replayed. */
export interface SubscriptionReplay {
  readonly mode: ReplayMode;
  readonly count: Count;
  readonly lastAt?: Timestamp;
}
/** A subscription, as an operator sees it. */
export interface SubscriptionReport {
  readonly subscriptionId: SubscriptionId;
  readonly connectionId: Ulid;
  readonly nodeId: NodeId;
  /** Whose it is. */
  readonly principal: string;
  /** The address of the client; behind a trusted proxy, the one that the proxy names. */
  readonly remoteAddress?: string;
  readonly stream: StreamName;
  /** What it follows. */
  readonly events: readonly EventPattern[];
  readonly filter: SubscriptionFilter;
  readonly createdAt: Timestamp;
  readonly lastActivityAt: Timestamp;
  readonly lastDeliveredAt?: Timestamp;
  readonly delivered: Count;
  readonly replay: SubscriptionReplay;
  /** Events of the stream between what was written to the connection and the head. */
  readonly lag: number;
  readonly queuedBytes: Bytes;
  readonly oldestQueuedMs: Milliseconds;
  readonly gaps: Count;
  /** Past the soft limit of its send queue. */
  readonly slow: boolean;
}
/** How much is being replayed. */
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
  /** True when a node did not answer. */
  readonly partial: boolean;
  /** The nodes that did not answer. */
  readonly missingNodes: readonly Label[];
  /** Where the next page begins; absent on the last one. */
  readonly nextCursor?: string;
}
/** An event that might be published. */
export interface ExplainRequest {
  readonly stream?: StreamName;
  readonly event: EventName;
  readonly payload: OpenObject;
  readonly source?: Label;
}
/** A subscription that would see it. */
export interface ExplainMatch {
  readonly connectionId: Ulid;
  readonly subscriptionId: SubscriptionId;
}
/** A subscription that would not see it. */
export interface ExplainMismatch {
  readonly connectionId: Ulid;
  readonly subscriptionId: SubscriptionId;
  /** `stream`, `events` or the name of a filter field. */
  readonly clause: string;
  /** What the subscription asks for. */
  readonly wanted: readonly string[];
  /** What the event has. */
  readonly seen: readonly string[];
}
/** Who would see the event. */
export interface Explanation {
  /** Those that would. */
  readonly matches: readonly ExplainMatch[];
  /** Those that would not. */
  readonly mismatches: readonly ExplainMismatch[];
}

/** What a client sends. */
export type CommandMessage =
  | SubscribeMessage
  | UnsubscribeMessage
  | ListSubscriptionsMessage
  | BroadcastMessage
  | AuthenticateMessage
  | SyncMessage
  | PingMessage;

/** What the server answers to a command: its success, or an error (ENV-3). */
export type ReplyMessage =
  | SubscribedMessage
  | UnsubscribedMessage
  | SubscriptionsMessage
  | BroadcastedMessage
  | AuthenticatedMessage
  | SyncedMessage
  | PongMessage
  | ErrorMessage;

/** An event that the contract declares: `data.event` tells which. */
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

/** Any event, of a declared name or of a name of a team's own (EVT-4). */
export type EventMessage =
  | DeclaredEventMessage
  | CustomEventMessage;

/** What the server volunteers. */
export type PushMessage =
  | WelcomeMessage
  | ReplayCompleteMessage
  | GapMessage
  | HeartbeatMessage
  | SubscriptionClosedMessage
  | ClosingMessage
  | EventMessage;

/** What a client receives. */
export type ServerMessage =
  | ReplyMessage
  | PushMessage;

/** `data` of a declared event; `event` tells which. */
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

/** `data` of the success of each command; keyed by the command. */
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
