"""The send queue of one connection (BCK-1).

It has two lanes: control messages overtake everything queued, and messages that must keep their order wait with the
events. A replay is one entry of the ordered lane. Its messages are built only when the socket has room, so a long
replay needs no copy and does not count against the limits.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Callable, Iterator

from .contract import Limits
from .envelope import Message
from .streams import Event, Position
from .subscriptions import Subscription

GUESSED_BYTES = 256
"""The assumed size of a message that is built only when it is sent."""


@dataclass
class Outgoing:
    """One queued message, built now or when it is sent."""

    make: Callable[[], Message]
    size: int = GUESSED_BYTES
    event: Event | None = None
    subscriptions: list[Subscription] = field(default_factory=list)
    is_replay: bool = False
    queued_at: float = field(default_factory=time.monotonic)
    close: str | None = None
    """The name of the close code if the connection is closed after this message."""
    companions: list[Message] = field(default_factory=list)
    """Messages that are written directly after this one."""
    after: tuple[str, Position] | None = None
    """For a gap: its stream, and the position from which a client must resume if it has not received the gap (CON-7)."""
    on_written: Callable[[], None] | None = None

    def before(self, stream: str) -> Position | None:
        """The position of the stream before this message; None if the message does not belong to the stream."""
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
        """Removes and returns the next message."""
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
        """The age of the oldest queued message."""
        firsts = [*islice(self._control, 1), *islice(self._ordered, 1)]
        ages = [time.monotonic() - first.queued_at for first in firsts if isinstance(first, Outgoing)]
        return int(max(ages, default=0) * 1000)

    def first_waiting(self, stream: str) -> Position | None:
        """The position before the first unwritten live event or gap of a stream."""
        for message in self._ordered:
            before = message.before(stream) if isinstance(message, Outgoing) else None
            if before is not None:
                return before
        return None

    def is_past(self, share: float) -> bool:
        """Whether the queue exceeds a share of its bounds: half is the soft limit (BCK-2)."""
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
