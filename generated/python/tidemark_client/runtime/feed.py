"""The common part of subscriptions to one stream and to several streams.

It has the bounded queue, the state on the server, the end of the subscription, and the reports to the owner. A subclass decides with
its cursors which messages are new.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar, Union, cast

from .commands import Settle
from .cursor import ClientGapReason, ReplayMode
from .delivery import DeliveryQueue
from .server_subscription import ServerSubscription
from .errors import ConnectionLost, ProtocolViolation, SubscriptionEnded, TidemarkError
from .listeners import call_listener
from .subscription_port import Gap, ReplayEnd, SubscriptionPort, SubscriptionState
from .wire import EventPrefix, JsonObject, Position, as_object, read_position

Item_co = TypeVar("Item_co", covariant=True)
Mark = TypeVar("Mark")
Summary = TypeVar("Summary")
Self = TypeVar("Self", bound="Feed[Any, Any, Any]")


@dataclass(frozen=True)
class FeedSettings:
    """The options that do not depend on the number of streams."""

    events: Sequence[str]
    filter: Union[JsonObject, None]
    limit: int
    on_full: Literal["park", "error"]
    inline_gaps: bool
    on_gap: Union[Callable[[Gap], object], None]
    #: Called with each item as it is received. With ``on_item``, no item is queued.
    on_item: Union[Callable[[object], None], None] = None


class Feed(ABC, Generic[Item_co, Mark, Summary]):
    def __init__(self, id_: str, settings: FeedSettings, port: SubscriptionPort, queue: DeliveryQueue[Mark]) -> None:
        self.id = id_
        self._settings = settings
        self._port = port
        self._limit = max(1, settings.limit)
        self._queue = queue
        queue.on_read = self._read
        self._server_subscription = ServerSubscription(id_, self)
        self._ready = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._gone = asyncio.Event()
        self._failure: Union[BaseException, None] = None
        self.recovery: Union[Mapping[str, object], None] = None
        self.replay: Union[Summary, None] = None
        self.gap_count = 0

    # ---- used by its owner

    @property
    @abstractmethod
    def stream(self) -> str: ...

    @property
    @abstractmethod
    def position(self) -> Union[Position, None]: ...

    @property
    @abstractmethod
    def lag(self) -> Union[int, None]: ...

    @property
    def state(self) -> SubscriptionState:
        if self._server_subscription.want != "running":
            return self._server_subscription.want
        if self.attentive:
            return "live" if self._live else "replaying"
        return "subscribing" if self._server_subscription.wire == "subscribing" else "waiting"

    @property
    def recovered(self) -> Union[bool, None]:
        """The outcome of the latest resume; None if no resume was attempted (RPL-4)."""
        if self.recovery is None or self.recovery.get("attempted") is not True:
            return None
        return self.recovery.get("recovered") is True

    @property
    def buffered(self) -> int:
        """The number of items that wait for the reader."""
        return len(self._queue)

    async def ready(self) -> None:
        """Returns when the server has confirmed the subscription. If the subscription ends before that, raises the error
        that ended it."""
        await self._until(self._ready)

    async def caught_up(self) -> Summary:
        """Returns when the first replay is complete; with ``replay="none"``, when the server has confirmed the
        subscription. Raises the same errors as :meth:`ready`."""
        await self._until(self._caught_up)
        assert self.replay is not None
        return self.replay

    async def unsubscribe(self) -> None:
        """Ends the subscription: no more items are yielded. Returns when the server has confirmed the end, or
        immediately if there is no connection."""
        self.end()
        await self._gone.wait()

    def end(self) -> None:
        """Ends the subscription like :meth:`unsubscribe`, but without waiting for the server."""
        ended = self._ended("unsubscribed", "The subscription was ended by its owner.")
        self._queue.stop()
        self._end(ended)

    def __aiter__(self: Self) -> Self:
        return self

    async def __anext__(self) -> Item_co:
        return cast(Item_co, await self._queue.take())

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Union[type[BaseException], None],
        error: Union[BaseException, None],
        trace: Union[TracebackType, None],
    ) -> None:
        await self.unsubscribe()

    async def _until(self, event: asyncio.Event) -> None:
        await event.wait()
        if self._failure is not None and (event is self._ready or self.replay is None):
            raise self._failure

    # ---- what the connection reports

    @property
    def attentive(self) -> bool:
        """Whether events are accepted: only between ``subscribed`` and our own ``unsubscribe``.

        Later events are unwanted, or will be replayed. While this is False, the client calls only the methods about the
        connection and about the end.
        """
        return self._server_subscription.attentive

    def connected(self) -> None:
        self._server_subscription.connected()

    def disconnected(self, forget: Union[ClientGapReason, None] = None) -> None:
        if forget is not None:
            self._forget(forget)
        self._server_subscription.lost()

    def shut_down(self, error: Union[BaseException, None]) -> None:
        """Ends the subscription because the client has ended. The reader gets ``error`` after the buffered items.
        Without an error, the subscription ends immediately."""
        if error is None:
            self._queue.stop()
        else:
            self._queue.end(error)
        self._end(error or ConnectionLost("client_closed", "The client was closed."))
        self._server_subscription.lost()

    @abstractmethod
    def event(self, data: JsonObject, prefix: EventPrefix) -> None: ...

    @abstractmethod
    def replay_complete(self, end: ReplayEnd) -> None: ...

    @abstractmethod
    def heartbeat(self, positions: Mapping[str, Position]) -> None:
        """Handles a heartbeat whose count proves that no event was lost. positions: the heartbeat's positions, by stream."""

    @abstractmethod
    def loss_found(self) -> None:
        """Handles a heartbeat that counts more events than were received. The client is about to drop the connection."""

    def positions_received(self, data: JsonObject) -> None:
        """Handles a ``positions`` push, which only subscriptions to several streams receive (MUL-4, MUL-6)."""

    def gap(self, data: JsonObject) -> None:
        stream, reason, repair = data.get("stream"), data.get("reason"), data.get("repair")
        stream = stream if isinstance(stream, str) else self.stream
        # If `stream` is a pattern, the server could not name the streams. Such a gap moves no position (MUL-9).
        is_named = not stream.endswith("*")
        start, end = (read_position(data.get("from")), read_position(data.get("to"))) if is_named else (None, None)
        reason = reason if isinstance(reason, str) else "unknown"
        # A source loss does not change the position: the stream itself is complete, because the lost changes never
        # became events (GAP-2).
        if start is not None and end is not None and reason != "source_overflow" and not self._skip(stream, start, end):
            return
        self._report(Gap(self.id, stream, start, end, reason, as_object(repair), "server"))

    def closed_by_server(self, reason: str) -> None:
        """Handles ``subscription_closed`` (SEC-3)."""
        self._server_subscription.lost()
        text = f'The server ended the subscription "{self.id}": {reason}.'
        self._fail(self._ended(reason, text))

    # ---- what the subclass decides

    @property
    @abstractmethod
    def _live(self) -> bool:
        """Whether the replay is complete."""

    @abstractmethod
    def next_subscribe(self) -> tuple[ReplayMode, JsonObject]: ...

    @abstractmethod
    def subscribed(self, asked: ReplayMode, data: JsonObject) -> None: ...

    @abstractmethod
    def _forget(self, reason: ClientGapReason) -> None: ...

    @abstractmethod
    def _skip(self, stream: str, start: Position, end: Position) -> bool:
        """Handles a loss that the server reports. Returns False if the owner already knows of the loss, otherwise True."""

    @abstractmethod
    def _mark(self) -> Union[Mark, None]:
        """The mark that the reader will have when it has read everything received so far."""

    @abstractmethod
    def _ended(self, reason: str, message: str) -> SubscriptionEnded:
        """The error. Contains the position to resume from after all buffered items have been read."""

    # ---- used by its ServerSubscription

    def send_command(self, command: str, data: JsonObject, settle: Settle) -> bool:
        return self._port.send_command(command, data, settle)

    def backoff(self, attempt: int) -> float:
        return self._port.backoff(attempt)

    def postponed(self, error: TidemarkError, delay: float) -> None:
        self._port.report("postponed", error)

    def refused(self, error: BaseException) -> None:
        self._fail(error)

    def detached(self) -> None:
        self._gone.set()
        self._port.remove(self.id)

    # ---- used by the subclass

    def _common(self) -> dict[str, object]:
        """The members that ``data`` of every subscribe command has."""
        data: dict[str, object] = {"subscriptionId": self.id, "events": list(self._settings.events)}
        if self._settings.filter is not None:
            data["filter"] = self._settings.filter
        return data

    def _confirmed(self, recovery: JsonObject) -> None:
        """Called when the server has accepted the subscription, for the first time or after a reconnect."""
        again = self.recovery is not None
        self.recovery = recovery
        self._ready.set()
        if again:
            self._port.report("resumed", self)

    def _caught(self, summary: Summary) -> None:
        """Called when the replay is complete."""
        self._moved()
        self.replay = summary
        self._caught_up.set()

    def _subscribe_again(self) -> None:
        """Ends the subscription on the server, and resumes it at the client's position.

        Called when a repeated warm replay shows a later state than the first one, so that events in between may be missing (CLI-13).
        """
        self._server_subscription.park()
        self._server_subscription.unpark()

    def _drop(self, prefix: EventPrefix) -> None:
        """Drops an event that was already received."""
        self._moved()
        if not prefix.is_replay:
            text = (
                f'The live event {prefix.position.sequence_id} of "{prefix.stream}" arrived twice, or out of order, for "{self.id}".'
                " It was dropped (EVT-2, STR-2)."
            )
            self._port.report("error", ProtocolViolation(text))

    def _moved(self) -> None:
        """Moves the reader's position to here, as soon as the reader has read all items that are queued now."""
        self._queue.mark(self._mark())

    def _fail(self, error: BaseException) -> None:
        self._queue.end(error)
        self._end(error)

    def _end(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self._ready.set()
        self._caught_up.set()
        self._server_subscription.end()

    def _push(self, item: object) -> None:
        if self._settings.on_item is not None:
            self._moved()
            if self._server_subscription.want != "ended":
                self._settings.on_item(item)
            return
        self._queue.push(item, self._mark())
        if len(self._queue) < self._limit or self._server_subscription.want != "running":
            return
        if self._settings.on_full == "error":
            text = (
                f'The buffer of "{self.id}" is full: {len(self._queue)} items wait for the reader.'
                ' Read faster, raise buffer_limit, or use on_full="park".'
            )
            self._fail(self._ended("buffer_overflow", text))
            return
        self._server_subscription.park()
        self._port.report("parked", self)

    def _read(self) -> None:
        if len(self._queue) <= self._limit / 2:
            self._server_subscription.unpark()

    def _report(self, gap: Gap) -> None:
        self.gap_count += 1
        if self._settings.inline_gaps:
            self._push(gap)
        else:
            self._moved()
        if self._settings.on_gap is not None:
            call_listener(self._settings.on_gap, gap)
        self._port.report("gap", gap)
