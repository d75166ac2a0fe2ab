"""The client: gives the runtime the types and constants of the contract.

Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeGuard, Union, cast, overload

from . import types
from .protocol import EVENT_KEYS, SPEC
from .runtime.client_core import ClientCore
from .runtime.mirror import Mirror
from .runtime.settings import TokenSource
from .runtime.streams import StreamsReplay, StreamsSubscription
from .runtime.subscription import Subscription
from .runtime.subscription_port import Gap
from .runtime.wait import StreamsWaited, Waited
from .runtime.wire import Position

#: The names of the events that the contract declares.
EventName = Literal["file_change", "entity_created", "entity_updated", "entity_deleted", "relationship_created", "relationship_updated", "relationship_deleted", "graph_update", "sync_status", "session_event"]


class Client(ClientCore):
    """A client that reconnects automatically. Its subscriptions resume at their positions.

    Creating a client opens no connection; the first subscription, command or ``connect()`` opens it. Times are in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Union[TokenSource, None] = None,
        api_key: Union[str, None] = None,
        backoff_min: float = 0.5,
        backoff_max: float = 20.0,
        max_attempts: Union[int, None] = None,
        open_timeout: float = 10.0,
        command_timeout: float = 10.0,
        silent_intervals: float = 2.5,
        stable_after: float = 5.0,
    ) -> None:
        """Raises ValueError if the address is invalid or contains a credential (SEC-2).

        token: a token, or a function (plain or async) that fetches a valid token before each connection and before the current token expires.
        backoff_min: upper bound of the first wait between attempts. backoff_max: upper bound of every wait between attempts.
        max_attempts: consecutive failed attempts after which the client gives up; None for no limit.
        open_timeout: longest time from an attempt to the first message. command_timeout: longest time from a call to its reply.
        silent_intervals: heartbeat intervals without a message after which the client reconnects.
        stable_after: how long a connection must last to reset the backoff.
        """
        super().__init__(
            SPEC,
            url,
            token=token,
            api_key=api_key,
            backoff_min=backoff_min,
            backoff_max=backoff_max,
            max_attempts=max_attempts,
            open_timeout=open_timeout,
            command_timeout=command_timeout,
            silent_intervals=silent_intervals,
            stable_after=stable_after,
        )

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["file_change"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.FileChangeEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["entity_created"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.EntityCreatedEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["entity_updated"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.EntityUpdatedEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["entity_deleted"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.EntityDeletedEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["relationship_created"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.RelationshipCreatedEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["relationship_updated"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.RelationshipUpdatedEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["relationship_deleted"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.RelationshipDeletedEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["graph_update"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.GraphUpdateEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["sync_status"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.SyncStatusEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[Literal["session_event"]],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.SessionEventEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[EventName],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.DeclaredEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[str],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[types.AnyEvent]: ...

    @overload
    def subscribe(
        self,
        events: Sequence[str],
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: Union[Literal["warm", "none"], Position] = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["inline"],
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Subscription[Union[types.AnyEvent, Gap]]: ...

    def subscribe(
        self,
        events: Sequence[str],
        *,
        stream: str = "main",
        filter: Union[types.SubscriptionFilter, None] = None,
        replay: Union[Literal["warm", "none"], Position] = "warm",
        subscription_id: Union[str, None] = None,
        buffer_limit: int = 10_000,
        on_full: Literal["park", "error"] = "park",
        gaps: Literal["aside", "inline"] = "aside",
        on_gap: Union[Callable[[Gap], object], None] = None,
    ) -> Subscription[Any]:
        """Subscribes to events. The subscription resumes automatically after a reconnect, yields each event once and reports gaps.

        replay: "warm" to receive the current state first, "none" for new events only, or a Position to resume from.
        buffer_limit: how many items may wait for the reader. on_full: what happens when the buffer is full: ``park`` unsubscribes and
        resumes when half of the buffer has been read; ``error`` ends the subscription with the position to resume from.
        gaps: ``inline`` also yields gaps, in order between the events; ``on_gap`` is called for each gap in either case.

        Raises ValueError if another subscription has the id, ConnectionLost after ``close()``.
        """
        return self._subscribe(
            events,
            stream=stream,
            filter=cast("Union[Mapping[str, object], None]", filter),
            replay=replay,
            subscription_id=subscription_id,
            buffer_limit=buffer_limit,
            on_full=on_full,
            gaps=gaps,
            on_gap=on_gap,
        )

    @overload
    async def wait_for(
        self,
        event: Literal["file_change"],
        predicate: Union[Callable[[types.FileChangeEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.FileChangeEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["entity_created"],
        predicate: Union[Callable[[types.EntityCreatedEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.EntityCreatedEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["entity_updated"],
        predicate: Union[Callable[[types.EntityUpdatedEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.EntityUpdatedEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["entity_deleted"],
        predicate: Union[Callable[[types.EntityDeletedEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.EntityDeletedEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["relationship_created"],
        predicate: Union[Callable[[types.RelationshipCreatedEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.RelationshipCreatedEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["relationship_updated"],
        predicate: Union[Callable[[types.RelationshipUpdatedEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.RelationshipUpdatedEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["relationship_deleted"],
        predicate: Union[Callable[[types.RelationshipDeletedEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.RelationshipDeletedEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["graph_update"],
        predicate: Union[Callable[[types.GraphUpdateEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.GraphUpdateEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["sync_status"],
        predicate: Union[Callable[[types.SyncStatusEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.SyncStatusEvent]: ...

    @overload
    async def wait_for(
        self,
        event: Literal["session_event"],
        predicate: Union[Callable[[types.SessionEventEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.SessionEventEvent]: ...

    @overload
    async def wait_for(
        self,
        event: str,
        predicate: Union[Callable[[types.AnyEvent], bool], None] = ...,
        *,
        stream: str = ...,
        filter: Union[types.SubscriptionFilter, None] = ...,
        since: Union[Position, None] = ...,
        timeout: Union[float, None] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> Waited[types.AnyEvent]: ...

    async def wait_for(
        self,
        event: str,
        predicate: Union[Callable[[Any], bool], None] = None,
        *,
        stream: str = "main",
        filter: Union[types.SubscriptionFilter, None] = None,
        since: Union[Position, None] = None,
        timeout: Union[float, None] = None,
        on_gap: Union[Callable[[Gap], object], None] = None,
    ) -> Waited[Any]:
        """Waits for the first event that matches the name or pattern and that the predicate accepts.

        since: events after this position count, even if they were published before the call. Without ``since``, only events published from
        now on count. ``(await client.sync())["position"]`` is the current position.
        timeout: in seconds, including the time to connect.
        on_gap: called for each gap, and the wait continues. Without ``on_gap``, a gap ends the wait, because the awaited event may be lost.

        Raises WaitFailed (``timeout`` or ``gap``), the exception of the predicate, or the error that ended the subscription. Cancelling the task ends the wait.
        """
        return await self._wait_for(
            event,
            predicate,
            stream=stream,
            filter=cast("Union[Mapping[str, object], None]", filter),
            since=since,
            timeout=timeout,
            on_gap=on_gap,
        )

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["file_change"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.FileChangeEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["entity_created"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.EntityCreatedEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["entity_updated"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.EntityUpdatedEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["entity_deleted"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.EntityDeletedEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["relationship_created"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.RelationshipCreatedEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["relationship_updated"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.RelationshipUpdatedEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["relationship_deleted"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.RelationshipDeletedEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["graph_update"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.GraphUpdateEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["sync_status"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.SyncStatusEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[Literal["session_event"]],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.SessionEventEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[EventName],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.DeclaredEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[str],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["aside"] = ...,
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[types.AnyEvent]: ...

    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[str],
        *,
        filter: Union[types.SubscriptionFilter, None] = ...,
        replay: StreamsReplay = ...,
        subscription_id: Union[str, None] = ...,
        buffer_limit: int = ...,
        on_full: Literal["park", "error"] = ...,
        gaps: Literal["inline"],
        on_gap: Union[Callable[[Gap], object], None] = ...,
    ) -> StreamsSubscription[Union[types.AnyEvent, Gap]]: ...

    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[str],
        *,
        filter: Union[types.SubscriptionFilter, None] = None,
        replay: StreamsReplay = "warm",
        subscription_id: Union[str, None] = None,
        buffer_limit: int = 10_000,
        on_full: Literal["park", "error"] = "park",
        gaps: Literal["aside", "inline"] = "aside",
        on_gap: Union[Callable[[Gap], object], None] = None,
    ) -> StreamsSubscription[Any]:
        """Subscribes to several streams. A pattern such as ``session:*`` includes streams that appear later.

        After a reconnect each stream resumes at its own position. Every event is yielded once. A gap names its stream (MUL-1, MUL-3).

        replay: "warm" to receive the current state first, "none" for new events only, or positions to resume from, such as
        ``subscription.positions``. If a stream has no position there, it is replayed from its first event.
        The other options are those of :meth:`subscribe`.

        Raises ValueError if ``streams`` is empty or another subscription has the id, ConnectionLost after ``close()``.
        """
        return self._follow_streams(
            streams,
            events,
            filter=cast("Union[Mapping[str, object], None]", filter),
            replay=replay,
            subscription_id=subscription_id,
            buffer_limit=buffer_limit,
            on_full=on_full,
            gaps=gaps,
            on_gap=on_gap,
        )

    async def wait_on_streams(
        self,
        streams: Sequence[str],
        event: str,
        predicate: Union[Callable[[types.AnyEvent], bool], None] = None,
        *,
        filter: Union[types.SubscriptionFilter, None] = None,
        since: Union[Mapping[str, Position], None] = None,
        timeout: Union[float, None] = None,
        on_gap: Union[Callable[[Gap], object], None] = None,
    ) -> StreamsWaited[types.AnyEvent]:
        """Waits for one event on several streams. The options are those of :meth:`wait_for`.

        since: events after these positions count, even if they were published before the call. If a stream has no position in
        ``since``, all its events count. Without ``since``, only events published from now on count.

        Raises WaitFailed with the ``positions`` from which to continue; other errors are those of :meth:`wait_for`.
        """
        return await self._wait_on_streams(
            streams,
            event,
            predicate,
            filter=cast("Union[Mapping[str, object], None]", filter),
            since=since,
            timeout=timeout,
            on_gap=on_gap,
        )

    @overload
    def mirror(self, pattern: Literal["entity_created"], *, stream: str = ...) -> Mirror[types.EntityCreatedEvent]: ...

    @overload
    def mirror(self, pattern: Literal["entity_updated"], *, stream: str = ...) -> Mirror[types.EntityUpdatedEvent]: ...

    @overload
    def mirror(self, pattern: Literal["entity_*"], *, stream: str = ...) -> Mirror[Union[types.EntityCreatedEvent, types.EntityUpdatedEvent]]: ...

    @overload
    def mirror(self, pattern: Literal["relationship_created"], *, stream: str = ...) -> Mirror[types.RelationshipCreatedEvent]: ...

    @overload
    def mirror(self, pattern: Literal["relationship_updated"], *, stream: str = ...) -> Mirror[types.RelationshipUpdatedEvent]: ...

    @overload
    def mirror(self, pattern: Literal["relationship_*"], *, stream: str = ...) -> Mirror[Union[types.RelationshipCreatedEvent, types.RelationshipUpdatedEvent]]: ...

    @overload
    def mirror(self, pattern: Literal["graph_update"], *, stream: str = ...) -> Mirror[types.GraphUpdateEvent]: ...

    @overload
    def mirror(self, pattern: Literal["sync_status"], *, stream: str = ...) -> Mirror[types.SyncStatusEvent]: ...

    @overload
    def mirror(self, pattern: str, *, stream: str = ...) -> Mirror[types.AnyEvent]: ...

    def mirror(self, pattern: str, *, stream: str = "main") -> Mirror[Any]:
        """A read-only mapping from each key to its newest event.

        The mapping follows the state that the server keeps, also across reconnects, gaps and new epochs.

        ``async with client.mirror(...) as entities`` waits until the first state is complete. The contract defines the keys, and which events delete a key.

        Raises ValueError if the pattern covers no event that is kept by key, or events of several key spaces.
        """
        return self._mirror(EVENT_KEYS, pattern, stream)

    @overload
    async def broadcast(
        self,
        event: Literal["file_change"],
        payload: types.FileChangePayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["entity_created"],
        payload: types.EntityCreatedPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["entity_updated"],
        payload: types.EntityUpdatedPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["entity_deleted"],
        payload: types.EntityDeletedPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["relationship_created"],
        payload: types.RelationshipCreatedPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["relationship_updated"],
        payload: types.RelationshipUpdatedPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["relationship_deleted"],
        payload: types.RelationshipDeletedPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["graph_update"],
        payload: types.GraphUpdatePayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["sync_status"],
        payload: types.SyncStatusPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    @overload
    async def broadcast(
        self,
        event: Literal["session_event"],
        payload: types.SessionEventPayload,
        *,
        stream: Union[str, None] = ...,
        source: Union[str, None] = ...,
        idempotency_key: Union[str, None] = ...,
        timeout: Union[float, None] = ...,
    ) -> types.BroadcastedData: ...

    async def broadcast(
        self,
        event: str,
        payload: Mapping[str, object],
        *,
        stream: Union[str, None] = None,
        source: Union[str, None] = None,
        idempotency_key: Union[str, None] = None,
        timeout: Union[float, None] = None,
    ) -> types.BroadcastedData:
        """Publish one event.

        The gateway must have broadcast turned on, and the credential needs a publish scope (BRD-1, BRD-2). With an idempotency key the
        call can be repeated safely. For an event that the contract does not declare, use :meth:`broadcast_custom`.

        Raises TidemarkError (the server rejected the command) or ConnectionLost (``connection_lost``: the event may have been
        published).
        """
        return await self.broadcast_custom(
            event, payload, stream=stream, source=source, idempotency_key=idempotency_key, timeout=timeout
        )

    async def broadcast_custom(
        self,
        event: str,
        payload: Mapping[str, object],
        *,
        stream: Union[str, None] = None,
        source: Union[str, None] = None,
        idempotency_key: Union[str, None] = None,
        timeout: Union[float, None] = None,
    ) -> types.BroadcastedData:
        """Publishes an event of any name; its payload is any JSON object (EVT-4). Raises the same errors as :meth:`broadcast`."""
        data: dict[str, object] = {"event": event, "payload": payload}
        if stream is not None:
            data["stream"] = stream
        if source is not None:
            data["source"] = source
        if idempotency_key is not None:
            data["idempotencyKey"] = idempotency_key
        return cast(types.BroadcastedData, await self._call("broadcast", data, timeout))

    async def connect(self, *, timeout: Union[float, None] = None) -> types.WelcomeData:
        """Connects now instead of on first use. Returns the server's ``welcome``. Raises ConnectionLost."""
        await self.ping(timeout=timeout)
        assert self._welcome is not None
        return cast(types.WelcomeData, self._welcome)

    async def ping(self, *, timeout: Union[float, None] = None) -> types.PongData:
        """Check that the gateway responds. Raises TidemarkError or ConnectionLost."""
        return cast(types.PongData, await self._call("ping", {}, timeout))

    async def sync(self, stream: str = "main", *, timeout: Union[float, None] = None) -> types.SyncedData:
        """Returns when every matching event that was published on the stream before this call has been received (SYN-1).

        The events may still wait in a subscription's buffer. Raises TidemarkError or ConnectionLost.
        """
        return cast(types.SyncedData, await self._call("sync", {"stream": stream}, timeout))

    async def list_subscriptions(self, *, timeout: Union[float, None] = None) -> types.SubscriptionsData:
        """List this connection's subscriptions. Raises TidemarkError or ConnectionLost."""
        return cast(types.SubscriptionsData, await self._call("list_subscriptions", {}, timeout))

    async def authenticate(self, token: str, *, timeout: Union[float, None] = None) -> types.AuthenticatedData:
        """Replaces the credential of the connection. Subscriptions that the new credential covers continue, the others end (SEC-3).

        Later connections use the new token too, unless the client has a token function. Raises TidemarkError or ConnectionLost.
        """
        return cast(types.AuthenticatedData, await self._authenticate(token, timeout))


@overload
def is_event(event: object, name: Literal["file_change"]) -> TypeGuard[types.FileChangeEvent]: ...


@overload
def is_event(event: object, name: Literal["entity_created"]) -> TypeGuard[types.EntityCreatedEvent]: ...


@overload
def is_event(event: object, name: Literal["entity_updated"]) -> TypeGuard[types.EntityUpdatedEvent]: ...


@overload
def is_event(event: object, name: Literal["entity_deleted"]) -> TypeGuard[types.EntityDeletedEvent]: ...


@overload
def is_event(event: object, name: Literal["relationship_created"]) -> TypeGuard[types.RelationshipCreatedEvent]: ...


@overload
def is_event(event: object, name: Literal["relationship_updated"]) -> TypeGuard[types.RelationshipUpdatedEvent]: ...


@overload
def is_event(event: object, name: Literal["relationship_deleted"]) -> TypeGuard[types.RelationshipDeletedEvent]: ...


@overload
def is_event(event: object, name: Literal["graph_update"]) -> TypeGuard[types.GraphUpdateEvent]: ...


@overload
def is_event(event: object, name: Literal["sync_status"]) -> TypeGuard[types.SyncStatusEvent]: ...


@overload
def is_event(event: object, name: Literal["session_event"]) -> TypeGuard[types.SessionEventEvent]: ...


def is_event(event: object, name: str) -> bool:
    """Whether an event is the declared event of this name. Narrows events of subscriptions to several names or a wildcard."""
    return isinstance(event, dict) and cast("dict[str, object]", event).get("event") == name


def is_gap(item: object) -> TypeGuard[Gap]:
    """Whether an item of a subscription with ``gaps="inline"`` is a gap and not an event."""
    return isinstance(item, Gap)
