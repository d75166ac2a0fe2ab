"""A subscription to several streams: decides with their cursors which of the server's messages are new."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Union

from .cursor import ClientGapReason, ReplayMode
from .delivery import DeliveryQueue
from .errors import SubscriptionEnded
from .feed import Feed, FeedSettings, Item_co
from .stream_cursors import Loss, Moves, StreamCursors
from .subscription_port import Gap, ReplayEnd, SubscriptionPort
from .wire import EventPrefix, JsonObject, Position, as_list, as_object, as_strings, read_position

#: Where to begin: the current state, only new events, or after a position in each stream.
StreamsReplay = Union[Literal["warm", "none"], Mapping[str, Position]]

#: Estimated size, in bytes, of a subscribe command without the members whose size ``_size_of`` computes.
ENVELOPE_BYTES = 256


@dataclass(frozen=True)
class StreamsSummary:
    """The content of the last ``replay_complete`` of several streams (MUL-7)."""

    count: int
    #: Whether the warm picture of a stream may be incomplete, because the server's history is limited. The warm picture is
    #: the current state that a new subscriber receives first.
    truncated: bool


@dataclass(frozen=True)
class StreamsRequest:
    """The part of the request for the streams that does not change between connections."""

    streams: Sequence[str]
    replay: StreamsReplay
    #: Returns the size of the largest command that the server accepts, in bytes.
    room: Callable[[], int]


class StreamsSubscription(Feed[Item_co, Moves, StreamsSummary]):
    """A subscription to several streams that continues over reconnects: ``async for event in subscription``.

    The events of each stream arrive in the order of the stream, each exactly once, over any number of connections; the order of
    events of different streams is not defined. For each stream, the two exceptions of a subscription to one stream apply; a gap names
    its stream. Leaving the loop does not end the subscription.
    """

    def __init__(self, id_: str, request: StreamsRequest, settings: FeedSettings, port: SubscriptionPort) -> None:
        positions = None if isinstance(request.replay, str) else dict(request.replay)
        self._request = request
        self._selectors = request.streams
        self._cursors = StreamCursors(positions)
        #: The newest position of each stream that the server has reported.
        self._heads: dict[str, Position] = {}
        reader = Moves(dict(positions or {}), positions is not None)
        super().__init__(id_, settings, port, DeliveryQueue(reader, _join_into(reader)))

    @property
    def stream(self) -> str:
        """The names and patterns of the streams, as one text for error messages and listeners."""
        return ", ".join(self._selectors)

    @property
    def streams(self) -> Sequence[str]:
        """The names and patterns of streams.

        After ``subscribed``, the list that the server uses: each pattern is narrowed to the streams that the client's scopes
        permit, and a name or pattern that another pattern covers is removed (MUL-1, MUL-2).
        """
        return self._selectors

    @property
    def position(self) -> None:
        """A subscription to several streams has one position for each stream: see :attr:`positions`."""
        return None

    @property
    def positions(self) -> Union[Mapping[str, Position], None]:
        """The reader's positions; None until the first warm picture (the current state that is received first) is complete.

        A resume with them, in this process or another, delivers every event that was not read yet, including events of streams
        that appear later.
        """
        reader = self._queue.position
        if reader is None or not reader.is_complete:
            return None
        return {stream: position for stream, position in reader.streams.items() if position is not None}

    @property
    def lag(self) -> Union[int, None]:
        """The number of events of all streams between the reader and the newest events that the server has reported; None if unknown."""
        positions = self.positions
        if positions is None:
            return None
        lag = 0
        for stream, head in self._heads.items():
            read = positions.get(stream)
            start = read.sequence_id if read is not None and read.epoch == head.epoch else 0
            lag += max(0, head.sequence_id - start)
        return lag

    # ---- what the connection reports

    def event(self, data: JsonObject, prefix: EventPrefix) -> None:
        fresh, gap = self._cursors.accept(prefix)
        if not prefix.is_replay:
            self._heads[prefix.stream] = prefix.position
        self._report_own(prefix.stream, gap)
        if fresh:
            self._push(data)
        else:
            self._drop(prefix)

    def positions_received(self, data: JsonObject) -> None:
        for stream, position in _read_positions(data.get("positions")):
            self._heads[stream] = position
            self._report_own(stream, self._cursors.place(stream, position))
        for stream in as_strings(data.get("ended")) or ():
            self._heads.pop(stream, None)
            self._cursors.end(stream)
        self._moved()

    def replay_complete(self, end: ReplayEnd) -> None:
        if self._cursors.complete():
            self._subscribe_again()
        else:
            self._caught(StreamsSummary(end.count, end.truncated))

    def heartbeat(self, positions: Mapping[str, Position]) -> None:
        for stream, position in positions.items():
            if self._live and covers(self._selectors, stream):
                self._heads[stream] = position
                self._report_own(stream, self._cursors.heartbeat(stream, position))
        self._cursors.prove()
        self._moved()

    def loss_found(self) -> None:
        self._cursors.rewind()

    # ---- used by the base class

    @property
    def _live(self) -> bool:
        return self._cursors.live

    def next_subscribe(self) -> tuple[ReplayMode, JsonObject]:
        data: dict[str, object] = {**self._common(), "streams": list(self._request.streams)}
        positions = self._cursors.positions
        if positions is not None:
            named, left = fit_into(self._request.room(), positions, data)
            self._cursors.leave_out(left)
            items = [_item(stream, position) for stream, position in named.items()]
            return "resume", {**data, "replay": {"mode": "resume", "positions": items}}
        # Without valid positions, a resume becomes a warm replay.
        mode: Literal["warm", "none"] = "none" if self._request.replay == "none" else "warm"
        return mode, {**data, "replay": {"mode": mode}}

    def subscribed(self, asked: ReplayMode, data: JsonObject) -> None:
        self._selectors = as_strings(data.get("streams")) or self._selectors
        losses = self._cursors.start(asked)
        self._confirmed(as_object(data.get("recovery")) or {})
        for loss in losses:
            self._report_own(loss.stream, loss)
        if asked == "none":
            self._caught(StreamsSummary(0, False))

    def _forget(self, reason: ClientGapReason) -> None:
        self._cursors.forget(reason)

    def _skip(self, stream: str, start: Position, end: Position) -> bool:
        return self._cursors.skip(stream, start, end)

    def _mark(self) -> Union[Moves, None]:
        return self._cursors.take_moves()

    def _ended(self, reason: str, message: str) -> SubscriptionEnded:
        positions = self.positions if self._cursors.positions is None else self._cursors.positions
        return SubscriptionEnded(reason, message, subscription_id=self.id, position=None, positions=positions)

    def _report_own(self, stream: str, gap: Loss) -> None:
        if gap is not None:
            self._report(Gap(self.id, stream, gap.start, gap.end, gap.reason, None, "client"))


def covers(selectors: Sequence[str], stream: str) -> bool:
    """Whether a stream is selected: its name is one of the selectors, or one of the patterns among them covers it."""
    return any(stream.startswith(each[:-1]) if each.endswith("*") else each == stream for each in selectors)


def fit_into(
    room: int, positions: Mapping[str, Position], data: JsonObject
) -> tuple[Mapping[str, Position], Mapping[str, Position]]:
    """Chooses the positions that fit into one command of at most ``room`` bytes. Returns these and the positions left out.

    The streams of the positions left out are replayed from their first event (MUL-5), so streams with the fewest events
    are left out first.
    """
    room -= ENVELOPE_BYTES + _size_of(data)
    named: dict[str, Position] = {}
    left: dict[str, Position] = {}
    for stream, position in sorted(positions.items(), key=lambda item: -item[1].sequence_id):
        room -= _size_of(_item(stream, position)) + 2
        (named if room >= 0 else left)[stream] = position
    return named, left


def _item(stream: str, position: Position) -> dict[str, object]:
    return {**position.as_json(), "stream": stream}


def _size_of(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _join_into(reader: Moves) -> Callable[[Moves, Moves], Moves]:
    """Joins the position changes of two items. If the older change is ``reader``, streams that ended are removed from it."""

    def join(older: Moves, newer: Moves) -> Moves:
        for stream, position in newer.streams.items():
            if position is None and older is reader:
                older.streams.pop(stream, None)
            else:
                older.streams[stream] = position
        older.is_complete = older.is_complete or newer.is_complete
        return older

    return join


def _read_positions(value: object) -> Iterable[tuple[str, Position]]:
    for each in as_list(value) or ():
        position, stream = read_position(each), (as_object(each) or {}).get("stream")
        if position is not None and isinstance(stream, str):
            yield stream, position
