"""Types of the wire, one per schema of the contract.

Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, Union


class Position(TypedDict):
    """A place in a stream. Positions compare only within one epoch."""

    epoch: Epoch
    sequenceId: SequenceId


class StreamPosition(TypedDict):
    """A stream and a place in it."""

    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId


class EventSource(TypedDict):
    """Who published the event."""

    name: Label
    #: Stamped by the server, for example `user:ana`; a client cannot choose it.
    principal: str


class Principal(TypedDict):
    """Who the server thinks the client is."""

    kind: PrincipalKind
    #: For example `user:ana`.
    id: str
    #: What it may do.
    scopes: Sequence[Scope]
    expiresAt: NotRequired[Timestamp]


class SubscriptionFilter(TypedDict):
    """Every field narrows; within a field any value will do. A field constrains only the events that declare it."""

    paths: NotRequired[FilterValues]
    extensions: NotRequired[FilterValues]
    changeTypes: NotRequired[FilterValues]
    entityTypes: NotRequired[FilterValues]
    relationshipTypes: NotRequired[FilterValues]
    sessionIds: NotRequired[FilterValues]
    operationIds: NotRequired[FilterValues]
    sessionEvents: NotRequired[FilterValues]
    actors: NotRequired[FilterValues]
    sources: NotRequired[FilterValues]


class ReplayNone(TypedDict):
    """Only the future."""

    #: Nothing is replayed.
    mode: Literal["none"]


class ReplayWarm(TypedDict):
    """A useful starting picture, as each event's policy declares."""

    #: The default.
    mode: Literal["warm"]


class ReplayResume(TypedDict):
    """Everything after a position."""

    #: Go on where the client was.
    mode: Literal["resume"]
    after: Position


class RecoveryNotAttempted(TypedDict):
    """No resume was asked for."""

    #: Not attempted.
    attempted: Literal[False]


class RecoveryDone(TypedDict):
    """Every event after the given position that matches is being replayed."""

    #: Attempted.
    attempted: Literal[True]
    #: And complete.
    recovered: Literal[True]


class RecoveryFailed(TypedDict):
    """The position cannot be resumed from; a `gap` follows, then a warm picture."""

    #: Attempted.
    attempted: Literal[True]
    #: But not possible.
    recovered: Literal[False]
    reason: RecoveryFailureReason


class SubscribeData(TypedDict):
    """What to follow."""

    subscriptionId: NotRequired[SubscriptionId]
    stream: NotRequired[StreamName]
    #: Names, or beginnings of names followed by `*`.
    events: Sequence[EventPattern]
    filter: NotRequired[SubscriptionFilter]
    replay: NotRequired[ReplayRequest]


class UnsubscribeOne(TypedDict):
    """One subscription."""

    subscriptionId: SubscriptionId


class UnsubscribeAll(TypedDict):
    """All of them."""

    #: Every subscription of this connection.
    all: Literal[True]


class BroadcastData(TypedDict):
    """One event to publish. Without `stream` it goes to the stream to which the event belongs (`x-stream`), any other to `main`."""

    stream: NotRequired[StreamName]
    event: EventName
    payload: OpenObject
    source: NotRequired[Label]
    #: Printable ASCII. A repeat within the idempotency window, by the same principal on the same stream, returns the first result.
    idempotencyKey: NotRequired[str]


class TokenCredential(TypedDict):
    """A signed token."""

    #: A JWT.
    token: str


class ApiKeyCredential(TypedDict):
    """An API key."""

    #: An API key.
    apiKey: str


class SyncData(TypedDict):
    """Which stream."""

    stream: StreamName


class SubscribedData(TypedDict):
    """The subscription as it is in force."""

    subscriptionId: SubscriptionId
    stream: StreamName
    #: What it follows.
    events: Sequence[EventPattern]
    filter: SubscriptionFilter
    position: Position
    recovery: Recovery
    hints: NotRequired[Hints]


class SubscriptionInfo(TypedDict):
    """A subscription of this connection."""

    subscriptionId: SubscriptionId
    stream: StreamName
    #: What it follows.
    events: Sequence[EventPattern]
    filter: SubscriptionFilter
    position: Position
    recovery: Recovery
    createdAt: Timestamp
    delivered: Count
    replayed: Count


class UnsubscribedData(TypedDict):
    """What has ended."""

    #: The subscriptions that have ended.
    subscriptionIds: Sequence[SubscriptionId]


class SubscriptionsData(TypedDict):
    """This connection's subscriptions."""

    #: One item per subscription, oldest first.
    items: Sequence[SubscriptionInfo]


class BroadcastedData(TypedDict):
    """The place that the event was given."""

    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: True when nothing was published because the idempotency key was known.
    duplicate: bool
    hints: NotRequired[Hints]


class Hint(TypedDict):
    """A name that was accepted, but probably was meant to be another one."""

    #: RFC 6901 pointer to the name, from the top of the message.
    pointer: str
    #: For people; never parse it.
    message: str
    suggestion: EventPattern


class AuthenticatedData(TypedDict):
    """Who the client now is."""

    principal: Principal


class SyncedData(TypedDict):
    """The barrier."""

    stream: StreamName
    position: Position


class PongData(TypedDict):
    """The server's time."""

    time: Timestamp


class ErrorData(TypedDict):
    """Why the command was refused."""

    code: ErrorCode
    #: What was seen, what was expected, what to do. For people; never parse it.
    message: str
    #: Whether the same command may succeed later.
    retryable: bool
    retryAfterMs: NotRequired[RetryDelay]
    #: RFC 6901 pointer to the value at fault, from the top of the message.
    pointer: NotRequired[str]
    details: NotRequired[ErrorDetails]


class EffectiveLimits(TypedDict):
    """The limits in force, one member per entry of `x-limits`, where their meaning and unit stand."""

    inboundMessageBytes: Count
    jsonDepth: Count
    payloadBytes: Count
    subscriptionsPerConnection: Count
    eventsPerSubscription: Count
    patternsPerFilterField: Count
    patternLength: Count
    commandsPerSecond: Count
    commandBurst: Count
    filterCharactersPerConnection: NotRequired[Count]
    filterBytes: NotRequired[Count]
    commandCostMs: NotRequired[Count]
    turnBudgetMs: NotRequired[Count]
    badMessagesPerMinute: Count
    connectionsPerNode: Count
    connectionsPerAddress: Count
    acceptsPerSecond: Count
    handshakeTimeoutMs: Count
    authTimeoutMs: Count
    heartbeatIntervalMs: Count
    sendQueueBytes: Count
    sendQueueMessages: Count
    sendQueueBudgetBytes: NotRequired[Count]
    sendQueueAgeMs: Count
    historyEvents: Count
    historyBytes: Count
    historyAgeMs: Count
    sessionHistoryEvents: Count
    sessionTtlMs: Count
    retainedKeys: Count
    retainedBytes: NotRequired[Count]
    historyBudgetBytes: NotRequired[Count]
    streamsPerNode: NotRequired[Count]
    idempotencyKeys: NotRequired[Count]
    idempotencyWindowMs: Count
    drainMs: Count


class Features(TypedDict):
    """What this gateway offers."""

    #: Whether the `broadcast` command is on.
    broadcast: bool
    replay: ReplayPolicies


class WelcomeData(TypedDict):
    """Who the server is and who the client is."""

    connectionId: Ulid
    nodeId: NodeId
    #: The version of this contract.
    protocolVersion: str
    contractDigest: ContractDigest
    heartbeatIntervalMs: HeartbeatInterval
    limits: EffectiveLimits
    features: Features
    principal: Principal
    #: True when nothing but `ping` and `authenticate` is answered yet; the principal is then anonymous and without scopes.
    authenticationRequired: bool


class ReplayCompleteData(TypedDict):
    """The end of a replay."""

    subscriptionId: SubscriptionId
    position: Position
    count: Count
    #: True when a bound of history cut the picture.
    truncated: bool


class RepairRescan(TypedDict):
    """Look at these directories again."""

    #: Directories.
    kind: Literal["rescan"]
    #: Relative to the watched root; an empty string is the root itself.
    paths: Sequence[str]


class RepairRefetch(TypedDict):
    """Fetch these entities again."""

    #: Entities.
    kind: Literal["refetch"]
    #: Entity or relationship ids.
    ids: Sequence[str]


GapData = TypedDict("GapData", {
    "stream": "StreamName",
    "subscriptionIds": "Sequence[SubscriptionId]",
    "from": "Position",
    "to": "Position",
    "reason": "GapReason",
    "repair": "NotRequired[Repair]",
})


class HeartbeatData(TypedDict):
    """Where the connection is."""

    delivered: Count
    #: One item per stream that the connection subscribes to.
    positions: Sequence[StreamPosition]


class SubscriptionClosedData(TypedDict):
    """What has ended, and why."""

    subscriptionId: SubscriptionId
    reason: SubscriptionClosedReason


class ClosingData(TypedDict):
    """The close that follows."""

    #: The close code.
    code: int
    name: CloseName
    #: Whether to come back.
    retryable: bool
    retryAfterMs: NotRequired[RetryDelay]


class FileChangePayload(TypedDict):
    """A change in a watched directory."""

    path: RelativePath
    #: The name of the watched root; never a path of the server.
    root: str
    changeType: FileChangeType
    previousPath: NotRequired[RelativePath]
    size: NotRequired[Bytes]
    mtime: NotRequired[Timestamp]
    fileType: FileType


class EntityCreatedPayload(TypedDict):
    """An entity."""

    #: Identifies the entity in the graph.
    id: str
    #: For example `function`.
    entityType: str
    #: As it is written in the code.
    name: str
    path: NotRequired[RelativePath]
    #: For example `typescript`.
    language: NotRequired[str]
    #: Of its content.
    hash: NotRequired[str]
    metadata: NotRequired[OpenObject]


class EntityUpdatedPayload(TypedDict):
    """An entity, as it is now."""

    #: Identifies the entity in the graph.
    id: str
    #: For example `function`.
    entityType: str
    #: As it is written in the code.
    name: str
    path: NotRequired[RelativePath]
    #: For example `typescript`.
    language: NotRequired[str]
    #: Of its content.
    hash: NotRequired[str]
    metadata: NotRequired[OpenObject]
    #: Names of the fields that changed.
    changedFields: Sequence[str]


class EntityDeletedPayload(TypedDict):
    """A deleted entity; its `id` is enough."""

    #: Identifies the entity in the graph.
    id: str
    #: For example `function`.
    entityType: NotRequired[str]
    #: As it is written in the code.
    name: NotRequired[str]
    path: NotRequired[RelativePath]
    #: For example `typescript`.
    language: NotRequired[str]
    #: Of its content.
    hash: NotRequired[str]
    metadata: NotRequired[OpenObject]


class RelationshipCreatedPayload(TypedDict):
    """A relationship."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: str
    #: Where it begins.
    fromEntityId: str
    #: Where it ends.
    toEntityId: str
    metadata: NotRequired[OpenObject]


class RelationshipUpdatedPayload(TypedDict):
    """A relationship, as it is now."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: str
    #: Where it begins.
    fromEntityId: str
    #: Where it ends.
    toEntityId: str
    metadata: NotRequired[OpenObject]


class RelationshipDeletedPayload(TypedDict):
    """A deleted relationship; its `id` is enough."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: NotRequired[str]
    #: Where it begins.
    fromEntityId: NotRequired[str]
    #: Where it ends.
    toEntityId: NotRequired[str]
    metadata: NotRequired[OpenObject]


class GraphUpdatePayload(TypedDict):
    """A bulk change, summarised."""

    operationId: NotRequired[OperationId]
    #: For people.
    summary: str
    #: What was touched.
    paths: NotRequired[Sequence[RelativePath]]
    entitiesCreated: NotRequired[Count]
    entitiesUpdated: NotRequired[Count]
    entitiesDeleted: NotRequired[Count]
    relationshipsCreated: NotRequired[Count]
    relationshipsUpdated: NotRequired[Count]
    relationshipsDeleted: NotRequired[Count]
    metadata: NotRequired[OpenObject]


class SyncStatusPayload(TypedDict):
    """Progress of an indexer."""

    status: SyncState
    operationId: NotRequired[OperationId]
    processed: NotRequired[Count]
    total: NotRequired[Count]
    #: For people.
    message: NotRequired[str]
    metadata: NotRequired[OpenObject]


class ChangeInfo(TypedDict):
    """What was changed."""

    #: For example `function`.
    elementType: str
    #: Which entities.
    entityIds: Sequence[str]
    #: For example `modified`.
    operation: str
    affectedLines: NotRequired[Count]


StateTransition = TypedDict("StateTransition", {
    "from": "str",
    "to": "str",
    "verifiedBy": "NotRequired[str]",
    "confidence": "NotRequired[float]",
})


class Impact(TypedDict):
    """What it did."""

    severity: Severity
    #: Names of tests.
    testsFailed: NotRequired[Sequence[str]]
    #: Change of a measure; negative is faster.
    perfDelta: NotRequired[float]


class SessionRelationship(TypedDict):
    """A relationship that the session touched."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: str
    #: Where it begins.
    fromEntityId: str
    #: Where it ends.
    toEntityId: str
    metadata: NotRequired[OpenObject]


class SessionEventPayload(TypedDict):
    """One step of a session."""

    #: The session, 1 to 128 letters, digits, `.`, `_` or `-`; its stream is `session:{sessionId}`.
    sessionId: str
    sessionEvent: SessionEventName
    operationId: NotRequired[OperationId]
    #: Which agent or person.
    actor: NotRequired[str]
    changeInfo: NotRequired[ChangeInfo]
    stateTransition: NotRequired[StateTransition]
    impact: NotRequired[Impact]
    #: Relationships that changed.
    relationships: NotRequired[Sequence[SessionRelationship]]
    #: Names a checkpoint.
    checkpointId: NotRequired[str]
    processedChanges: NotRequired[Count]
    totalChanges: NotRequired[Count]
    #: Of the session.
    status: NotRequired[str]
    details: NotRequired[OpenObject]


class FileChangeEvent(TypedDict):
    """A `file_change` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["file_change"]
    emittedAt: Timestamp
    source: EventSource
    payload: FileChangePayload


class EntityCreatedEvent(TypedDict):
    """A `entity_created` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["entity_created"]
    emittedAt: Timestamp
    source: EventSource
    payload: EntityCreatedPayload


class EntityUpdatedEvent(TypedDict):
    """A `entity_updated` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["entity_updated"]
    emittedAt: Timestamp
    source: EventSource
    payload: EntityUpdatedPayload


class EntityDeletedEvent(TypedDict):
    """A `entity_deleted` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["entity_deleted"]
    emittedAt: Timestamp
    source: EventSource
    payload: EntityDeletedPayload


class RelationshipCreatedEvent(TypedDict):
    """A `relationship_created` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["relationship_created"]
    emittedAt: Timestamp
    source: EventSource
    payload: RelationshipCreatedPayload


class RelationshipUpdatedEvent(TypedDict):
    """A `relationship_updated` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["relationship_updated"]
    emittedAt: Timestamp
    source: EventSource
    payload: RelationshipUpdatedPayload


class RelationshipDeletedEvent(TypedDict):
    """A `relationship_deleted` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["relationship_deleted"]
    emittedAt: Timestamp
    source: EventSource
    payload: RelationshipDeletedPayload


class GraphUpdateEvent(TypedDict):
    """A `graph_update` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["graph_update"]
    emittedAt: Timestamp
    source: EventSource
    payload: GraphUpdatePayload


class SyncStatusEvent(TypedDict):
    """A `sync_status` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["sync_status"]
    emittedAt: Timestamp
    source: EventSource
    payload: SyncStatusPayload


class SessionEventEvent(TypedDict):
    """A `session_event` event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: Its name.
    event: Literal["session_event"]
    emittedAt: Timestamp
    source: EventSource
    payload: SessionEventPayload


class CustomEvent(TypedDict):
    """A team's own event with its place in the stream."""

    subscriptionIds: SubscriptionIds
    #: True when it comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    event: EventName
    emittedAt: Timestamp
    source: EventSource
    payload: CustomPayload


class SubscribeMessage(TypedDict):
    """The `subscribe` message."""

    #: Which message.
    type: Literal["subscribe"]
    id: NotRequired[MessageId]
    data: SubscribeData


class UnsubscribeMessage(TypedDict):
    """The `unsubscribe` message."""

    #: Which message.
    type: Literal["unsubscribe"]
    id: NotRequired[MessageId]
    data: UnsubscribeData


class ListSubscriptionsMessage(TypedDict):
    """The `list_subscriptions` message."""

    #: Which message.
    type: Literal["list_subscriptions"]
    id: NotRequired[MessageId]
    data: ListSubscriptionsData


class BroadcastMessage(TypedDict):
    """The `broadcast` message."""

    #: Which message.
    type: Literal["broadcast"]
    id: NotRequired[MessageId]
    data: BroadcastData


class AuthenticateMessage(TypedDict):
    """The `authenticate` message."""

    #: Which message.
    type: Literal["authenticate"]
    id: NotRequired[MessageId]
    data: AuthenticateData


class SyncMessage(TypedDict):
    """The `sync` message."""

    #: Which message.
    type: Literal["sync"]
    id: NotRequired[MessageId]
    data: SyncData


class PingMessage(TypedDict):
    """The `ping` message."""

    #: Which message.
    type: Literal["ping"]
    id: NotRequired[MessageId]
    data: PingData


class SubscribedMessage(TypedDict):
    """The `subscribed` message."""

    #: Which message.
    type: Literal["subscribed"]
    id: NotRequired[MessageId]
    data: SubscribedData


class UnsubscribedMessage(TypedDict):
    """The `unsubscribed` message."""

    #: Which message.
    type: Literal["unsubscribed"]
    id: NotRequired[MessageId]
    data: UnsubscribedData


class SubscriptionsMessage(TypedDict):
    """The `subscriptions` message."""

    #: Which message.
    type: Literal["subscriptions"]
    id: NotRequired[MessageId]
    data: SubscriptionsData


class BroadcastedMessage(TypedDict):
    """The `broadcasted` message."""

    #: Which message.
    type: Literal["broadcasted"]
    id: NotRequired[MessageId]
    data: BroadcastedData


class AuthenticatedMessage(TypedDict):
    """The `authenticated` message."""

    #: Which message.
    type: Literal["authenticated"]
    id: NotRequired[MessageId]
    data: AuthenticatedData


class SyncedMessage(TypedDict):
    """The `synced` message."""

    #: Which message.
    type: Literal["synced"]
    id: NotRequired[MessageId]
    data: SyncedData


class PongMessage(TypedDict):
    """The `pong` message."""

    #: Which message.
    type: Literal["pong"]
    id: NotRequired[MessageId]
    data: PongData


class ErrorMessage(TypedDict):
    """The `error` message."""

    #: Which message.
    type: Literal["error"]
    id: NotRequired[MessageId]
    data: ErrorData


class WelcomeMessage(TypedDict):
    """The `welcome` message."""

    #: Which message.
    type: Literal["welcome"]
    data: WelcomeData


class ReplayCompleteMessage(TypedDict):
    """The `replay_complete` message."""

    #: Which message.
    type: Literal["replay_complete"]
    data: ReplayCompleteData


class GapMessage(TypedDict):
    """The `gap` message."""

    #: Which message.
    type: Literal["gap"]
    data: GapData


class HeartbeatMessage(TypedDict):
    """The `heartbeat` message."""

    #: Which message.
    type: Literal["heartbeat"]
    data: HeartbeatData


class SubscriptionClosedMessage(TypedDict):
    """The `subscription_closed` message."""

    #: Which message.
    type: Literal["subscription_closed"]
    data: SubscriptionClosedData


class ClosingMessage(TypedDict):
    """The `closing` message."""

    #: Which message.
    type: Literal["closing"]
    data: ClosingData


class FileChangeEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: FileChangeEvent


class EntityCreatedEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: EntityCreatedEvent


class EntityUpdatedEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: EntityUpdatedEvent


class EntityDeletedEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: EntityDeletedEvent


class RelationshipCreatedEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: RelationshipCreatedEvent


class RelationshipUpdatedEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: RelationshipUpdatedEvent


class RelationshipDeletedEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: RelationshipDeletedEvent


class GraphUpdateEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: GraphUpdateEvent


class SyncStatusEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: SyncStatusEvent


class SessionEventEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: SessionEventEvent


class CustomEventMessage(TypedDict):
    """The `event` message."""

    #: Which message.
    type: Literal["event"]
    data: CustomEvent


class Probe(TypedDict):
    """A probe's answer."""

    status: ProbeStatus


class HealthSubscriptions(TypedDict):
    """Subscriptions of this node."""

    total: Count
    byEvent: CountsByName


class HealthStream(TypedDict):
    """A stream that this node holds."""

    stream: StreamName
    position: Position
    historyEvents: Count
    historyBytes: Bytes


class HealthBroker(TypedDict):
    """The broker."""

    kind: BrokerKind
    #: Whether it answers.
    connected: bool
    #: Round trip of its own heartbeat in milliseconds.
    lagMs: float


class HealthBackpressure(TypedDict):
    """Slow clients."""

    queuedBytes: Bytes
    slow: Count
    closedSlow: Count


class HealthReplay(TypedDict):
    """Replays since the process began."""

    warm: Count
    resume: Count
    failed: Count
    events: Count


class HealthSummary(TypedDict):
    """The gateway at this moment, as everyone may see it."""

    status: GatewayStatus
    #: Of the gateway.
    version: str
    #: Of this contract.
    protocolVersion: str
    contractDigest: ContractDigest
    nodeId: NodeId
    uptimeMs: Milliseconds


class Health(TypedDict):
    """The gateway at this moment."""

    status: GatewayStatus
    #: Of the gateway.
    version: str
    #: Of this contract.
    protocolVersion: str
    contractDigest: ContractDigest
    nodeId: NodeId
    uptimeMs: Milliseconds
    connections: Count
    subscriptions: HealthSubscriptions
    #: Streams that this node holds.
    streams: Sequence[HealthStream]
    broker: HealthBroker
    backpressure: HealthBackpressure
    replay: HealthReplay
    budgets: NotRequired[HealthBudgets]
    #: Nodes on the same broker that have another contract; absent when all have this one. Events that a node does not declare are custom events there.
    otherContracts: NotRequired[Sequence[NodeContract]]


class HealthBudgets(TypedDict):
    """What clients share on this node, under the name of the limit that bounds it."""

    filterBytes: NotRequired[HealthBudget]
    sendQueueBudgetBytes: NotRequired[HealthBudget]
    historyBudgetBytes: NotRequired[HealthBudget]
    streamsPerNode: NotRequired[HealthBudget]
    idempotencyKeys: NotRequired[HealthBudget]


class HealthBudget(TypedDict):
    """One budget, in the unit of its limit."""

    used: Count
    maximum: Count
    dropped: Count


class NodeContract(TypedDict):
    """The contract of another node."""

    nodeId: NodeId
    contractDigest: ContractDigest


class SubscriptionReplay(TypedDict):
    """What was replayed."""

    mode: ReplayMode
    count: Count
    lastAt: NotRequired[Timestamp]


class SubscriptionReport(TypedDict):
    """A subscription, as an operator sees it."""

    subscriptionId: SubscriptionId
    connectionId: Ulid
    nodeId: NodeId
    #: Whose it is.
    principal: str
    #: The address of the client; behind a trusted proxy, the one that the proxy names.
    remoteAddress: NotRequired[str]
    stream: StreamName
    #: What it follows.
    events: Sequence[EventPattern]
    filter: SubscriptionFilter
    createdAt: Timestamp
    lastActivityAt: Timestamp
    lastDeliveredAt: NotRequired[Timestamp]
    delivered: Count
    replay: SubscriptionReplay
    #: Events of the stream between what was written to the connection and the head.
    lag: int
    queuedBytes: Bytes
    oldestQueuedMs: Milliseconds
    gaps: Count
    #: Past the soft limit of its send queue.
    slow: bool


class ReplayPressure(TypedDict):
    """How much is being replayed."""

    replaying: Count
    replayedEvents: Count


class SubscriptionAggregates(TypedDict):
    """Sums over the selected subscriptions."""

    directories: CountsByName
    extensions: CountsByName
    changeTypes: CountsByName
    events: CountsByName
    replayPressure: ReplayPressure


class SubscriptionsPage(TypedDict):
    """One page."""

    #: The subscriptions of this page.
    items: Sequence[SubscriptionReport]
    total: Count
    aggregates: SubscriptionAggregates
    #: True when a node did not answer.
    partial: bool
    #: The nodes that did not answer.
    missingNodes: Sequence[Label]
    #: Where the next page begins; absent on the last one.
    nextCursor: NotRequired[str]


class ExplainRequest(TypedDict):
    """An event that might be published."""

    stream: NotRequired[StreamName]
    event: EventName
    payload: OpenObject
    source: NotRequired[Label]


class ExplainMatch(TypedDict):
    """A subscription that would see it."""

    connectionId: Ulid
    subscriptionId: SubscriptionId


class ExplainMismatch(TypedDict):
    """A subscription that would not see it."""

    connectionId: Ulid
    subscriptionId: SubscriptionId
    #: `stream`, `events` or the name of a filter field.
    clause: str
    #: What the subscription asks for.
    wanted: Sequence[str]
    #: What the event has.
    seen: Sequence[str]


class Explanation(TypedDict):
    """Who would see the event."""

    #: Those that would.
    matches: Sequence[ExplainMatch]
    #: Those that would not.
    mismatches: Sequence[ExplainMismatch]


#: A document.
Text = str

#: No fields.
Empty = Mapping[str, object]

#: Chosen by the client on a command, in printable ASCII; echoed on its reply.
MessageId = str

#: `main`, `workspace:{id}` or `session:{id}`; an id is 1 to 128 letters, digits, `.`, `_` or `-`.
StreamName = str

#: The kind of an event, declared by this contract or a team's own: a small letter, then small letters, digits and `_`, in parts joined by `.`, such as `build.finished`.
EventName = str

#: The name of an event, such as `build.finished`, or a beginning of names followed by `*`, such as `entity_*`; `*` alone means every event.
EventPattern = str

#: Names a subscription within its connection: 1 to 64 letters, digits, `.`, `_`, `:` or `-`.
SubscriptionId = str

#: One life of a stream; opaque.
Epoch = str

#: Grows by exactly 1 per event of the stream; 0 stands for "before the first event".
SequenceId = int

#: How many; never negative, and exact in every language.
Count = int

#: A duration in milliseconds.
Milliseconds = int

#: A size in bytes.
Bytes = int

#: RFC 3339, UTC, with milliseconds.
Timestamp = str

#: A ULID: 26 characters that sort by the time at which they were made.
Ulid = str

#: A POSIX path relative to the watched root. A backslash is an ordinary character of a name there; so that no reader leaves the root by it, the path neither begins with `/` or a backslash, nor has a segment `..` between either.
RelativePath = str

#: A short name for people.
Label = str

#: One permission: `subscribe:<event-glob>[@<stream-glob>]`, `publish:<event-glob>[@<stream-glob>]` or `admin:read`.
Scope = str

#: Any JSON object.
OpenObject = Mapping[str, object]

#: Which.
BrokerKind = Literal["memory", "redis"]

#: What happened.
FileChangeType = Literal["create", "modify", "delete", "rename"]

#: What it is; of something deleted, what it was.
FileType = Literal["file", "directory", "symlink", "other"]

#: Degraded: the broker is away.
GatewayStatus = Literal["ok", "degraded", "draining"]

#: Which kind of credential was presented.
PrincipalKind = Literal["anonymous", "user", "agent", "api_key", "service"]

#: Ready or why not.
ProbeStatus = Literal["ok", "draining", "broker_unavailable"]

#: The stream began a new epoch; history no longer reaches back that far; or the position lies ahead of the head.
RecoveryFailureReason = Literal["epoch_changed", "window_exceeded", "unknown_position"]

#: As asked for.
ReplayMode = Literal["none", "warm", "resume"]

#: Which step.
SessionEventName = Literal["session_started", "session_keepalive", "session_relationships", "session_checkpoint", "session_handoff", "session_teardown", "modified", "broke", "test_pass"]

#: How bad.
Severity = Literal["low", "medium", "high", "critical"]

#: The credential in force does not cover it.
SubscriptionClosedReason = Literal["forbidden"]

#: Where it stands.
SyncState = Literal["started", "running", "completed", "failed"]

#: Any of these.
FilterValues = Sequence[str]

#: What of the past is wanted.
ReplayRequest = Union[ReplayNone, ReplayWarm, ReplayResume]

#: The outcome of a resume.
Recovery = Union[RecoveryNotAttempted, RecoveryDone, RecoveryFailed]

#: What to end.
UnsubscribeData = Union[UnsubscribeOne, UnsubscribeAll]

#: No fields.
ListSubscriptionsData = Mapping[str, object]

#: No fields.
PingData = Mapping[str, object]

#: A credential.
AuthenticateData = Union[TokenCredential, ApiKeyCredential]

#: Names in the command that are probably misspelt; absent when there are none. They change nothing.
Hints = Sequence[Hint]

#: What went wrong; the codes and their meaning are in `x-errors`.
ErrorCode = Literal["invalid_json", "invalid_message", "unknown_type", "unauthenticated", "forbidden", "subscription_exists", "subscription_not_found", "filter_invalid", "filter_not_applicable", "stream_invalid", "payload_invalid", "payload_too_large", "limit_exceeded", "rate_limited", "broker_unavailable", "internal"]

#: How long to wait before trying again, in milliseconds.
RetryDelay = int

#: More about what went wrong, for programs that know the server.
ErrorDetails = Mapping[str, object]

#: What `warm` replays of an event; see `x-replay-policies`.
ReplayPolicyName = Literal["none", "latest", "latest-per-key", "log"]

#: The replay policy in force, per event.
ReplayPolicies = Mapping[str, ReplayPolicyName]

#: Names one gateway among those that share a broker.
NodeId = str

#: Time between two heartbeats, in milliseconds.
HeartbeatInterval = int

#: SHA-256 of the bundled contract.
ContractDigest = str

#: A hint how to repair the picture.
Repair = Union[RepairRescan, RepairRefetch]

#: Why the events are lost; see `x-gap-reasons`.
GapReason = Literal["epoch_changed", "window_exceeded", "unknown_position", "slow_consumer", "source_overflow", "broker_lost"]

#: The name of a close code; see `x-close-codes`.
CloseName = Literal["protocol_error", "forbidden", "unsupported_version", "auth_timeout", "token_expired", "token_revoked", "shutdown", "slow_consumer", "overloaded", "heartbeat_timeout", "rate_limited", "state_invalidated"]

#: Groups what belongs to one operation.
OperationId = str

#: Any JSON object.
CustomPayload = Mapping[str, object]

#: Every subscription of this connection that the event is for.
SubscriptionIds = Sequence[SubscriptionId]

#: Only on a replay: which kind.
ReplayReason = Literal["warm", "resume"]

#: How many of each.
CountsByName = Mapping[str, Count]
#: `data` of an event that the contract declares: its "event" tells which.
DeclaredEvent = Union[FileChangeEvent, EntityCreatedEvent, EntityUpdatedEvent, EntityDeletedEvent, RelationshipCreatedEvent, RelationshipUpdatedEvent, RelationshipDeletedEvent, GraphUpdateEvent, SyncStatusEvent, SessionEventEvent]

#: `data` of any event (EVT-4).
AnyEvent = Union[FileChangeEvent, EntityCreatedEvent, EntityUpdatedEvent, EntityDeletedEvent, RelationshipCreatedEvent, RelationshipUpdatedEvent, RelationshipDeletedEvent, GraphUpdateEvent, SyncStatusEvent, SessionEventEvent, CustomEvent]

