"""A client's report on its own connection, for support and dashboards, and to find out why it does not connect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Union

from .connection import ConnectionEnd
from .pushes import AnyFeed
from .subscription_port import SubscriptionState
from .wire import Position

ClientState = Literal["idle", "connecting", "open", "reconnecting", "closed"]


@dataclass(frozen=True)
class SubscriptionDiagnosis:
    id: str
    stream: str
    state: SubscriptionState
    position: Union[Position, None]
    #: The number of events of the stream between the reader and the newest event that the server has reported; None if unknown.
    lag: Union[int, None]
    buffered: int
    gap_count: int


@dataclass(frozen=True)
class Diagnosis:
    url: str
    state: ClientState
    #: Number of connections on which commands could be sent.
    connections: int
    #: Number of consecutive attempts to connect that failed; 0 while connected.
    failed_attempts: int
    #: How the latest socket ended.
    last_close: Union[ConnectionEnd, None]
    #: The latest error that no call has raised. None after each successful connection.
    last_error: Union[BaseException, None]
    #: Number of gaps of all subscriptions.
    gaps: int
    #: Number of heartbeats that counted more events than were received (CON-3).
    losses: int
    subscriptions: Sequence[SubscriptionDiagnosis]


class Counts:
    """Counts the reports of the client; see :class:`Diagnosis` for the meaning of each count."""

    def __init__(self) -> None:
        self.connections = self.failed_attempts = self.gaps = self.losses = 0
        self.last_close: Union[ConnectionEnd, None] = None
        self.last_error: Union[BaseException, None] = None

    def note(self, name: str, detail: object) -> None:
        """Counts a report of the client. Called before the listeners receive the report."""
        if name == "ready":
            self.connections += 1
            self.failed_attempts = 0
            self.last_error = None
        elif name == "connecting" and isinstance(detail, int):
            self.failed_attempts = detail - 1
        elif name == "closed" and isinstance(detail, ConnectionEnd):
            self.last_close = detail
        elif name == "error" and isinstance(detail, BaseException):
            self.last_error = detail
        elif name == "gap":
            self.gaps += 1
        elif name == "loss":
            self.losses += 1

    def diagnose(self, url: str, state: ClientState, subscriptions: Iterable[AnyFeed]) -> Diagnosis:
        return Diagnosis(
            url=url,
            state=state,
            connections=self.connections,
            failed_attempts=self.failed_attempts,
            last_close=self.last_close,
            last_error=self.last_error,
            gaps=self.gaps,
            losses=self.losses,
            subscriptions=[
                SubscriptionDiagnosis(each.id, each.stream, each.state, each.position, each.lag, each.buffered, each.gap_count)
                for each in subscriptions
            ],
        )
