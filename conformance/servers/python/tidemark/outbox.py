"""What one connection still has to be sent (BCK-1).

Two lanes: control messages pass whatever waits; what must keep its place among the events waits with them. A replay is
one entry of the ordered lane, unrolled as the socket drains, so that a long one costs no copy and no bound.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Callable, Iterator

from .contract import Limits
from .envelope import Message
from .streams import Event, Position
from .subscriptions import Subscription

GUESSED_BYTES = 256
"""For a message that is made only when its turn comes."""


@dataclass
class Outgoing:
    """One message on its way: made now, or when its turn comes."""

    make: Callable[[], Message]
    size: int = GUESSED_BYTES
    event: Event | None = None
    subscriptions: list[Subscription] = field(default_factory=list)
    is_replay: bool = False
    queued_at: float = field(default_factory=time.monotonic)
    close: str | None = None
    """The name of the close code: after this message the connection is closed."""
    companions: list[Message] = field(default_factory=list)
    """Written with it, so that nothing comes in between."""
    after: tuple[str, Position] | None = None
    """A stream, and the position that a client resumes from as long as it has not got the message (CON-7)."""
    on_written: Callable[[], None] | None = None

    def before(self, stream: str) -> Position | None:
        """The position of the stream that stands before this message; None when it belongs to another stream or to none."""
        if self.event is not None and self.event.stream == stream:
            return Position(self.event.position.epoch, self.event.sequence_id - 1)
        return self.after[1] if self.after is not None and self.after[0] == stream else None


Unrolled = Iterator[Outgoing]


class Outbox:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._control: deque[Outgoing] = deque()
        self._ordered: deque[Outgoing | Unrolled] = deque()
        self.bytes = 0
        self.messages = 0

    def urgent(self, message: Outgoing) -> None:
        self._count(message, 1)
        self._control.append(message)

    def in_order(self, message: Outgoing) -> None:
        self._count(message, 1)
        self._ordered.append(message)

    def replay(self, messages: Unrolled) -> None:
        self._ordered.append(messages)

    def take(self) -> Outgoing | None:
        """The message whose turn it is."""
        if self._control:
            return self._counted_off(self._control.popleft())
        while self._ordered:
            first = self._ordered[0]
            if isinstance(first, Outgoing):
                self._ordered.popleft()
                return self._counted_off(first)
            unrolled = next(first, None)
            if unrolled is not None:
                return unrolled
            self._ordered.popleft()
        return None

    def clear(self) -> None:
        self._control.clear()
        self._ordered.clear()
        self.bytes = self.messages = 0

    def oldest_ms(self) -> int:
        """Age of the oldest message that waits for its turn."""
        firsts = [lane[0] for lane in (self._control, self._ordered) if lane]
        ages = [time.monotonic() - first.queued_at for first in firsts if isinstance(first, Outgoing)]
        return int(max(ages, default=0) * 1000)

    def first_waiting(self, stream: str) -> Position | None:
        """The position before the first live event or gap of a stream that has not been written yet."""
        for message in self._ordered:
            before = message.before(stream) if isinstance(message, Outgoing) else None
            if before is not None:
                return before
        return None

    def is_past(self, share: float) -> bool:
        """Whether a bound is passed, or a share of one: half is the soft limit (BCK-2)."""
        return (
            self.bytes > self._limits["sendQueueBytes"] * share
            or self.messages > self._limits["sendQueueMessages"] * share
            or self.oldest_ms() > self._limits["sendQueueAgeMs"] * share
        )

    def _count(self, message: Outgoing, sign: int) -> None:
        self.bytes += sign * message.size
        self.messages += sign

    def _counted_off(self, message: Outgoing) -> Outgoing:
        self._count(message, -1)
        return message
