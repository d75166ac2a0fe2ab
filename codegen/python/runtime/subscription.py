"""A subscription to one stream: decides with its cursor which of the server's messages are new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Union

from .cursor import ClientGapReason, Cursor, CursorGap, ReplayMode
from .delivery import DeliveryQueue
from .errors import ProtocolViolation, SubscriptionEnded
from .feed import Feed, FeedSettings, Item_co
from .subscription_port import Gap, ReplayEnd, SubscriptionPort
from .wire import EventPrefix, JsonObject, Position, as_object, read_position


@dataclass(frozen=True)
class ReplaySummary:
    """The content of the last ``replay_complete`` (RPL-2, RPL-3)."""

    position: Position
    count: int
    #: Whether the warm replay was incomplete, because the server's history is limited.
    truncated: bool


@dataclass(frozen=True)
class Request:
    """The part of the request for one stream that does not change between connections."""

    stream: str
    replay: Union[Literal["warm", "none"], Position]


class Subscription(Feed[Item_co, Position, ReplaySummary]):
    """A subscription that continues over any number of connections: ``async for event in subscription``.

    Its events arrive in the order of the stream, each exactly once. There are two exceptions, and both are reported:

    - If the client cannot resume (for example, ``recovered`` is False), a gap is reported. A complete warm replay
      follows, from which the program can rebuild its state. It may contain events that were yielded before.
    - An event that was lost in transit (listener ``loss``) arrives late, as a replay.

    Leaving an ``async for`` loop does not end the subscription: use ``async with``, or call :meth:`unsubscribe`. If
    the task that waits for the next event is cancelled, no event is lost.
    """

    def __init__(self, id_: str, request: Request, settings: FeedSettings, port: SubscriptionPort) -> None:
        after = request.replay if isinstance(request.replay, Position) else None
        self._request = request
        self._cursor = Cursor(after)
        self._head: Union[Position, None] = None
        super().__init__(id_, settings, port, DeliveryQueue(after))

    @property
    def stream(self) -> str:
        return self._request.stream

    @property
    def position(self) -> Union[Position, None]:
        """The reader's position. A resume from it, in this process or another, yields all events that have not been read.

        None until the first replay is complete.
        """
        return self._queue.position

    @property
    def lag(self) -> Union[int, None]:
        """The number of events of the stream between the reader and the newest event that the server has reported; None
        if unknown.

        Until the next heartbeat, this includes events that the subscription does not select.
        """
        position = self._queue.position
        if position is None or self._head is None or self._head.epoch != position.epoch:
            return None
        return max(0, self._head.sequence_id - position.sequence_id)

    # ---- what the connection reports

    def event(self, data: JsonObject, prefix: EventPrefix) -> None:
        fresh, gap = self._cursor.accept(prefix.position)
        if not prefix.is_replay:
            self._head = prefix.position
        if gap is not None:
            self._report_own(gap)
        if fresh:
            self._push(data)
        else:
            self._drop(prefix)

    def replay_complete(self, end: ReplayEnd) -> None:
        if end.position is None:
            self._port.report("error", self._unplaced("replay_complete"))
            return
        gap = self._cursor.complete(end.position)
        if gap is not None:
            self._report_own(gap)
        if self._live:
            self._caught(ReplaySummary(end.position, end.count, end.truncated))
        else:
            self._subscribe_again()

    def heartbeat(self, positions: Mapping[str, Position]) -> None:
        position = positions.get(self.stream)
        self._head = position or self._head
        gap = None if position is None else self._cursor.heartbeat(position)
        if gap is not None:
            self._report_own(gap)
        self._cursor.prove()
        self._moved()

    def loss_found(self) -> None:
        self._cursor.rewind()

    # ---- used by the base class

    @property
    def _live(self) -> bool:
        return self._cursor.live

    def next_subscribe(self) -> tuple[ReplayMode, JsonObject]:
        after = self._cursor.position
        data: dict[str, object] = {**self._common(), "stream": self.stream}
        if after is not None:
            return "resume", {**data, "replay": {"mode": "resume", "after": after.as_json()}}
        # Without a valid position, a resume becomes a warm replay.
        mode: Literal["warm", "none"] = "none" if self._request.replay == "none" else "warm"
        return mode, {**data, "replay": {"mode": mode}}

    def subscribed(self, asked: ReplayMode, data: JsonObject) -> None:
        position = read_position(data.get("position"))
        if position is None:
            self._fail(self._unplaced("subscribed"))
            return
        self._head = position
        outcome: JsonObject = as_object(data.get("recovery")) or {}
        gap = self._cursor.start(
            position, asked, attempted=outcome.get("attempted") is True, recovered=outcome.get("recovered") is True
        )
        self._confirmed(outcome)
        if gap is not None:
            self._report_own(gap)
        if asked == "none":
            self._caught(ReplaySummary(position, 0, False))

    def _forget(self, reason: ClientGapReason) -> None:
        self._cursor.forget(reason)

    def _skip(self, stream: str, start: Position, end: Position) -> bool:
        self._cursor.skip(start, end)
        return True

    def _mark(self) -> Union[Position, None]:
        return self._cursor.position

    def _ended(self, reason: str, message: str) -> SubscriptionEnded:
        position = self._cursor.position or self._queue.position
        return SubscriptionEnded(reason, message, subscription_id=self.id, position=position)

    def _report_own(self, gap: CursorGap) -> None:
        self._report(Gap(self.id, self.stream, gap.start, gap.end, gap.reason, None, "client"))

    def _unplaced(self, kind: str) -> ProtocolViolation:
        return ProtocolViolation(f'The server sent a "{kind}" for "{self.id}" without a position (SUB-1, RPL-2).')
