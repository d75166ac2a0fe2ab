"""One subscription: receives the server's messages, decides with its cursor which events are new, and queues these for
its reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Literal, Protocol, TypeVar, Union, cast

from .commands import Settle
from .cursor import Asked, ClientGapReason, Cursor, CursorGap
from .delivery import DeliveryQueue
from .enrolment import Enrolment
from .errors import ConnectionLost, ProtocolViolation, SubscriptionEnded, TidemarkError
from .listeners import call_listener
from .wire import EventPrefix, JsonObject, Position, as_object, read_position

Item_co = TypeVar("Item_co", covariant=True)
Self = TypeVar("Self", bound="Subscription[object]")

#: ``waiting``: not on a connection. ``parked``: its buffer was full; it resumes when half of the buffer has been read.
SubscriptionState = Literal["waiting", "subscribing", "replaying", "live", "parked", "ended"]


@dataclass(frozen=True)
class Gap:
    """A report that events were lost. It takes the place of the missing events (GAP-1)."""

    subscription_id: str
    stream: str
    #: The last position before the loss; None if the subscription had no position.
    start: Union[Position, None]
    #: Delivery continues after this position.
    end: Union[Position, None]
    #: The reason: one of the contract or, if the client itself detected the loss, one of ``ClientGapReason``.
    reason: str
    #: How to restore the lost state: the ``repair`` object that the server sent.
    repair: Union[Mapping[str, object], None]
    noticed_by: Literal["server", "client"]


@dataclass(frozen=True)
class ReplaySummary:
    """What the last ``replay_complete`` reported (RPL-2, RPL-3)."""

    position: Position
    count: int
    #: Whether the warm replay was incomplete, because the server's history is limited.
    truncated: bool


@dataclass(frozen=True)
class Request:
    """The ``subscribe`` command without the part that changes between connections."""

    stream: str
    events: Sequence[str]
    filter: Union[JsonObject, None]
    replay: Union[Literal["warm", "none"], Position]


class SubscriptionPort(Protocol):
    """The functions of a client that a subscription uses."""

    def send_command(self, command: str, data: JsonObject, settle: Settle) -> bool: ...

    def backoff(self, attempt: int) -> float: ...

    def report(self, name: str, detail: object) -> None: ...

    def remove(self, id_: str) -> None: ...


class Subscription(Generic[Item_co]):
    """A subscription that continues over any number of connections: ``async for event in subscription``.

    Its events arrive in the order of the stream, each exactly once. There are two exceptions, and both are reported.
    After a gap with ``recovered`` False, a complete warm replay follows, from which the program can rebuild its
    state. And if the server reports that an event was lost in transit (listener ``loss``), the event arrives late,
    as a replay.

    Leaving an ``async for`` loop does not end the subscription: use ``async with``, or call :meth:`unsubscribe`. If
    the task that waits for the next event is cancelled, no event is lost.
    """

    def __init__(
        self,
        id_: str,
        request: Request,
        port: SubscriptionPort,
        *,
        limit: int,
        on_full: Literal["park", "error"],
        inline_gaps: bool,
        on_gap: Union[Callable[[Gap], object], None],
        on_item: Union[Callable[[object], None], None] = None,
    ) -> None:
        self.id = id_
        self._request = request
        self._port = port
        self._limit = max(1, limit)
        self._on_full = on_full
        self._inline_gaps = inline_gaps
        self._on_gap = on_gap
        #: Called for each item instead of queueing it.
        self._on_item = on_item
        after = request.replay if isinstance(request.replay, Position) else None
        self._cursor = Cursor(after)
        self._queue = DeliveryQueue(self._read, after)
        self._enrolment = Enrolment(id_, self)
        self._ready = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._gone = asyncio.Event()
        self._failure: Union[BaseException, None] = None
        self.recovery: Union[Mapping[str, object], None] = None
        self.replay: Union[ReplaySummary, None] = None
        self.gap_count = 0
        self._head: Union[Position, None] = None

    # ---- for its owner

    @property
    def stream(self) -> str:
        return self._request.stream

    @property
    def state(self) -> SubscriptionState:
        if self._enrolment.want != "running":
            return self._enrolment.want
        if self._enrolment.attentive:
            return "live" if self._cursor.live else "replaying"
        return "subscribing" if self._enrolment.wire == "subscribing" else "waiting"

    @property
    def position(self) -> Union[Position, None]:
        """The reader's position. Resuming here, in this process or another, yields all events that have not been read.

        None until the first replay is complete.
        """
        return self._queue.position

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
        """Returns when the server has confirmed the subscription. Raises the error if the subscription ended before
        that."""
        await self._until(self._ready)

    async def caught_up(self) -> ReplaySummary:
        """Returns when the first replay has been received completely; with ``replay="none"`` immediately. Raises the
        same errors as :meth:`ready`."""
        await self._until(self._caught_up)
        assert self.replay is not None
        return self.replay

    @property
    def lag(self) -> Union[int, None]:
        """How many events of the stream lie between the reader and the newest one that the server has reported; None if
        unknown.

        Until the next heartbeat, this includes events that the subscription does not select.
        """
        position = self._queue.position
        if position is None or self._head is None or self._head.epoch != position.epoch:
            return None
        return max(0, self._head.sequence_id - position.sequence_id)

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

    def connected(self) -> None:
        self._enrolment.connected()

    def disconnected(self, forget: Union[ClientGapReason, None] = None) -> None:
        if forget is not None:
            self._cursor.forget(forget)
        self._enrolment.lost()

    def shut_down(self, error: Union[BaseException, None]) -> None:
        """Ends the subscription because the client has ended. The reader gets ``error`` after the buffered items.
        Without an error, the subscription ends immediately."""
        if error is None:
            self._queue.stop()
        else:
            self._queue.end(error)
        self._end(error or ConnectionLost("client_closed", "The client was closed."))
        self._enrolment.lost()

    def event(self, data: JsonObject, prefix: EventPrefix) -> None:
        if not self._enrolment.attentive:
            return
        fresh, gap = self._cursor.accept(prefix.position)
        if not prefix.is_replay:
            self._head = prefix.position
        if gap is not None:
            self._report_own(gap)
        if fresh:
            self._push(data)
            return
        self._queue.mark(self._cursor.position)
        if not prefix.is_replay:
            text = (
                f'The live event {prefix.position.sequence_id} of "{prefix.stream}" arrived twice, or out of order, for "{self.id}".'
                " It was dropped (EVT-2, STR-2)."
            )
            self._port.report("error", ProtocolViolation(text))

    def replay_complete(self, summary: ReplaySummary) -> None:
        if not self._enrolment.attentive:
            return
        gap = self._cursor.complete(summary.position)
        if gap is not None:
            self._report_own(gap)
        self._caught(summary)

    def heartbeat(self, position: Union[Position, None]) -> None:
        """Handles a heartbeat whose count shows that no event was lost. ``position`` is the position of the stream in
        the heartbeat, if it has one."""
        if not self._enrolment.attentive:
            return
        self._head = position or self._head
        gap = None if position is None else self._cursor.heartbeat(position)
        if gap is not None:
            self._report_own(gap)
        self._cursor.prove()
        self._queue.mark(self._cursor.position)

    def loss_found(self) -> None:
        """Handles a heartbeat whose ``delivered`` differs from the count. The client is about to drop the connection."""
        self._cursor.rewind()

    def gap(self, data: JsonObject) -> None:
        if not self._enrolment.attentive:
            return
        start, end, reason, repair = read_position(data.get("from")), read_position(data.get("to")), data.get("reason"), data.get("repair")
        reason = reason if isinstance(reason, str) else "unknown"
        # A source loss does not change the position: the stream itself is complete, because the lost changes never
        # became events (GAP-2).
        if start is not None and end is not None and reason != "source_overflow":
            self._cursor.skip(start, end)
        self._report(start, end, reason, as_object(repair), "server")

    def closed_by_server(self, reason: str) -> None:
        """Handles ``subscription_closed`` (SEC-3)."""
        self._enrolment.lost()
        text = f'The server ended the subscription "{self.id}": {reason}.'
        self._fail(self._ended(reason, text))

    # ---- for its enrolment

    def send_command(self, command: str, data: JsonObject, settle: Settle) -> bool:
        return self._port.send_command(command, data, settle)

    def backoff(self, attempt: int) -> float:
        return self._port.backoff(attempt)

    def next_subscribe(self) -> tuple[Asked, JsonObject]:
        request, after = self._request, self._cursor.position
        data: dict[str, object] = {"subscriptionId": self.id, "stream": request.stream, "events": list(request.events)}
        if request.filter is not None:
            data["filter"] = request.filter
        if after is not None:
            return "resume", {**data, "replay": {"mode": "resume", "after": after.as_json()}}
        # Without a valid position, a resume becomes a warm replay.
        mode: Literal["warm", "none"] = "none" if request.replay == "none" else "warm"
        return mode, {**data, "replay": {"mode": mode}}

    def subscribed(self, asked: Asked, data: JsonObject) -> None:
        position = read_position(data.get("position"))
        if position is None:
            self._fail(ProtocolViolation(f'The reply "subscribed" for "{self.id}" has no position (SUB-1).'))
            return
        self._head = position
        again = self.recovery is not None
        outcome: JsonObject = as_object(data.get("recovery")) or {}
        gap = self._cursor.start(
            position, asked, attempted=outcome.get("attempted") is True, recovered=outcome.get("recovered") is True
        )
        self.recovery = outcome
        self._ready.set()
        if again:
            self._port.report("resumed", self)
        if gap is not None:
            self._report_own(gap)
        if asked == "none":
            self._caught(ReplaySummary(position, 0, False))

    def postponed(self, error: TidemarkError, delay: float) -> None:
        self._port.report("postponed", error)

    def refused(self, error: BaseException) -> None:
        self._fail(error)

    def detached(self) -> None:
        self._gone.set()
        self._port.remove(self.id)

    # ---- towards the reader

    def _fail(self, error: BaseException) -> None:
        self._queue.end(error)
        self._end(error)

    def _end(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self._ready.set()
        self._caught_up.set()
        self._enrolment.end()

    def _push(self, item: object) -> None:
        if self._on_item is not None:
            self._queue.mark(self._cursor.position)
            if self._enrolment.want != "ended":
                self._on_item(item)
            return
        self._queue.push(item, self._cursor.position)
        if len(self._queue) < self._limit or self._enrolment.want != "running":
            return
        if self._on_full == "error":
            text = f'{len(self._queue)} items waited for the reader of "{self.id}", which is the limit.'
            self._fail(self._ended("buffer_overflow", text))
            return
        self._enrolment.park()
        self._port.report("parked", self)

    def _read(self) -> None:
        if len(self._queue) <= self._limit / 2:
            self._enrolment.unpark()

    def _caught(self, summary: ReplaySummary) -> None:
        self._queue.mark(self._cursor.position)
        self.replay = summary
        self._caught_up.set()

    def _report_own(self, gap: CursorGap) -> None:
        self._report(gap.start, gap.end, gap.reason, None, "client")

    def _report(
        self,
        start: Union[Position, None],
        end: Union[Position, None],
        reason: str,
        repair: Union[Mapping[str, object], None],
        noticed_by: Literal["server", "client"],
    ) -> None:
        gap = Gap(self.id, self.stream, start, end, reason, repair, noticed_by)
        self.gap_count += 1
        if self._inline_gaps:
            self._push(gap)
        else:
            self._queue.mark(self._cursor.position)
        if self._on_gap is not None:
            call_listener(self._on_gap, gap)
        self._port.report("gap", gap)

    def _ended(self, reason: str, message: str) -> SubscriptionEnded:
        # The position from which a new subscription can resume when all buffered items have been read.
        position = self._cursor.position or self._queue.position
        return SubscriptionEnded(reason, message, subscription_id=self.id, position=position)
