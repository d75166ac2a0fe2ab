"""The interfaces between the client and its subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Union

from .commands import Settle
from .wire import JsonObject, Position

#: ``waiting``: the subscription waits for a connection. ``parked``: its buffer was full; it resumes when half of the buffer has been read.
SubscriptionState = Literal["waiting", "subscribing", "replaying", "live", "parked", "ended"]


@dataclass(frozen=True)
class Gap:
    """A report that events were lost. It takes the place of the missing events (GAP-1)."""

    subscription_id: str
    #: The stream, or the pattern of the subscription if the server cannot name the streams whose events were lost (MUL-9).
    stream: str
    #: The last position before the loss; None if the subscription had no position, or if ``stream`` is a pattern.
    start: Union[Position, None]
    #: Delivery continues after this position; None if ``stream`` is a pattern.
    end: Union[Position, None]
    #: The reason: one of the contract or, if the client itself detected the loss, one of ``ClientGapReason``.
    reason: str
    #: How to restore the lost state: the ``repair`` object that the server sent.
    repair: Union[Mapping[str, object], None]
    noticed_by: Literal["server", "client"]


@dataclass(frozen=True)
class ReplayEnd:
    """The content of a ``replay_complete``; it has a position only for a subscription to one stream (RPL-2, MUL-7)."""

    position: Union[Position, None]
    count: int
    truncated: bool


class SubscriptionPort(Protocol):
    """The functions of a client that a subscription uses."""

    def send_command(self, command: str, data: JsonObject, settle: Settle) -> bool: ...

    def backoff(self, attempt: int) -> float: ...

    def report(self, name: str, detail: object) -> None: ...

    def remove(self, id_: str) -> None: ...
