"""The types of all messages and payloads, one per schema of the contract.

Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, Union


class Position(TypedDict):
    """A position in a stream. Positions are comparable only within one epoch."""

    epoch: Epoch
    sequenceId: SequenceId


class StreamPosition(TypedDict):
    """A stream and a position in it."""

    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId


class EventSource(TypedDict):
    """Who published the event."""

    name: Label
    #: Set by the server, for example `user:ana`; a client cannot choose it.
    principal: str


class Principal(TypedDict):
    """The authenticated identity of the client."""

    kind: PrincipalKind
    #: For example `user:ana`.
    id: str
    #: The permissions of the principal.
    scopes: Sequence[Scope]
    expiresAt: NotRequired[Timestamp]


class SubscriptionFilter(TypedDict):
    """An event must match every field, and in each field at least one value. A field constrains only the events that declare it."""

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
    """Only new events."""

    #: Nothing is replayed.
    mode: Literal["none"]


class ReplayWarm(TypedDict):
    """The current state, as the replay policy of each event declares."""

    #: The default.
    mode: Literal["warm"]


class ReplayResume(TypedDict):
    """Everything after a position."""

    #: Continue after the last received position.
    mode: Literal["resume"]
    after: Position
    #: Also replay the warm picture (the events of a warm replay) up to `after`. For a client whose connection ended during its first warm replay: `after` is then the position in the `subscribed` of that connection.
    withPicture: NotRequired[Literal[True]]


class ReplayResumeStreams(TypedDict):
    """Everything after a position in each stream; only with `streams`."""

    #: Continue after the last received positions.
    mode: Literal["resume"]
    #: One item per stream. A stream without an item is replayed from its first event.
    positions: Sequence[StreamPosition]


class RecoveryNotAttempted(TypedDict):
    """No resume was requested."""

    #: No resume was requested.
    attempted: Literal[False]


class RecoveryDone(TypedDict):
    """All matching events after the given position are replayed."""

    #: A resume was requested.
    attempted: Literal[True]
    #: The resume is complete.
    recovered: Literal[True]


class RecoveryFailed(TypedDict):
    """The resume failed; a `gap` follows, then a warm replay."""

    #: A resume was requested.
    attempted: Literal[True]
    #: The resume failed.
    recovered: Literal[False]
    reason: RecoveryFailureReason


class SubscribeData(TypedDict):
    """The events to subscribe to."""

    subscriptionId: NotRequired[SubscriptionId]
    stream: NotRequired[StreamName]
    #: Names and patterns of streams to follow together, instead of `stream`.
    streams: NotRequired[Sequence[StreamSelector]]
    #: Names, or prefixes of names followed by `*`.
    events: Sequence[EventPattern]
    filter: NotRequired[SubscriptionFilter]
    replay: NotRequired[ReplayRequest]


class UnsubscribeOne(TypedDict):
    """One subscription."""

    subscriptionId: SubscriptionId


class UnsubscribeAll(TypedDict):
    """All subscriptions."""

    #: Every subscription of this connection.
    all: Literal[True]


class BroadcastData(TypedDict):
    """One event to publish. Without `stream`, an event with `x-stream` is published on the stream to which it belongs, any other event on `main`."""

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
    """The stream to wait for."""

    stream: StreamName


class SubscribedData(TypedDict):
    """The subscription in force. Has `streams` if the command had `streams`, otherwise `stream` and `position`."""

    subscriptionId: SubscriptionId
    stream: NotRequired[StreamName]
    streams: NotRequired[StreamSelectors]
    #: The subscribed events.
    events: Sequence[EventPattern]
    filter: SubscriptionFilter
    position: NotRequired[Position]
    recovery: Recovery
    hints: NotRequired[Hints]


class SubscriptionInfo(TypedDict):
    """A subscription of this connection. Has either `streams`, or `stream` and `position`."""

    subscriptionId: SubscriptionId
    stream: NotRequired[StreamName]
    streams: NotRequired[StreamSelectors]
    #: The subscribed events.
    events: Sequence[EventPattern]
    filter: SubscriptionFilter
    position: NotRequired[Position]
    recovery: Recovery
    createdAt: Timestamp
    delivered: Count
    replayed: Count


class UnsubscribedData(TypedDict):
    """The ended subscriptions."""

    #: The subscriptions that have ended.
    subscriptionIds: Sequence[SubscriptionId]


class SubscriptionsData(TypedDict):
    """This connection's subscriptions."""

    #: One item per subscription, oldest first.
    items: Sequence[SubscriptionInfo]


class BroadcastedData(TypedDict):
    """The position of the published event."""

    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: True if nothing was published because the idempotency key was known.
    duplicate: bool
    hints: NotRequired[Hints]


class Hint(TypedDict):
    """An accepted name that is probably misspelt."""

    #: RFC 6901 pointer to the name, from the top of the message.
    pointer: str
    #: For people; never parse it.
    message: str
    suggestion: EventPattern


class AuthenticatedData(TypedDict):
    """The new identity of the client."""

    principal: Principal


class SyncedData(TypedDict):
    """The position up to which all events have been written."""

    stream: StreamName
    position: Position


class PongData(TypedDict):
    """The server's time."""

    time: Timestamp


class ErrorData(TypedDict):
    """Why the command failed."""

    code: ErrorCode
    #: What was wrong, what was expected, what to do. For people; never parse it.
    message: str
    #: Whether the same command may succeed later.
    retryable: bool
    retryAfterMs: NotRequired[RetryDelay]
    #: RFC 6901 pointer to the invalid value, from the top of the message.
    pointer: NotRequired[str]
    details: NotRequired[ErrorDetails]


class EffectiveLimits(TypedDict):
    """The limits in force, one member per entry of `x-limits`, which has their meaning and unit."""

    inboundMessageBytes: Count
    jsonDepth: Count
    payloadBytes: Count
    subscriptionsPerConnection: Count
    eventsPerSubscription: Count
    streamsPerSubscription: NotRequired[Count]
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
    """The features of this gateway."""

    #: Whether the `broadcast` command is enabled.
    broadcast: bool
    replay: ReplayPolicies


class WelcomeData(TypedDict):
    """The identities of the server and of the client."""

    connectionId: Ulid
    nodeId: NodeId
    #: The version of this contract.
    protocolVersion: str
    contractDigest: ContractDigest
    heartbeatIntervalMs: HeartbeatInterval
    limits: EffectiveLimits
    features: Features
    principal: Principal
    #: True if only `ping` and `authenticate` are accepted until the client authenticates. Until then the principal is anonymous and has no scopes.
    authenticationRequired: bool


class ReplayCompleteData(TypedDict):
    """The end of a replay. `position` is absent for a subscription with `streams`."""

    subscriptionId: SubscriptionId
    position: NotRequired[Position]
    count: Count
    #: True if a bound of history made the warm replay incomplete.
    truncated: bool


class RepairRescan(TypedDict):
    """Read these directories again."""

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
    "stream": "StreamSelector",
    "subscriptionIds": "Sequence[SubscriptionId]",
    "from": "Position",
    "to": "Position",
    "reason": "GapReason",
    "repair": "NotRequired[Repair]",
})


class PositionsData(TypedDict):
    """Positions of one subscription in several streams."""

    subscriptionId: SubscriptionId
    #: One item per stream.
    positions: Sequence[StreamPosition]
    #: Streams that have expired; their positions are no longer needed.
    ended: NotRequired[Sequence[StreamName]]


class HeartbeatData(TypedDict):
    """The progress of the connection."""

    delivered: Count
    #: One item per stream that the connection subscribes to, or that a subscription with `streams` follows (MUL-8).
    positions: Sequence[StreamPosition]


class SubscriptionClosedData(TypedDict):
    """The ended subscription and the reason."""

    subscriptionId: SubscriptionId
    reason: SubscriptionClosedReason


class ClosingData(TypedDict):
    """The announced close."""

    #: The close code.
    code: int
    name: CloseName
    #: Whether to reconnect.
    retryable: bool
    retryAfterMs: NotRequired[RetryDelay]


class FileChangePayload(TypedDict):
    """A change in a watched directory."""

    path: RelativePath
    root: RootName
    changeType: FileChangeType
    previousPath: NotRequired[RelativePath]
    size: NotRequired[Bytes]
    mtime: NotRequired[Timestamp]
    fileType: FileType
    #: SHA-256 of the content of the file as it is reported (FIL-3).
    hash: NotRequired[str]


class EntityCreatedPayload(TypedDict):
    """An entity."""

    #: Identifies the entity in the graph.
    id: str
    #: For example `function`.
    entityType: str
    #: The name in the source code.
    name: str
    path: NotRequired[RelativePath]
    #: For example `typescript`.
    language: NotRequired[str]
    #: Hash of the content.
    hash: NotRequired[str]
    metadata: NotRequired[OpenObject]


class EntityUpdatedPayload(TypedDict):
    """An entity after the change."""

    #: Identifies the entity in the graph.
    id: str
    #: For example `function`.
    entityType: str
    #: The name in the source code.
    name: str
    path: NotRequired[RelativePath]
    #: For example `typescript`.
    language: NotRequired[str]
    #: Hash of the content.
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
    #: The name in the source code.
    name: NotRequired[str]
    path: NotRequired[RelativePath]
    #: For example `typescript`.
    language: NotRequired[str]
    #: Hash of the content.
    hash: NotRequired[str]
    metadata: NotRequired[OpenObject]


class RelationshipCreatedPayload(TypedDict):
    """A relationship."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: str
    #: The entity at which the relationship begins.
    fromEntityId: str
    #: The entity at which the relationship ends.
    toEntityId: str
    metadata: NotRequired[OpenObject]


class RelationshipUpdatedPayload(TypedDict):
    """A relationship after the change."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: str
    #: The entity at which the relationship begins.
    fromEntityId: str
    #: The entity at which the relationship ends.
    toEntityId: str
    metadata: NotRequired[OpenObject]


class RelationshipDeletedPayload(TypedDict):
    """A deleted relationship; its `id` is enough."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: NotRequired[str]
    #: The entity at which the relationship begins.
    fromEntityId: NotRequired[str]
    #: The entity at which the relationship ends.
    toEntityId: NotRequired[str]
    metadata: NotRequired[OpenObject]


class GraphUpdatePayload(TypedDict):
    """A bulk change, summarised."""

    operationId: NotRequired[OperationId]
    #: For people.
    summary: str
    #: The changed paths.
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
    """The changed elements."""

    #: For example `function`.
    elementType: str
    #: Ids of the entities.
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
    """The effects of the step."""

    severity: Severity
    #: Names of the failed tests.
    testsFailed: NotRequired[Sequence[str]]
    #: Change of a performance measure; a negative value means faster.
    perfDelta: NotRequired[float]


class SessionRelationship(TypedDict):
    """A relationship that the session touched."""

    #: Identifies the relationship in the graph.
    id: str
    #: For example `calls`.
    relationshipType: str
    #: The entity at which the relationship begins.
    fromEntityId: str
    #: The entity at which the relationship ends.
    toEntityId: str
    metadata: NotRequired[OpenObject]


class SessionEventPayload(TypedDict):
    """One step of a session."""

    #: The session, 1 to 128 letters, digits, `.`, `_` or `-`; its stream is `session:{sessionId}`.
    sessionId: str
    sessionEvent: SessionEventName
    operationId: NotRequired[OperationId]
    #: The acting agent or person.
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
    #: Status of the session.
    status: NotRequired[str]
    details: NotRequired[OpenObject]


class FileChangeEvent(TypedDict):
    """A `file_change` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["file_change"]
    emittedAt: Timestamp
    source: EventSource
    payload: FileChangePayload


class EntityCreatedEvent(TypedDict):
    """An `entity_created` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["entity_created"]
    emittedAt: Timestamp
    source: EventSource
    payload: EntityCreatedPayload


class EntityUpdatedEvent(TypedDict):
    """An `entity_updated` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["entity_updated"]
    emittedAt: Timestamp
    source: EventSource
    payload: EntityUpdatedPayload


class EntityDeletedEvent(TypedDict):
    """An `entity_deleted` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["entity_deleted"]
    emittedAt: Timestamp
    source: EventSource
    payload: EntityDeletedPayload


class RelationshipCreatedEvent(TypedDict):
    """A `relationship_created` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["relationship_created"]
    emittedAt: Timestamp
    source: EventSource
    payload: RelationshipCreatedPayload


class RelationshipUpdatedEvent(TypedDict):
    """A `relationship_updated` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["relationship_updated"]
    emittedAt: Timestamp
    source: EventSource
    payload: RelationshipUpdatedPayload


class RelationshipDeletedEvent(TypedDict):
    """A `relationship_deleted` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["relationship_deleted"]
    emittedAt: Timestamp
    source: EventSource
    payload: RelationshipDeletedPayload


class GraphUpdateEvent(TypedDict):
    """A `graph_update` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["graph_update"]
    emittedAt: Timestamp
    source: EventSource
    payload: GraphUpdatePayload


class SyncStatusEvent(TypedDict):
    """A `sync_status` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["sync_status"]
    emittedAt: Timestamp
    source: EventSource
    payload: SyncStatusPayload


class SessionEventEvent(TypedDict):
    """A `session_event` event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
    isReplay: bool
    replayReason: NotRequired[ReplayReason]
    stream: StreamName
    epoch: Epoch
    sequenceId: SequenceId
    eventId: Ulid
    #: The name of the event.
    event: Literal["session_event"]
    emittedAt: Timestamp
    source: EventSource
    payload: SessionEventPayload


class CustomEvent(TypedDict):
    """A custom event with its position in the stream."""

    subscriptionIds: SubscriptionIds
    #: True if the event comes from history.
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

    #: The type of the message.
    type: Literal["subscribe"]
    id: NotRequired[MessageId]
    data: SubscribeData


class UnsubscribeMessage(TypedDict):
    """The `unsubscribe` message."""

    #: The type of the message.
    type: Literal["unsubscribe"]
    id: NotRequired[MessageId]
    data: UnsubscribeData


class ListSubscriptionsMessage(TypedDict):
    """The `list_subscriptions` message."""

    #: The type of the message.
    type: Literal["list_subscriptions"]
    id: NotRequired[MessageId]
    data: ListSubscriptionsData


class BroadcastMessage(TypedDict):
    """The `broadcast` message."""

    #: The type of the message.
    type: Literal["broadcast"]
    id: NotRequired[MessageId]
    data: BroadcastData


class AuthenticateMessage(TypedDict):
    """The `authenticate` message."""

    #: The type of the message.
    type: Literal["authenticate"]
    id: NotRequired[MessageId]
    data: AuthenticateData


class SyncMessage(TypedDict):
    """The `sync` message."""

    #: The type of the message.
    type: Literal["sync"]
    id: NotRequired[MessageId]
    data: SyncData


class PingMessage(TypedDict):
    """The `ping` message."""

    #: The type of the message.
    type: Literal["ping"]
    id: NotRequired[MessageId]
    data: PingData


class SubscribedMessage(TypedDict):
    """The `subscribed` message."""

    #: The type of the message.
    type: Literal["subscribed"]
    id: NotRequired[MessageId]
    data: SubscribedData


class UnsubscribedMessage(TypedDict):
    """The `unsubscribed` message."""

    #: The type of the message.
    type: Literal["unsubscribed"]
    id: NotRequired[MessageId]
    data: UnsubscribedData


class SubscriptionsMessage(TypedDict):
    """The `subscriptions` message."""

    #: The type of the message.
    type: Literal["subscriptions"]
    id: NotRequired[MessageId]
    data: SubscriptionsData


class BroadcastedMessage(TypedDict):
    """The `broadcasted` message."""

    #: The type of the message.
    type: Literal["broadcasted"]
    id: NotRequired[MessageId]
    data: BroadcastedData


class AuthenticatedMessage(TypedDict):
    """The `authenticated` message."""

    #: The type of the message.
    type: Literal["authenticated"]
    id: NotRequired[MessageId]
    data: AuthenticatedData


class SyncedMessage(TypedDict):
    """The `synced` message."""

    #: The type of the message.
    type: Literal["synced"]
    id: NotRequired[MessageId]
    data: SyncedData


class PongMessage(TypedDict):
    """The `pong` message."""

    #: The type of the message.
    type: Literal["pong"]
    id: NotRequired[MessageId]
    data: PongData


class ErrorMessage(TypedDict):
    """The `error` message."""

    #: The type of the message.
    type: Literal["error"]
    id: NotRequired[MessageId]
    data: ErrorData


class WelcomeMessage(TypedDict):
    """The `welcome` message."""

    #: The type of the message.
    type: Literal["welcome"]
    data: WelcomeData


class ReplayCompleteMessage(TypedDict):
    """The `replay_complete` message."""

    #: The type of the message.
    type: Literal["replay_complete"]
    data: ReplayCompleteData


class GapMessage(TypedDict):
    """The `gap` message."""

    #: The type of the message.
    type: Literal["gap"]
    data: GapData


class PositionsMessage(TypedDict):
    """The `positions` message."""

    #: The type of the message.
    type: Literal["positions"]
    data: PositionsData


class HeartbeatMessage(TypedDict):
    """The `heartbeat` message."""

    #: The type of the message.
    type: Literal["heartbeat"]
    data: HeartbeatData


class SubscriptionClosedMessage(TypedDict):
    """The `subscription_closed` message."""

    #: The type of the message.
    type: Literal["subscription_closed"]
    data: SubscriptionClosedData


class ClosingMessage(TypedDict):
    """The `closing` message."""

    #: The type of the message.
    type: Literal["closing"]
    data: ClosingData


class FileChangeEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: FileChangeEvent


class EntityCreatedEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: EntityCreatedEvent


class EntityUpdatedEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: EntityUpdatedEvent


class EntityDeletedEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: EntityDeletedEvent


class RelationshipCreatedEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: RelationshipCreatedEvent


class RelationshipUpdatedEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: RelationshipUpdatedEvent


class RelationshipDeletedEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: RelationshipDeletedEvent


class GraphUpdateEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: GraphUpdateEvent


class SyncStatusEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: SyncStatusEvent


class SessionEventEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: SessionEventEvent


class CustomEventMessage(TypedDict):
    """The `event` message."""

    #: The type of the message.
    type: Literal["event"]
    data: CustomEvent


class Probe(TypedDict):
    """The response of a probe."""

    status: ProbeStatus


class HealthSubscriptions(TypedDict):
    """Subscriptions of this node."""

    total: Count
    byEvent: CountsByName


class HealthStream(TypedDict):
    """A stream on this node."""

    stream: StreamName
    position: Position
    historyEvents: Count
    historyBytes: Bytes


class HealthBroker(TypedDict):
    """The broker."""

    kind: BrokerKind
    #: Whether the broker answers.
    connected: bool
    #: Round trip of the last heartbeat between the gateway and the broker, in milliseconds.
    lagMs: float


class HealthBackpressure(TypedDict):
    """Slow clients."""

    queuedBytes: Bytes
    slow: Count
    closedSlow: Count


class HealthReplay(TypedDict):
    """Replays since the start of the process."""

    warm: Count
    resume: Count
    failed: Count
    events: Count


class HealthSummary(TypedDict):
    """The public part of the gateway's status."""

    status: GatewayStatus
    #: Version of the gateway.
    version: str
    #: Version of this contract.
    protocolVersion: str
    contractDigest: ContractDigest
    nodeId: NodeId
    uptimeMs: Milliseconds


class Health(TypedDict):
    """The status of the gateway."""

    status: GatewayStatus
    #: Version of the gateway.
    version: str
    #: Version of this contract.
    protocolVersion: str
    contractDigest: ContractDigest
    nodeId: NodeId
    uptimeMs: Milliseconds
    connections: Count
    subscriptions: HealthSubscriptions
    #: Streams on this node.
    streams: Sequence[HealthStream]
    broker: HealthBroker
    backpressure: HealthBackpressure
    replay: HealthReplay
    budgets: NotRequired[HealthBudgets]
    #: Nodes on the same broker with another contract; absent if there are none. A node treats events that its contract does not declare as custom events.
    otherContracts: NotRequired[Sequence[NodeContract]]


class HealthBudgets(TypedDict):
    """The budgets that clients share on this node, by the name of their limit."""

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
    """Counts of replays."""

    mode: ReplayMode
    count: Count
    lastAt: NotRequired[Timestamp]


class SubscriptionReport(TypedDict):
    """A subscription with its delivery state, for operators. Has either `stream` or `streams`."""

    subscriptionId: SubscriptionId
    connectionId: Ulid
    nodeId: NodeId
    #: The principal of the connection.
    principal: str
    #: The address of the client; behind a trusted proxy, the one that the proxy names, or `unknown` if it names none.
    remoteAddress: NotRequired[str]
    stream: NotRequired[StreamName]
    streams: NotRequired[StreamSelectors]
    #: The subscribed events.
    events: Sequence[EventPattern]
    filter: SubscriptionFilter
    createdAt: Timestamp
    lastActivityAt: Timestamp
    lastDeliveredAt: NotRequired[Timestamp]
    delivered: Count
    replay: SubscriptionReplay
    #: Number of events of its streams that are newer than the last events written to the connection.
    lag: int
    queuedBytes: Bytes
    oldestQueuedMs: Milliseconds
    gaps: Count
    #: Whether the send queue exceeds its soft limit.
    slow: bool


class ReplayPressure(TypedDict):
    """How many subscriptions have a `lag` above 0, and how many events have been replayed for all selected subscriptions."""

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
    #: True if a node did not answer.
    partial: bool
    #: The nodes that did not answer.
    missingNodes: Sequence[Label]
    #: The cursor of the next page; absent on the last page.
    nextCursor: NotRequired[str]


class FilesFilter(TypedDict):
    """The fields `paths` and `extensions` of a subscription's filter, with the same meaning."""

    paths: NotRequired[FilterValues]
    extensions: NotRequired[FilterValues]


class FilesRequest(TypedDict):
    """Which part of which watched directory to list."""

    stream: NotRequired[StreamName]
    root: NotRequired[RootName]
    filter: NotRequired[FilesFilter]
    #: Most entries on a page; 1,000 by default.
    limit: NotRequired[int]
    #: `nextCursor` of the previous page; the other members are those of the first request.
    cursor: NotRequired[str]


class FileEntry(TypedDict):
    """A file or directory, as its newest `file_change` reports it."""

    path: RelativePath
    fileType: FileType
    size: NotRequired[Bytes]
    mtime: NotRequired[Timestamp]


class FilesPage(TypedDict):
    """One page of a watched directory."""

    stream: StreamName
    root: RootName
    nodeId: NodeId
    position: Position
    resumeAfter: Position
    #: The entries, in the order of the tree.
    entries: Sequence[FileEntry]
    #: Directories that may contain more than is listed, because they cannot be read or contain names that no event can contain; an empty string is the root.
    unread: Sequence[str]
    #: Requests the next page; absent on the last page.
    nextCursor: NotRequired[str]


class UnsubscribedConnection(TypedDict):
    """A connection without a subscription."""

    connectionId: Ulid
    #: The principal of the connection.
    principal: str
    #: The address of the client; behind a trusted proxy, the one that the proxy names, or `unknown` if it names none.
    remoteAddress: NotRequired[str]
    openedAt: Timestamp
    lastActivityAt: Timestamp


class NodeReport(TypedDict):
    """The figures of one node. `published`, `delivered`, `replayed`, `gaps` and `closedSlow` count since its start."""

    nodeId: NodeId
    status: GatewayStatus
    #: Version of the gateway.
    version: str
    contractDigest: ContractDigest
    uptimeMs: Milliseconds
    connections: Count
    subscriptions: Count
    published: Count
    delivered: Count
    replayed: Count
    gaps: CountsByName
    queuedBytes: Bytes
    slow: Count
    closedSlow: Count
    broker: HealthBroker
    budgets: NotRequired[HealthBudgets]
    unsubscribedCount: Count
    #: Connections without a subscription, the newest first; at most 100.
    unsubscribed: Sequence[UnsubscribedConnection]


class NodesReport(TypedDict):
    """The figures of all nodes."""

    #: The nodes that answered.
    nodes: Sequence[NodeReport]
    #: True if a node did not answer.
    partial: bool
    #: The nodes that did not answer.
    missingNodes: Sequence[Label]


class ExplainRequest(TypedDict):
    """An event that might be published."""

    stream: NotRequired[StreamName]
    event: EventName
    payload: OpenObject
    source: NotRequired[Label]
    connectionId: NotRequired[Ulid]


class ExplainMatch(TypedDict):
    """A subscription that the event would match."""

    connectionId: Ulid
    subscriptionId: SubscriptionId


class ExplainMismatch(TypedDict):
    """A subscription that the event would not match."""

    connectionId: Ulid
    subscriptionId: SubscriptionId
    #: `stream`, `events` or the name of a filter field.
    clause: str
    #: The values in the subscription.
    wanted: Sequence[str]
    #: The values in the event.
    seen: Sequence[str]


class Explanation(TypedDict):
    """The subscriptions of all nodes that match, and those that do not. The lists may be cut; the counts are complete."""

    #: The first matching subscriptions.
    matches: Sequence[ExplainMatch]
    matchCount: Count
    #: The first subscriptions that do not match; subscriptions to other streams come last.
    mismatches: Sequence[ExplainMismatch]
    mismatchCount: Count
    #: True if a node did not answer.
    partial: bool
    #: The nodes that did not answer.
    missingNodes: Sequence[Label]


class DisconnectRequest(TypedDict):
    """The connection to end."""

    connectionId: Ulid
    #: Whether the client may reconnect automatically.
    reconnect: NotRequired[bool]


class DisconnectResult(TypedDict):
    """Whether this request ended a connection."""

    #: True if the connection was open; its client gets `closing` and the close.
    disconnected: bool
    nodeId: NotRequired[NodeId]
    #: True if the connection was not found and a node did not answer.
    partial: bool
    #: The nodes that did not answer.
    missingNodes: Sequence[Label]


#: A document.
Text = str

#: No fields.
Empty = Mapping[str, object]

#: Chosen by the client on a command, in printable ASCII; echoed on its reply.
MessageId = str

#: `main`, `workspace:{id}` or `session:{id}`; an id is 1 to 128 letters, digits, `.`, `_` or `-`.
StreamName = str

#: The name of a stream, or a prefix of names followed by `*`: `session:*`, `workspace:acme-*`; `*` alone means every stream.
StreamSelector = str

#: Names and patterns of streams.
StreamSelectors = Sequence[StreamSelector]

#: The name of an event, whether this contract, a team's own contract or neither declares it: a lower-case letter, then lower-case letters, digits and `_`, in parts joined by `.`, such as `build.finished`.
EventName = str

#: The name of an event, such as `build.finished`, or a prefix of names followed by `*`, such as `entity_*`; `*` alone means every event.
EventPattern = str

#: Names a subscription within its connection: 1 to 64 letters, digits, `.`, `_`, `:` or `-`.
SubscriptionId = str

#: Opaque id of one continuous run of a stream.
Epoch = str

#: Increases by exactly 1 per event of the stream; 0 means "before the first event".
SequenceId = int

#: A non-negative integer that every language can represent exactly.
Count = int

#: A duration in milliseconds.
Milliseconds = int

#: A size in bytes.
Bytes = int

#: RFC 3339, UTC, with milliseconds.
Timestamp = str

#: A ULID: 26 characters that sort by creation time.
Ulid = str

#: The name of the watched root; never a path of the server.
RootName = str

#: A POSIX path relative to the watched root. A backslash is an ordinary character of a name. A path never begins with `/` or a backslash, and never contains the segment `..`, whether `/` or a backslash separates it. So no path leads out of the root on any system.
RelativePath = str

#: A short name for people.
Label = str

#: One permission: `subscribe:<event-glob>[@<stream-glob>]`, `publish:<event-glob>[@<stream-glob>]`, `admin:read` or `admin:write`.
Scope = str

#: Any JSON object.
OpenObject = Mapping[str, object]

#: The kind of the broker.
BrokerKind = Literal["memory", "redis"]

#: The kind of change.
FileChangeType = Literal["create", "modify", "delete", "rename"]

#: The type of the file; for a deleted file, its last type.
FileType = Literal["file", "directory", "symlink", "other"]

#: Degraded means that the broker is unavailable.
GatewayStatus = Literal["ok", "degraded", "draining"]

#: Which kind of credential was presented.
PrincipalKind = Literal["anonymous", "user", "agent", "api_key", "service"]

#: `ok` if the node is ready, otherwise the reason.
ProbeStatus = Literal["ok", "draining", "broker_unavailable"]

#: The stream started a new epoch; history no longer reaches back to the position; or the position is ahead of the head.
RecoveryFailureReason = Literal["epoch_changed", "window_exceeded", "unknown_position"]

#: The requested replay mode.
ReplayMode = Literal["none", "warm", "resume"]

#: The step of the session.
SessionEventName = Literal["session_started", "session_keepalive", "session_relationships", "session_checkpoint", "session_handoff", "session_teardown", "modified", "broke", "test_pass"]

#: The severity of the change.
Severity = Literal["low", "medium", "high", "critical"]

#: The present credential does not cover the subscription.
SubscriptionClosedReason = Literal["forbidden"]

#: The state of the run.
SyncState = Literal["started", "running", "completed", "failed"]

#: Alternative values.
FilterValues = Sequence[str]

#: Which past events to replay.
ReplayRequest = Union[ReplayNone, ReplayWarm, ReplayResume, ReplayResumeStreams]

#: The outcome of a resume.
Recovery = Union[RecoveryNotAttempted, RecoveryDone, RecoveryFailed]

#: The subscription to end, or all.
UnsubscribeData = Union[UnsubscribeOne, UnsubscribeAll]

#: No fields.
ListSubscriptionsData = Mapping[str, object]

#: No fields.
PingData = Mapping[str, object]

#: A credential.
AuthenticateData = Union[TokenCredential, ApiKeyCredential]

#: Names in the command that are probably misspelt; absent if there are none. They have no effect on the command.
Hints = Sequence[Hint]

#: The error code; `x-errors` has the meanings.
ErrorCode = Literal["invalid_json", "invalid_message", "unknown_type", "unauthenticated", "forbidden", "subscription_exists", "subscription_not_found", "filter_invalid", "filter_not_applicable", "stream_invalid", "payload_invalid", "payload_too_large", "limit_exceeded", "not_watched", "rate_limited", "broker_unavailable", "internal"]

#: How long to wait before a retry, in milliseconds.
RetryDelay = int

#: Machine-readable details of the error.
ErrorDetails = Mapping[str, object]

#: Which events of one name a warm replay contains; see `x-replay-policies`.
ReplayPolicyName = Literal["none", "latest", "latest-per-key", "log"]

#: The replay policy in force, per event.
ReplayPolicies = Mapping[str, ReplayPolicyName]

#: Identifies one gateway among those that share a broker.
NodeId = str

#: Time between two heartbeats, in milliseconds.
HeartbeatInterval = int

#: SHA-256 of the bundled contract.
ContractDigest = str

#: How to repair the client's state.
Repair = Union[RepairRescan, RepairRefetch]

#: Why the events are lost; see `x-gap-reasons`.
GapReason = Literal["epoch_changed", "window_exceeded", "unknown_position", "slow_consumer", "source_overflow", "broker_lost"]

#: The name of a close code; see `x-close-codes`.
CloseName = Literal["protocol_error", "forbidden", "unsupported_version", "auth_timeout", "removed", "token_expired", "token_revoked", "shutdown", "slow_consumer", "overloaded", "heartbeat_timeout", "rate_limited", "disconnected", "state_invalidated"]

#: Groups the events of one operation.
OperationId = str

#: Any JSON object.
CustomPayload = Mapping[str, object]

#: Every subscription of this connection that the event matches.
SubscriptionIds = Sequence[SubscriptionId]

#: The kind of replay; only in replayed events.
ReplayReason = Literal["warm", "resume"]

#: Counts by event name.
CountsByName = Mapping[str, Count]
#: `data` of a declared event; its "event" is the name.
DeclaredEvent = Union[FileChangeEvent, EntityCreatedEvent, EntityUpdatedEvent, EntityDeletedEvent, RelationshipCreatedEvent, RelationshipUpdatedEvent, RelationshipDeletedEvent, GraphUpdateEvent, SyncStatusEvent, SessionEventEvent]

#: `data` of any event (EVT-4).
AnyEvent = Union[FileChangeEvent, EntityCreatedEvent, EntityUpdatedEvent, EntityDeletedEvent, RelationshipCreatedEvent, RelationshipUpdatedEvent, RelationshipDeletedEvent, GraphUpdateEvent, SyncStatusEvent, SessionEventEvent, CustomEvent]

