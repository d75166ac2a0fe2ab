"""Subscriptions, and their matching."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Iterator

from .clock import now_ms, timestamp
from .errors import ProtocolError
from .filters import Filter, Mismatch
from .principals import covers
from .streams import Event, Position, Recovery

if TYPE_CHECKING:
    from .connection import Connection


@dataclass(eq=False)
class Subscription:
    """One subscription of one connection, with its counts."""

    connection: Connection
    id: str
    stream: str
    """The stream of the subscription; empty if the subscription has many streams."""
    wanted: Filter
    mode: str
    position: Position
    """The position at which live delivery began."""
    recovery: Recovery
    created_ms: int = field(default_factory=now_ms)
    active_ms: int = field(default_factory=now_ms)
    delivered_ms: int | None = None
    replayed_ms: int | None = None
    delivered: int = 0
    replayed: int = 0
    gaps: int = 0
    replaying_after: int | None = None
    """While a replay is being written: the last written sequenceId."""
    confirmed: bool = False
    """Whether `subscribed` has been written."""
    ended: bool = False
    streams: list[str] | None = None
    """Names and patterns of the streams, if the subscription has many streams."""
    waiting: dict[str, Position] = field(default_factory=dict)
    """While many streams are replayed: the written position of each stream whose replay is not complete."""

    @property
    def selectors(self) -> list[str]:
        return [self.stream] if self.streams is None else self.streams

    def follows(self, stream: str) -> bool:
        return any(covers(each, stream) for each in self.selectors)

    def mismatch(self, event: Event) -> Mismatch | None:
        """Why a live event does not match this subscription, or None if it matches."""
        if not self.follows(event.stream):
            return Mismatch("stream", self.selectors, [event.stream])
        return self.wanted.mismatch(event.name, event.payload, event.source)

    def wire(self) -> dict[str, Any]:
        """The `data` of the reply `subscribed`."""
        named: dict[str, Any] = (
            {"stream": self.stream, "position": self.position.wire()} if self.streams is None else {"streams": self.streams}
        )
        return {
            "subscriptionId": self.id,
            **named,
            "events": self.wanted.events,
            "filter": self.wanted.fields,
            "recovery": self.recovery.wire(),
        }

    def listed(self, head: Position | None) -> dict[str, Any]:
        """One item of the reply `subscriptions`, with the current position."""
        return {
            **self.wire(),
            **({} if head is None else {"position": head.wire()}),
            "createdAt": timestamp(self.created_ms),
            "delivered": self.delivered,
            "replayed": self.replayed,
        }

    def count(self, event: Event, *, is_replay: bool) -> None:
        """Counts an event message that was written for this subscription."""
        self.active_ms = now_ms()
        if is_replay:
            self.replayed += 1
            if self.streams is None:
                self.replaying_after = event.sequence_id
            else:
                self.waiting[event.stream] = event.position
        else:
            self.delivered += 1
            self.delivered_ms = self.active_ms


class SubscriptionTable:
    """All subscriptions of this node, by stream for fan-out, and by connection and id for commands."""

    def __init__(self) -> None:
        self._by_selector: dict[str, dict[Connection, dict[str, Subscription]]] = {}
        self._by_connection: dict[Connection, dict[str, Subscription]] = {}

    def __iter__(self) -> Iterator[Subscription]:
        for subscriptions in self._by_connection.values():
            yield from subscriptions.values()

    def add(self, subscription: Subscription) -> None:
        connection = subscription.connection
        self._by_connection.setdefault(connection, {})[subscription.id] = subscription
        for selector in subscription.selectors:
            self._by_selector.setdefault(selector, {}).setdefault(connection, {})[subscription.id] = subscription

    def of(self, connection: Connection) -> list[Subscription]:
        """The subscriptions of a connection, oldest first."""
        return list(self._by_connection.get(connection, {}).values())

    def on(self, stream: str) -> list[tuple[Connection, list[Subscription]]]:
        """Each connection with its subscriptions to the stream, including subscriptions to many streams."""
        found: dict[Connection, list[Subscription]] = {}
        for selector, connections in self._by_selector.items():
            if covers(selector, stream):
                for connection, each in connections.items():
                    found.setdefault(connection, []).extend(each.values())
        return list(found.items())

    def alone_on(self, stream: str) -> bool:
        """Whether a subscription names the stream as its only one."""
        return any(each.streams is None for _, subscriptions in self.on(stream) for each in subscriptions)

    def has(self, connection: Connection, subscription_id: str) -> bool:
        return subscription_id in self._by_connection.get(connection, {})

    def get(self, connection: Connection, subscription_id: str) -> Subscription:
        """:raises ProtocolError: subscription_not_found"""
        found = self._by_connection.get(connection, {}).get(subscription_id)
        if found is None:
            raise ProtocolError(
                "subscription_not_found",
                f"This connection has no subscription {subscription_id}.",
                pointer="/data/subscriptionId",
            )
        return found

    def remove(self, subscription: Subscription) -> None:
        subscription.ended = True
        connection = subscription.connection
        _discard(self._by_connection, connection, subscription.id)
        for selector in subscription.selectors:
            by_connection = self._by_selector[selector]
            _discard(by_connection, connection, subscription.id)
            if not by_connection:
                del self._by_selector[selector]

    def matching(self, event: Event) -> Iterator[tuple[Connection, list[Subscription]]]:
        """Each connection with its matching subscriptions (EVT-2)."""
        for connection, subscriptions in self.on(event.stream):
            matched = [each for each in subscriptions if each.mismatch(event) is None]
            if matched:
                yield connection, matched


def _discard(table: dict[Any, dict[str, Subscription]], key: Any, subscription_id: str) -> None:
    table[key].pop(subscription_id)
    if not table[key]:
        del table[key]
