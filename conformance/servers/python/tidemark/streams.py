"""Streams: order, history and replays (STR, RPL).

No method here waits, so an event is numbered, stored and published in one step.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterator, Mapping

from .clock import make_ulid, now_ms, timestamp
from .contract import Contract, Limits
from .filters import Filter
from .retained import Retained, replay_key
from .strict_json import encode


@dataclass(frozen=True)
class Position:
    epoch: str
    sequence_id: int

    def wire(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "sequenceId": self.sequence_id}


@dataclass(frozen=True)
class Event:
    """One event with its position in the stream."""

    stream: str
    position: Position
    event_id: str
    name: str
    emitted_ms: int
    source: Mapping[str, Any]
    payload: Mapping[str, Any]
    size: int = field(compare=False)
    """The size of the encoded payload, plus an allowance for the other fields."""

    @property
    def sequence_id(self) -> int:
        return self.position.sequence_id

    def shared(self) -> dict[str, Any]:
        """The part of `event.data` that is the same for all subscribers, live or replayed (EVT-1)."""
        return {
            "stream": self.stream,
            **self.position.wire(),
            "eventId": self.event_id,
            "event": self.name,
            "emittedAt": timestamp(self.emitted_ms),
            "source": self.source,
            "payload": self.payload,
        }


@dataclass(frozen=True)
class Recovery:
    """The outcome of a resume (RPL-4)."""

    attempted: bool
    reason: str | None = None

    def wire(self) -> dict[str, Any]:
        if not self.attempted:
            return {"attempted": False}
        if self.reason is None:
            return {"attempted": True, "recovered": True}
        return {"attempted": True, "recovered": False, "reason": self.reason}


@dataclass(frozen=True)
class Loss:
    """A source loss: a source lost changes in these directories when the stream was at this position (GAP-2)."""

    position: Position
    directories: list[str]

    @property
    def sequence_id(self) -> int:
        return self.position.sequence_id


MOST_LOSSES = 256
"""Above this limit the oldest losses are merged. This may report a loss to more clients than necessary, which is safe."""


@dataclass(frozen=True)
class Replay:
    """The events and source losses that are replayed to one subscription."""

    reason: str
    events: list[Event]
    truncated: bool
    losses: list[Loss] = field(default_factory=list)
    picture_until: int | None = None
    """Set if a part of the warm picture is replayed before the resume (RPL-7): the sequenceId at which that part ends."""

    def reason_of(self, event: Event) -> str:
        in_picture = self.picture_until is not None and event.sequence_id <= self.picture_until
        return "warm" if in_picture else self.reason

    def in_order(self) -> list[Event | Loss]:
        """The events and losses in the order to send them: each loss follows the events up to its position."""
        pending = deque(self.losses)
        found: list[Event | Loss] = []
        for event in self.events:
            while pending and pending[0].sequence_id < event.sequence_id:
                found.append(pending.popleft())
            found.append(event)
        return [*found, *pending]


OVERHEAD_BYTES = 256


class Stream:
    """One epoch of a stream: a counter and a bounded history."""

    def __init__(self, name: str, epoch: str, contract: Contract, limits: Limits) -> None:
        self.name = name
        self.epoch = epoch
        self.sequence_id = self.first_sequence_id() - 1
        self.history: deque[Event] = deque()
        self.history_bytes = 0
        self.touched_ms = now_ms()
        self._contract = contract
        self._limits = limits
        self._retained = Retained(contract, limits["retainedKeys"])
        self._dropped: set[str] = set()
        self._losses: list[Loss] = []

    def first_sequence_id(self) -> int:
        return 1

    @property
    def is_blank(self) -> bool:
        """Whether the stream has had neither an event nor a source loss."""
        return self.sequence_id == 0 and not self.history and not self._losses

    @property
    def head(self) -> Position:
        return Position(self.epoch, self.sequence_id)

    @property
    def floor(self) -> int:
        """The sequenceId of the oldest event in history, or of the next event if history is empty."""
        return self.history[0].sequence_id if self.history else self.sequence_id + 1

    def append(self, name: str, source: Mapping[str, Any], payload: Mapping[str, Any]) -> Event:
        """Assigns a position to an event and stores it."""
        self.touched_ms = max(now_ms(), self.touched_ms)
        self.sequence_id = self.next_sequence_id()
        size = len(encode(payload).encode()) + OVERHEAD_BYTES
        event = Event(self.name, self.head, make_ulid(), name, self.touched_ms, source, payload, size)
        self.history.append(event)
        self.history_bytes += size
        self._retained.add(event)
        self.trim()
        return event

    def next_sequence_id(self) -> int:
        return self.sequence_id + 1

    def trim(self) -> None:
        """Drops events beyond the bounds of history (RPL-5)."""
        most = self._limits["sessionHistoryEvents" if self.name.startswith("session:") else "historyEvents"]
        oldest = now_ms() - self._limits["historyAgeMs"]
        while self.history and (
            len(self.history) > most
            or self.history_bytes > self._limits["historyBytes"]
            or self.history[0].emitted_ms < oldest
        ):
            self._drop_oldest()

    def clear(self) -> None:
        """Drops the events of an expired stream that still has a subscriber. Its epoch and its counter continue."""
        while self.history:
            self._drop_oldest()
        self._retained.clear()

    def _drop_oldest(self) -> None:
        event = self.history.popleft()
        self.history_bytes -= event.size
        self._dropped.add(event.name)

    def recovery(self, after: Position) -> Recovery:
        """Whether all events after a position can still be sent."""
        self.trim()
        if after.epoch != self.epoch:
            return Recovery(attempted=True, reason="epoch_changed")
        if after.sequence_id > self.sequence_id:
            return Recovery(attempted=True, reason="unknown_position")
        if after.sequence_id < self.floor - 1:
            return Recovery(attempted=True, reason="window_exceeded")
        return Recovery(attempted=True)

    def resume(self, wanted: Filter, after: Position) -> Replay:
        """All events and losses after a recoverable position."""
        events = [event for event in self.history if event.sequence_id > after.sequence_id and matches(wanted, event)]
        losses = self.losses_since(after) if wanted.follows("file_change") else []
        return Replay("resume", events, truncated=False, losses=losses)

    def resume_with_picture(self, wanted: Filter, after: Position) -> Replay:
        """The part of the warm picture up to a recoverable position, then everything after it (RPL-7)."""
        picture, rest = self.warm(wanted), self.resume(wanted, after)
        events = [event for event in picture.events if event.sequence_id <= after.sequence_id]
        return replace(rest, events=[*events, *rest.events], truncated=picture.truncated, picture_until=after.sequence_id)

    def lose(self, directories: list[str]) -> Loss:
        """Records a source loss, to report it at every resume from this position or an earlier one (GAP-2)."""
        loss = Loss(self.head, directories)
        self._losses = [each for each in self._losses if each.sequence_id >= self.floor - 1]
        self._losses.append(loss)
        if len(self._losses) > MOST_LOSSES:
            _, second, *others = self._losses
            self._losses = [Loss(second.position, [""]), *others]
        return loss

    def losses_since(self, after: Position) -> list[Loss]:
        """The losses since a position. Losses at exactly this position are included: the connection may have broken
        before the client received their gaps."""
        return [each for each in self._losses if each.sequence_id >= after.sequence_id]

    def warm(self, wanted: Filter) -> Replay:
        """The events of a warm replay, selected by the replay policy of each event."""
        self.trim()
        picture: dict[Any, Event] = {}
        for event in self._in_order():
            key = self.picture_key(event)
            if key is None:
                continue
            if self.clears(event):
                picture.pop(key, None)
            elif matches(wanted, event):
                picture[key] = event
        events = sorted(picture.values(), key=lambda event: event.sequence_id)
        return Replay("warm", events, truncated=self._is_cut(wanted, events))

    def clears(self, event: Event) -> bool:
        return self._contract.event(event.name).replay.clears

    def _in_order(self) -> list[Event]:
        floor = self.floor
        kept = [event for event in self._retained if event.sequence_id < floor]
        return sorted(kept, key=lambda event: event.sequence_id) + list(self.history)

    def picture_key(self, event: Event) -> Any:
        """The key under which a newer event replaces this one in a warm picture; None if warm pictures exclude it."""
        policy = self._contract.event(event.name).replay.policy
        if policy == "latest":
            return event.name
        if policy == "latest-per-key":
            return replay_key(self._contract, event)
        return event.sequence_id if policy == "log" else None

    def _is_cut(self, wanted: Filter, events: list[Event]) -> bool:
        """Whether the warm replay may lack an event. Also true if a dropped event may have matched the filter, which can no
        longer be checked."""
        shown = {event.name for event in events}
        for name in self._dropped:
            policy = self._contract.event(name).replay
            if policy.policy == "none" or policy.clears or not wanted.follows(name):
                continue
            if policy.policy == "log" or name in self._retained.evicted:
                return True
            if wanted.fields and not (policy.policy == "latest" and name in shown):
                return True
        return False


def matches(wanted: Filter, event: Event) -> bool:
    return wanted.mismatch(event.name, event.payload, event.source) is None


class Streams:
    """All streams of this node."""

    def __init__(
        self, make: Callable[[str, str, Contract, Limits], Stream], contract: Contract, limits: Limits
    ) -> None:
        self._make = make
        self._contract = contract
        self._limits = limits
        self._streams: dict[str, Stream] = {}
        self._epoch = make_ulid()

    def __iter__(self) -> Iterator[Stream]:
        return iter(list(self._streams.values()))

    def get(self, name: str) -> Stream:
        """Returns a stream, and creates it on first use.

        A blank stream may be forgotten. When the stream is created again, its epoch and sequenceId are usually the same.
        If a stream with content was forgotten in between, the epoch is new.
        """
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = self._make(name, self._epoch, self._contract, self._limits)
        return stream

    def end(self, stream: Stream) -> None:
        """Forgets a stream. From then on, new streams get an epoch that has never been used."""
        del self._streams[stream.name]
        if not stream.is_blank:
            self._epoch = make_ulid()

    def expired(self) -> list[Stream]:
        """The session streams that have had no traffic for longer than their TTL (RPL-5)."""
        oldest = now_ms() - self._limits["sessionTtlMs"]
        return [stream for stream in self if stream.name.startswith("session:") and stream.touched_ms < oldest]
